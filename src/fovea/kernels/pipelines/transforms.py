"""The matrices of Winograd's F(4, 3): four outputs of a filter of three, from six inputs, by six products.

    y = Aᵀ [(G g) ⊙ (Bᵀ d)]                                                                              (1)

         ⎡ 4   0  −5   0   1   0 ⎤        ⎡  1/4     0     0  ⎤
         ⎢ 0  −4  −4   1   1   0 ⎥        ⎢ −1/6  −1/6  −1/6  ⎥         ⎡ 1   1   1   1   1   0 ⎤
    Bᵀ = ⎢ 0   4  −4  −1   1   0 ⎥    G = ⎢ −1/6   1/6  −1/6  ⎥    Aᵀ = ⎢ 0   1  −1   2  −2   0 ⎥
         ⎢ 0  −2  −1   2   1   0 ⎥        ⎢ 1/24  1/12   1/6  ⎥         ⎢ 0   1   1   4   4   0 ⎥
         ⎢ 0   2  −1  −2   1   0 ⎥        ⎢ 1/24 −1/12   1/6  ⎥         ⎣ 0   1  −1   8  −8   1 ⎦
         ⎣ 0   4   0  −5   0   1 ⎦        ⎣   0     0     1   ⎦

In two dimensions, the transforms are applied along rows and columns: a tile of 6 × 6 inputs gives 4 × 4
outputs by 36 products instead of 144. The six products are values of polynomials at the points 0, 1, −1, 2,
−2 and ∞; the matrices are those of Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (2015),
arXiv:1509.09308, section 4.3. Their large entries cost about one decimal digit of precision.

Each function multiplies the numbers along one axis by one of the matrices, and computes common terms of its
rows once.
"""

import halide as hl

from fovea.kernels.problem import ConvProblem
from fovea.kernels.winograd_tiles import OUTPUTS

INPUTS = OUTPUTS + 2  # pixels of a tile of the input along an axis


def suited(plain: tuple) -> ConvProblem:
    """The convolution of a specification; it must suit F(4 × 4, 3 × 3)."""
    problem = ConvProblem.of(plain)
    window, _, _, groups, _, lanes = problem
    assert (window.size, window.stride, window.dilation, groups, lanes) == ((3, 3), (1, 1), (1, 1), 1, 1)
    return problem


def input_transform(d: list) -> list:
    """Bᵀ d, 6 → 6."""
    even, odd = d[4] - 4 * d[2], d[3] - 4 * d[1]
    even2, odd2 = d[4] - d[2], 2 * (d[3] - d[1])
    return [
        4 * (d[0] - d[2]) + even2,
        even + odd,
        even - odd,
        even2 + odd2,
        even2 - odd2,
        (d[5] - d[3]) - 2 * odd2,
    ]


def filter_transform(g: list) -> list:
    """G g, 3 → 6."""
    outer, near = g[0] + g[2], g[0] * _part(24) + g[2] * _part(6)
    return [
        g[0] * _part(4),
        (outer + g[1]) * -_part(6),
        (outer - g[1]) * -_part(6),
        near + g[1] * _part(12),
        near - g[1] * _part(12),
        g[2],
    ]


def output_transform(m: list) -> list:
    """Aᵀ m, 6 → 4."""
    sum1, difference1, sum2, difference2 = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    return [
        m[0] + sum1 + sum2,
        difference1 + 2 * difference2,
        sum1 + 4 * sum2,
        difference1 + 8 * difference2 + m[5],
    ]


def output_gradient_transform(z: list) -> list:
    """A z, 4 → 6: the transpose of `output_transform`."""
    even, odd, even2, odd2 = z[0] + z[2], z[1] + z[3], z[0] + 4 * z[2], 2 * z[1] + 8 * z[3]
    return [z[0], even + odd, even - odd, even2 + odd2, even2 - odd2, z[3]]


def filter_gradient_transform(u: list) -> list:
    """Gᵀ u, 6 → 3: the transpose of `filter_transform`."""
    sum1, difference1, sum2, difference2 = u[1] + u[2], u[2] - u[1], u[3] + u[4], u[3] - u[4]
    return [
        u[0] * _part(4) - sum1 * _part(6) + sum2 * _part(24),
        difference1 * _part(6) + difference2 * _part(12),
        (sum2 - sum1) * _part(6) + u[5],
    ]


def along_rows_and_columns(transform, values, i: hl.Expr, j: hl.Expr, count: int, name: str, index: tuple):
    """(rows, result): result [*index, i, j] applies `transform` along both axes of values(i, j), `count`
    numbers along each; `rows` is the intermediate result after one axis.

    Sums are rounded in the order in which they are written. Otherwise LLVM would choose an order that depends
    on the rest of the kernel, and small and large batches would differ in their last bits.
    """
    v = hl.Var("v")
    rows, result = hl.Func(f"{name}_rows"), hl.Func(name)

    def transformed(numbers: list) -> list:
        return [hl.strict_float(number) for number in transform(numbers)]

    rows[(*index, v, i)] = hl.mux(i, transformed([values(a, v) for a in range(count)]))
    result[(*index, i, j)] = hl.mux(j, transformed([rows[(*index, b, i)] for b in range(count)]))
    return rows, result


def spread(f: hl.Func, dimension: hl.Var, extent: int, unit: int = 1) -> None:
    """Store `dimension` with an odd number of units: at distances of a power of two, the 36 numbers of a tile
    would compete for the same set of the cache."""
    f.align_storage(dimension, (extent | 1) * unit)


def _part(n: int) -> hl.Expr:
    return hl.f32(1 / n)
