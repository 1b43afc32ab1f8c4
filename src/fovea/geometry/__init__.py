"""Windows over an input: sizes, strides, paddings, dilations and the number of positions.

A window of f pixels, d apart, covers e = d·(f − 1) + 1 of n pixels padded by p more on both sides. Moved by
the stride s, it has along one axis

    n_out = ⌊(n + 2p − e) / s⌋ + 1                                                                        (1)

positions. Ceil mode rounds up instead, but no window begins after the input and the padding before it. Both
engines, the layers and the summary compute sizes here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import index
from typing import Any, Literal, TypeAlias

from fovea.errors import ShapeError, mismatch
from fovea.ranges import MOST, check_size, short

Pair: TypeAlias = tuple[int, int]
MOST_FILTER = 4096  # rows and columns of a filter: kernels are tested up to this size
Padding: TypeAlias = Literal["valid", "same"] | int | Sequence[int]


def sides(text: str | None) -> Pair | None:
    """(H, W) from "96" or "96x128"; None for None. Raises ShapeError."""
    if text is None:
        return None
    numbers = text.lower().replace("×", "x").split("x")
    if len(numbers) > 2 or not all(re.fullmatch(r"0*[1-9]\d{,9}", number) for number in numbers):
        raise ShapeError(mismatch("size", "pixels, as 96 or 96x128 (height x width)", short(text)))
    size = int(numbers[0]), int(numbers[-1])
    check_size((*size, 3), "size", "pictures")
    return size


def pair(value: int | Sequence[int], who: str, name: str, least: int = 1, most: int = MOST) -> Pair:
    """(height, width) from `value`, one whole number for both or two; each from `least` to `most`. Raises
    ShapeError."""
    numbers = _wholes(value if isinstance(value, Sequence) else (value, value))
    if len(numbers) != 2 or min(numbers) < least or max(numbers) > most:
        expected = f"one or two whole numbers of at least {least}"
        if numbers and max(numbers) > most:
            expected += f" and at most {most:,}"
        raise ShapeError(mismatch(f"{who}: {name}", expected, short(value)))
    return numbers[0], numbers[1]


PADDING_MODES = ("zeros", "mirror")


def mirrors(padding_mode: str, who: str) -> bool:
    """Whether padding of that mode mirrors the input. Raises ShapeError for an unknown mode."""
    if padding_mode not in PADDING_MODES:
        remedy = '"mirror" is PyTorch\'s "reflect"; Pad2D has other modes'
        expected = " or ".join(f'"{mode}"' for mode in PADDING_MODES)
        raise ShapeError(mismatch(f"{who}: padding_mode", expected, short(padding_mode), remedy))
    return padding_mode == "mirror"


def _wholes(values: Sequence[Any]) -> tuple[int, ...]:
    """`values` as ints, or () if one of them is not a whole number."""
    try:
        return () if any(isinstance(value, bool) for value in values) else tuple(map(index, values))
    except TypeError:
        return ()


@dataclass(frozen=True)
class Window:
    """A window's size and its movement over an input; axes are (height, width).

    `pads` are the rows and columns added at the (top, bottom, left, right); the last `beyond` of those at the
    bottom and on the right exist only for the windows that ceil mode adds, and no average counts them. They
    are empty, or with `mirror` the input reflected in its border pixels.
    """

    input: Pair
    size: Pair
    stride: Pair
    pads: tuple[int, int, int, int]
    dilation: Pair = (1, 1)
    beyond: Pair = (0, 0)
    mirror: bool = False

    @classmethod
    def of(
        cls,
        input: Sequence[int],
        size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: Padding = "valid",
        who: str = "window",
        *,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        padding_mode: str = "zeros",
    ) -> "Window":
        """The window over an input of `input` = (height, width) pixels.

        `padding` is "valid" (none), "same" (at stride 1 the output is as large as the input, p = (e − 1)/2;
        at larger strides ⌈n/s⌉; an odd pixel is added after), one number for all sides, or four (top, bottom,
        left, right). `padding_mode` is "zeros" or "mirror", which needs less padding than there are pixels.
        Raises ShapeError if the window has no position.
        """
        input = pair(input, who, "input height and width")
        size = pair(size, who, "window size")
        stride = pair(stride, who, "stride")
        dilation = pair(dilation, who, "dilation")
        e = _extent(size, dilation)
        top, bottom, left, right = _pads(padding, input, e, stride, who)
        beyond = (0, 0)
        if ceil_mode:
            beyond = (
                _beyond(input[0], top, bottom, e[0], stride[0]),
                _beyond(input[1], left, right, e[1], stride[1]),
            )
        pads = (top, bottom + beyond[0], left, right + beyond[1])
        check_size((input[0] + sum(pads[:2]), input[1] + sum(pads[2:])), who, "a padded input")
        mirror = mirrors(padding_mode, who) and any(pads)
        if mirror and (max(pads[:2]) >= input[0] or max(pads[2:]) >= input[1]):
            expected = f"mirroring padding of at most {input[0] - 1} rows and {input[1] - 1} columns"
            got = "(top, bottom, left, right) = " + str(pads)
            raise ShapeError(mismatch(who, expected, got, 'pad less, or with padding_mode="zeros"'))
        window = cls(input, size, stride, pads, dilation, beyond, mirror)
        if min(window.output) < 1:
            padded = f"{input[0] + top + bottom}×{input[1] + left + right}"
            raise ShapeError(
                mismatch(who, f"an input of at least {e[0]}×{e[1]} with its padding", padded,
                         "make the window smaller, or pad the input")
            )  # fmt: skip
        return window

    @classmethod
    def onto(
        cls,
        positions: Sequence[int],
        size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: Padding = "valid",
        who: str = "window",
        *,
        output_padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
    ) -> "Window":
        """The window that has `positions` = (height, width). They are the input of a transposed convolution,
        whose output is this window's input, with

            n = (positions − 1)·s + e − p_before − p_after + output_padding                                (2)

        pixels along an axis, or with "same" positions · s. `output_padding` is less than the stride. Raises
        ShapeError if n is less than 1.
        """
        positions = pair(positions, who, "input height and width")
        size, stride = pair(size, who, "window size"), pair(stride, who, "stride")
        dilation, extra = pair(dilation, who, "dilation"), pair(output_padding, who, "output_padding", 0)
        if extra[0] >= stride[0] or extra[1] >= stride[1]:
            expected = f"output_padding less than the stride {stride[0]}×{stride[1]}"
            raise ShapeError(mismatch(who, expected, extra, "no window reaches further"))
        if padding == "same" and any(extra):
            remedy = 'with "same", the output has stride times the input\'s pixels'
            raise ShapeError(mismatch(who, "output_padding 0", extra, remedy))
        e = _extent(size, dilation)
        if padding == "same":
            n = positions[0] * stride[0], positions[1] * stride[1]
            pads = _pads(padding, n, e, stride, who)
        else:
            top, bottom, left, right = pads = _pads(padding, positions, e, stride, who)
            n = (
                (positions[0] - 1) * stride[0] + e[0] - top - bottom + extra[0],
                (positions[1] - 1) * stride[1] + e[1] - left - right + extra[1],
            )  # (2)
        if min(n) < 1:
            remedy = "pad less: here padding is cropped from the output"
            raise ShapeError(mismatch(who, "an output of at least 1×1", f"{n[0]}×{n[1]}", remedy))
        check_size((n[0] + sum(pads[:2]), n[1] + sum(pads[2:])), who, "an output")
        return cls(n, size, stride, pads, dilation)

    @property
    def padded(self) -> "Window":
        """The same positions over the input with its padding as one input, which has none."""
        (H, W), (top, bottom, left, right) = self.input, self.pads
        size = top + H + bottom, left + W + right
        return Window(size, self.size, self.stride, (0, 0, 0, 0), self.dilation)

    @property
    def extent(self) -> Pair:
        """e, the number of pixels from the window's first to its last."""
        return _extent(self.size, self.dilation)

    @property
    def output(self) -> Pair:
        """The number of positions (n_H, n_W), by (1)."""
        (n_H, n_W), (e_H, e_W), (s_H, s_W) = self.input, self.extent, self.stride
        top, bottom, left, right = self.pads
        return (n_H + top + bottom - e_H) // s_H + 1, (n_W + left + right - e_W) // s_W + 1

    @property
    def blind(self) -> int:
        """The number of positions, counted along each axis, that see only empty padding."""
        if self.mirror:
            return 0
        moves = self.size, self.stride, self.dilation, self.pads[::2], self.output
        return sum(_blind(*axis) for axis in zip(self.input, *moves, strict=True))


