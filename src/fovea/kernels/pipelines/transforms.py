"""The matrices of Winograd's F(4, 3): four outputs of a filter of three, from six inputs, by six products.

    y = Aᵀ [(G g) ⊙ (Bᵀ d)]                                                                              (1)

         ⎡ 4   0  −5   0   1   0 ⎤        ⎡  1/4     0     0  ⎤
         ⎢ 0  −4  −4   1   1   0 ⎥        ⎢ −1/6  −1/6  −1/6  ⎥         ⎡ 1   1   1   1   1   0 ⎤
    Bᵀ = ⎢ 0   4  −4  −1   1   0 ⎥    G = ⎢ −1/6   1/6  −1/6  ⎥    Aᵀ = ⎢ 0   1  −1   2  −2   0 ⎥
         ⎢ 0  −2  −1   2   1   0 ⎥        ⎢ 1/24  1/12   1/6  ⎥         ⎢ 0   1   1   4   4   0 ⎥
         ⎢ 0   2  −1  −2   1   0 ⎥        ⎢ 1/24 −1/12   1/6  ⎥         ⎣ 0   1  −1   8  −8   1 ⎦
         ⎣ 0   4   0  −5   0   1 ⎦        ⎣   0     0     1   ⎦

Two dimensions are one after the other: a tile of 6 × 6 inputs gives 4 × 4 outputs by 36 products instead of
144. The six are values of polynomials at the points 0, 1, −1, 2, −2 and ∞; the numbers are those of Lavin and
Gray, Fast Algorithms for Convolutional Neural Networks (2015), arXiv:1509.09308, section 4.3. The large ones
among them cost about one decimal digit of precision.

Every function takes the numbers along one axis and gives those that the matrix makes of them, with what the
rows have in common computed once.
"""

import halide as hl

from fovea.kernels.problem import ConvProblem
from fovea.kernels.winograd_tiles import OUTPUTS

INPUTS = OUTPUTS + 2  # pixels of a tile of the input along an axis


def suited(plain: tuple) -> ConvProblem:
    """The convolution that a specification describes, which must be one for F(4 × 4, 3 × 3)."""
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


def along_rows_and_columns(transform, values, i: hl.Expr, j: hl.Expr, count: int, name: str, at: tuple):
    """Both axes: (rows, result), where result [*at, i, j] applies `transform` to both axes of
    values(i, j), `count` numbers along each; `rows` is what lies between.

    Sums are rounded in the order in which they are written. The compiler would choose one by what else a
    kernel does, and few pictures would not get the bits that many get.
    """
    v = hl.Var("v")
    rows, result = hl.Func(f"{name}_rows"), hl.Func(name)

    def transformed(numbers: list) -> list:
        return [hl.strict_float(number) for number in transform(numbers)]

    rows[(*at, v, i)] = hl.mux(i, transformed([values(a, v) for a in range(count)]))
    result[(*at, i, j)] = hl.mux(j, transformed([rows[(*at, b, i)] for b in range(count)]))
    return rows, result


def spread(f: hl.Func, dimension: hl.Var, extent: int, unit: int = 1) -> None:
    """Store `dimension` with an odd number of units, so that the 36 numbers of a tile, which are far apart,
    do not fall on each other in the cache, as they would at a distance of a power of two."""
    f.align_storage(dimension, (extent | 1) * unit)


def _part(n: int) -> hl.Expr:
    return hl.f32(1 / n)
