"""Numbers that a kernel is specialised to, or reads at run time: where its specification has 0.

A kernel for pictures of any size reads their height and width, and the host chooses the rows of its tasks for
each size. Such numbers cost time only where they divide an index that a consumer computes for every number,
so a builder divides by them once per tile or not at all.
"""

from dataclasses import replace
from typing import Any

import halide as hl

from fovea.geometry import Window


def known(*numbers: Any) -> bool:
    """Whether a kernel is specialised to all of these numbers."""
    return all(isinstance(number, int) for number in numbers)


class Numbers:
    """`arguments` are the kernel's parameters for those that it reads at run time."""

    def __init__(self) -> None:
        self.arguments: list[hl.Param] = []

    def number(self, name: str, specified: int) -> Any:
        """`specified`, or the parameter `name` if that is 0."""
        if specified:
            return specified
        self.arguments.append(hl.Param(hl.Int(32), name))
        return hl.Expr(self.arguments[-1])

    def size(self, specified: tuple[int, int]) -> Any:
        """(height, width) of a picture."""
        return self.number("height", specified[0]), self.number("width", specified[1])

    def window(self, window: Window) -> Window:
        """`window` over an input of that size: its output, too, is computed at run time."""
        return replace(window, input=self.size(window.input))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.arguments)
