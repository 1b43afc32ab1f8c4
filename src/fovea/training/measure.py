"""Measures of a network's quality: their names, ranges and directions."""

from math import inf
from typing import NamedTuple

from fovea.names import figure


class Measure(NamedTuple):
    """A measure of a network's quality.

    name: in columns and metrics.json, such as "top1". title: above its figure. share: True for numbers from 0
    to 1, shown as percentages; others are at least `least`. higher: True if higher is better; by default True
    for shares. label: in front of the number in a line of progress; by default the name.
    """

    name: str
    title: str
    share: bool = False
    least: float = 0.0
    higher: bool | None = None
    label: str | None = None

    @property
    def most(self) -> float:
        return 1 if self.share else inf

    @property
    def rises(self) -> bool:
        """True if higher is better."""
        return self.share if self.higher is None else self.higher

    def text(self, value: float) -> str:
        """The label and `value`, as in a line of progress: "loss 0.043", "98.76%"."""
        shown = f"{value:.2%}" if self.share else figure(value)
        return f"{self.name if self.label is None else self.label} {shown}".strip()


LOSS = Measure("loss", "Loss")
