"""Sums over all pictures, in a fixed number of parts that threads can share."""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO


class PartialSums:
    """A sum over all pictures, divided in order into at most `most` parts, one task each.

    The division depends only on the number of pictures, never on the number of threads.
    """

    MOST = 8

    def __init__(self, count: hl.Expr, most: int = MOST) -> None:
        self.count = count  # pictures, or groups of them
        self.share = (count + most - 1) // most  # of them per part
        self.used = (count + self.share - 1) // hl.max(self.share, 1)

    def members(self, part: hl.Var, inner: list[tuple[int, int]]) -> tuple[hl.RDom, hl.Expr]:
        """A domain over `inner` and, outermost, the members of `part`; and the number of the member."""
        domain = hl.RDom([*inner, (0, self.share)], "g")
        member = part * self.share + domain[len(inner)]
        domain.where(member < self.count)
        return domain, hl.min(member, self.count - 1)  # the same number, but bounded for Halide

    def total(self, part_sum: hl.Func, lanes: int, *index: hl.Var) -> hl.Expr:
        """Σ over parts, in order, then over lanes: part_sum is [l, *index, part]."""
        l = hl.Var("l")
        self._lane_sum, total = hl.Func(f"{part_sum.name()}_lanes"), hl.Func(f"{part_sum.name()}_total")
        p = hl.RDom([(0, self.used)], "p")
        self._lane_sum[(l, *index)] = ZERO
        self._lane_sum[(l, *index)] += part_sum[(l, *index, p[0])]
        if lanes == 1:
            return self._lane_sum[(0, *index)]
        self._across = hl.RDom([(0, lanes)], "lane")
        self._total = total
        total[index] = ZERO
        total[index] += self._lane_sum[(self._across[0], *index)]
        return total[index]

    def schedule_total(self, result: hl.Func, k: hl.Var, lanes: int, vector: int) -> None:
        """With several lanes, a vector is added up once, at the very end; with one lane, it holds filters."""
        if lanes == 1:
            self._lane_sum.compute_root().vectorize(k, vector, hl.TailStrategy.GuardWithIf)
            self._lane_sum.update().vectorize(k, vector, hl.TailStrategy.GuardWithIf)
            return
        l = hl.Var("l")
        self._total.compute_at(result, k)
        self._total.update().atomic().vectorize(self._across[0])
        self._lane_sum.compute_at(result, k).vectorize(l)
        self._lane_sum.update().vectorize(l)