def _blind(n: int, f: int, s: int, d: int, before: int, positions: int) -> int:
    """The positions along an axis that see only padding: a window that begins at b = k·s − before, k <
    positions, sees none of n pixels in three cases."""

    def begun(end: int) -> int:
        return min(max(-(-(end + before) // s), 0), positions)  # the number of k with b < end

    early = begun(-(f - 1) * d)  # it ends before the first pixel
    late = positions - begun(n)  # it begins after the last
    # Or its pixels, d apart, straddle all n: b < 0, and b mod d is n or more. ⌊(b + d − n)/d⌋ − ⌊b/d⌋ is 1
    # for such a b and else 0, so that the difference of two sums of quotients counts the k.
    first, last = early, begun(0)
    straddling = 0
    if n < d and first < last:
        begin = first * s - before
        straddling = _quotients(last - first, s, begin + d - n, d) - _quotients(last - first, s, begin, d)
    return early + late + straddling


def _quotients(count: int, a: int, b: int, m: int) -> int:
    """Σ ⌊(a·k + b) / m⌋ over 0 ≤ k < `count`, in the number of steps of Euclid's algorithm for a and m."""
    total = 0
    while count > 0:
        total += count * (count - 1) // 2 * (a // m) + count * (b // m)
        a, b = a % m, b % m
        top = a * count + b
        # The points below the line, counted along the other axis.
        count, b, m, a = top // m, top % m, a, m
    return total


def _extent(size: Pair, dilation: Pair) -> Pair:
    return (size[0] - 1) * dilation[0] + 1, (size[1] - 1) * dilation[1] + 1


def _beyond(n: int, before: int, after: int, e: int, s: int) -> int:
    """The number of pixels beyond the padding that the windows added by ceil mode need along an axis."""
    steps = -(-(n + before + after - e) // s)  # strides to the last window
    if steps * s >= n + before:
        steps -= 1
    return max(steps * s + e - (n + before + after), 0)


def _pads(padding: Padding, input: Pair, extent: Pair, stride: Pair, who: str) -> tuple[int, int, int, int]:
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        return *_same(input[0], extent[0], stride[0]), *_same(input[1], extent[1], stride[1])
    sides = _wholes(padding if isinstance(padding, Sequence) else (padding,) * 4)
    if len(sides) == 4 and min(sides) >= 0 and max(sides) <= MOST:
        return sides[0], sides[1], sides[2], sides[3]
    expected = '"valid", "same", a whole number, or four (top, bottom, left, right)'
    raise ShapeError(mismatch(f"{who}: padding", expected, short(padding)))


def _same(n: int, e: int, s: int) -> Pair:
    """Pixels before and after, so that there are ⌈n/s⌉ positions (TensorFlow's rule)."""
    total = max((-(-n // s) - 1) * s + e - n, 0)
    return total // 2, total - total // 2
