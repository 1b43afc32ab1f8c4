"""The weights of a filter that meet a pixel, for convolutions with a stride."""

import math
from typing import NamedTuple


class Taps(NamedTuple):
    """Along an axis, pixel phase + s·m meets filter row i at window position m + o, for `count` pairs (o, i):
    from one to the next, o grows by `o_step` and i falls by `i_step`."""

    count: int
    o: int
    i: int
    o_step: int
    i_step: int

    @classmethod
    def of(cls, f: int, s: int, d: int, p: int) -> "list[Taps]":
        """Those of each of the s phases, for f filter rows with dilation d and padding p."""
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
