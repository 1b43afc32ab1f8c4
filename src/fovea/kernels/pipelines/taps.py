"""Which of a filter's numbers meet a pixel, where windows move by more than one."""

import math
from typing import NamedTuple


class Taps(NamedTuple):
    """Of an axis, what the pixels phase + s·m meet: filter row i at the windows' position m + o, for `count`
    pairs (o, i), in which o grows by a constant and i falls by one."""

    count: int
    o: int
    i: int
    o_step: int
    i_step: int

    @classmethod
    def of(cls, f: int, s: int, d: int, p: int) -> "list[Taps]":
        """For each of the s phases, where the filter's f rows are d apart."""
        result = []
        for phase in range(s):
            pairs = sorted(((phase + p - i * d) // s, i) for i in range(f) if (phase + p - i * d) % s == 0)
            (o, i), *_ = pairs or [(0, 0)]
            result.append(cls(len(pairs), o, i, d // math.gcd(s, d), s // math.gcd(s, d)))
        return result

    def position(self, t):
        """o of pair t, a number or an expression."""
        return self.o + self.o_step * t

    def tap(self, t):
        """i of pair t."""
        return self.i - self.i_step * t
