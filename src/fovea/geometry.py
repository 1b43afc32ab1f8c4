"""Where a window stands on its input: sizes, strides, paddings and the number of positions.

A window of size f moves by the stride s over n pixels with p more on both sides; along one axis it has

    n_out = ⌊(n + 2p − f) / s⌋ + 1                                                                        (1)

positions. Both engines, the layers and the summary take their numbers from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import index
from typing import Literal, TypeAlias

from fovea.errors import ShapeError, mismatch

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = Literal["valid", "same"] | int | Sequence[int]


def pair(value: int | Sequence[int], who: str, name: str, least: int = 1) -> Pair:
    """`value` for height and width: a whole number stands for both; both at least `least`."""
    try:
        numbers = (index(value),) * 2 if not isinstance(value, Sequence) else tuple(map(index, value))  # type: ignore[arg-type]
    except TypeError:
        numbers = ()
    if len(numbers) != 2 or min(numbers) < least:
        expected = f"one or two whole numbers of at least {least}"
        raise ShapeError(mismatch(f"{who}: {name}", expected, repr(value)))
    return numbers


@dataclass(frozen=True)
class Window:
    """A window's size and the way it moves over an input; axes are (height, width).

    `pads` are the rows and columns added at the (top, bottom, left, right).
    """

    input: Pair
    size: Pair
    stride: Pair
    pads: tuple[int, int, int, int]

    @classmethod
    def of(
        cls,
        input: Sequence[int],
        size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: Padding = "valid",
        who: str = "window",
    ) -> "Window":
        """The window over an input of `input` = (height, width) pixels.

        `padding` is "valid" (none), "same" (at stride 1 the output is as large as the input, p = (f − 1)/2;
        at larger strides ⌈n/s⌉; an odd pixel goes after), one number for all sides, or four (top, bottom,
        left, right). Raises ShapeError where the window has no position at all.
        """
        input = pair(input, who, "input height and width")
        size = pair(size, who, "window size")
        stride = pair(stride, who, "stride")
        window = cls(input, size, stride, _pads(padding, input, size, stride, who))
        if min(window.output) < 1:
            padded = f"{input[0] + sum(window.pads[:2])}×{input[1] + sum(window.pads[2:])}"
            raise ShapeError(
                mismatch(who, f"an input of at least {size[0]}×{size[1]} with its padding", padded,
                         "make the window smaller, or pad the input")
            )  # fmt: skip
        return window

    @property
    def output(self) -> Pair:
        """The number of positions (n_H, n_W), by (1)."""
        (n_H, n_W), (f_H, f_W), (s_H, s_W) = self.input, self.size, self.stride
        top, bottom, left, right = self.pads
        return (n_H + top + bottom - f_H) // s_H + 1, (n_W + left + right - f_W) // s_W + 1


def _pads(padding: Padding, input: Pair, size: Pair, stride: Pair, who: str) -> tuple[int, int, int, int]:
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        return *_same(input[0], size[0], stride[0]), *_same(input[1], size[1], stride[1])
    try:
        sides = tuple(map(index, padding)) if isinstance(padding, Sequence) else (index(padding),) * 4
    except TypeError:
        sides = ()
    if len(sides) == 4 and min(sides) >= 0:
        return sides
    expected = '"valid", "same", a whole number, or four (top, bottom, left, right)'
    raise ShapeError(mismatch(f"{who}: padding", expected, repr(padding)))


def _same(n: int, f: int, s: int) -> Pair:
    """Pixels before and after, so that there are ⌈n/s⌉ positions (TensorFlow's rule)."""
    total = max((-(-n // s) - 1) * s + f - n, 0)
    return total // 2, total - total // 2
