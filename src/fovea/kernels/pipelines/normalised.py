"""Batch normalisation of single numbers, for all kernels that apply it."""

import halide as hl

from fovea.kernels.pipelines.arrays import Float, fixed


def opaque(x: hl.Expr, epsilon: hl.Expr) -> hl.Expr:
    """x, in a form that LLVM cannot simplify: its bits XOR the sign bit of ε, which is 0, but LLVM cannot
    know that. So it cannot reassociate a sum in x with the sum that x comes from."""
    sign = hl.reinterpret(hl.UInt(32), epsilon) >> 31
    return hl.reinterpret(Float, hl.reinterpret(hl.UInt(32), x) ^ sign)


class Normalised:
    """Batch normalisation of numbers: μ, σ², γ and β of K channels, and ε, are arguments. `terms` is a small
    Func with the terms that are computed once per channel, up to a whole vector of channels.

    The order of roundings is the same in all kernels, so that all give the same bits: LLVM treats sums as
    associative, and must not see through `opaque`.
    """

    def __init__(self, K: int, vector: int) -> None:
        self.mean, self.variance, self.gamma, self.beta = arrays = [
            fixed(name, [K]) for name in ("mean", "variance", "gamma", "beta")
        ]
        self.epsilon = hl.Param(Float, "epsilon")
        self.arguments = [*arrays, self.epsilon]
        self.terms, self._k, self._vector = hl.Func("terms"), hl.Var("k"), vector
        k = hl.min(self._k, K - 1) if K % vector else self._k
        inverse = hl.f32(1.0) / hl.sqrt(self.variance[k] + self.epsilon)
        self.terms[self._k] = (self.mean[k], self.gamma[k] * inverse, self.beta[k], inverse)

    def centred(self, Z: hl.Expr, k: hl.Expr) -> hl.Expr:
        """Z − μ"""
        return Z - hl.Expr(self.terms[k][0])

    def scale(self, k: hl.Expr) -> hl.Expr:
        """γ/√(σ² + ε)"""
        return hl.Expr(self.terms[k][1])

    def inverse(self, k: hl.Expr) -> hl.Expr:
        """1/√(σ² + ε)"""
        return hl.Expr(self.terms[k][3])

    def apply(self, Z: hl.Expr, k: hl.Expr, *others: hl.Expr) -> hl.Expr:
        """(Z − μ) · γ/√(σ² + ε) + β, plus the others. The mean is subtracted first, because Z − μ is exact
        where both are large and close."""
        Y = self.centred(self._opaque(Z), k) * self.scale(k) + hl.Expr(self.terms[k][2])
        for other in others:
            Y = self._opaque(Y) + other
        return Y

    def _opaque(self, x: hl.Expr) -> hl.Expr:
        return opaque(x, self.epsilon)

    def schedule(self) -> None:
        self.terms.compute_root().vectorize(self._k, self._vector, hl.TailStrategy.RoundUp)
