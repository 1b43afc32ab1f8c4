"""The shapes that the operations are tried on, and what counts as equal.

One description of a case serves Hypothesis, which draws freely, and a seeded generator, which draws the same
few cases every time: for compiled kernels, so that compiling does not rule the tests' time.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from fovea import engine
from fovea.geometry import Padding, Pair, Window

FORWARD, GRADIENT = 1e-5, 1e-4  # the largest error of float32, of the largest number in the result
WINOGRAD_FORWARD, WINOGRAD_GRADIENT = 5e-5, 2e-4  # the same, where Winograd's algorithm may be chosen

halide = pytest.mark.skipif(not engine.available(), reason="Halide is not installed")
ENGINES = ["reference", pytest.param("halide", marks=halide)]
drawn = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Case:
    """A window over N pictures of H × W pixels and C channels; K filters in groups (in pooling without
    meaning)."""

    N: int
    H: int
    W: int
    C: int
    K: int
    size: Pair
    stride: Pair
    padding: Padding
    dilation: Pair = (1, 1)
    groups: int = 1
    ceil_mode: bool = False
    more: Pair = (0, 0)

    def __str__(self) -> str:
        return " ".join(f"{f.name}={getattr(self, f.name)}".replace(" ", "") for f in fields(self))

    @property
    def window(self) -> Window:
        return Window.of(
            (self.H, self.W),
            self.size,
            self.stride,
            self.padding,
            dilation=self.dilation,
            ceil_mode=self.ceil_mode,
        )

    @property
    def moves(self) -> dict:
        """A convolution's arguments beside its arrays."""
        return {name: getattr(self, name) for name in ("stride", "padding", "dilation", "groups")}

    @property
    def onto(self) -> dict:
        """A transposed convolution's arguments beside its arrays."""
        return self.moves | {"output_padding": self.more}

    def transposed_arrays(self, dtype: type = np.float32) -> tuple[np.ndarray, ...]:
        """A_prev, W, b, dZ of a transposed convolution to K channels: normal."""
        rng = np.random.default_rng([self.N, self.H, self.W, self.C, self.K, *self.size, *self.stride])
        how = {"output_padding": self.more, "dilation": self.dilation}
        window = Window.onto((self.H, self.W), self.size, self.stride, self.padding, **how)
        shapes = (
            (self.N, self.H, self.W, self.C),
            (*self.size, self.K // self.groups, self.C),
            (self.K,),
            (self.N, *window.input, self.K),
        )
        return tuple(rng.standard_normal(shape).astype(np.float32).astype(dtype) for shape in shapes)

    @property
    def pooling(self) -> dict:
        """A pool's arguments beside its arrays and its size."""
        return {name: getattr(self, name) for name in ("stride", "padding", "dilation", "ceil_mode")}

    def arrays(self, dtype: type = np.float32, ties: bool = False) -> tuple[np.ndarray, ...]:
        """A_prev, W, b, dZ of a convolution, and dA of pooling: normal, or whole numbers with many equals."""
        rng = np.random.default_rng([self.N, self.H, self.W, self.C, self.K, *self.size, *self.stride])
        shapes = (
            (self.N, self.H, self.W, self.C),
            (*self.size, self.C // self.groups, self.K),
            (self.K,),
            (self.N, *self.window.output, self.K),
            (self.N, *self.window.output, self.C),
        )
        arrays = [rng.standard_normal(shape).astype(np.float32).astype(dtype) for shape in shapes]
        if ties:
            arrays[0] = rng.integers(-2, 3, shapes[0]).astype(dtype)
        return tuple(arrays)


def draw_case(whole: Callable[[int, int], int], *, pooling: bool = False, largest: int = 11) -> Case:
    """A case from whole(least, most), which draws a number: rectangular windows, every kind of padding."""
    size = whole(1, largest), whole(1, largest)
    stride = whole(1, 4), whole(1, 4)
    most = (max(0, min(size) - 1), *(f - 1 for f in size for _ in range(2))) if pooling else (4,) * 5
    kind = whole(0, 3)
    if kind == 0:
        padding, pads = "valid", (0, 0, 0, 0)
    elif kind == 1:
        padding, pads = "same", (size[0] - 1, 0, size[1] - 1, 0)
    elif kind == 2:
        padding = whole(0, min(4, most[0]))
        pads = (padding,) * 4
    else:
        padding = pads = tuple(whole(0, min(4, m)) for m in most[1:])
    H, W = (
        (lambda least: whole(least, least + 8))(max(1, f - p))
        for f, p in zip(size, (sum(pads[:2]), sum(pads[2:])), strict=True)
    )
    channels = (1, 3, 6, 17)
    return Case(whole(1, 3), H, W, channels[whole(0, 3)], channels[whole(0, 3)], size, stride, padding)


@st.composite
def varied(draw: st.DrawFn) -> Case:
    """Convolutions with a dilation or groups, or both; rectangular."""
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    size, stride, dilation, groups = draw(pairs), draw(pairs), draw(pairs), draw(st.integers(1, 5))
    padding = draw(st.sampled_from(["valid", "same", 2, (0, 3, 2, 1)]))
    H, W = (
        draw(st.integers(e, e + 6)) for e in ((f - 1) * d + 1 for f, d in zip(size, dilation, strict=True))
    )
    C, K = (groups * draw(st.integers(1, 3)) for _ in range(2))
    return Case(draw(st.integers(1, 3)), H, W, C, K, size, stride, padding, dilation, groups)


@st.composite
def transposed(draw: st.DrawFn) -> Case:
    """Transposed convolutions; rectangular."""
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    size, stride, dilation, groups = draw(pairs), draw(pairs), draw(pairs), draw(st.integers(1, 3))
    sides = [draw(st.integers(0, (f - 1) * d)) for f, d in zip(size, dilation, strict=True) for _ in range(2)]
    padding = draw(st.sampled_from(["valid", "same", tuple(sides)]))
    most = [(f - 1) * d for f, d in zip(size, dilation, strict=True)]
    H, W = (draw(st.integers(1 + m, m + 5)) for m in most)  # so that some output is left
    more = (0, 0) if padding == "same" else tuple(draw(st.integers(0, s - 1)) for s in stride)
    C, K = (groups * draw(st.integers(1, 3)) for _ in range(2))
    return Case(draw(st.integers(1, 3)), H, W, C, K, size, stride, padding, dilation, groups, more=more)


@st.composite
def varied_pools(draw: st.DrawFn) -> Case:
    """Pools with a dilation, or in ceil mode, or both; each window sees at least one pixel."""
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    size, stride, dilation = draw(pairs), draw(pairs), draw(pairs)
    half = [(f - 1) * d // 2 for f, d in zip(size, dilation, strict=True)]
    pads = tuple(draw(st.integers(0, p)) for p in half for _ in range(2))
    padding = draw(st.sampled_from(["valid", min(half), pads]))
    least = ((f - 1) * d + 1 for f, d in zip(size, dilation, strict=True))
    H, W = (draw(st.integers(e, e + 7)) for e in least)
    return Case(
        2, H, W, draw(st.integers(1, 3)), 1, size, stride, padding, dilation, ceil_mode=draw(st.booleans())
    )


@st.composite
def cases(draw: st.DrawFn, *, pooling: bool = False, largest: int = 11) -> Case:
    """Cases for Hypothesis to draw."""
    return draw_case(lambda least, most: draw(st.integers(least, most)), pooling=pooling, largest=largest)


def seeded_cases(count: int, **options) -> list[Case]:
    """The same cases every time."""
    rng = np.random.default_rng(39)
    return [
        draw_case(lambda least, most: int(rng.integers(least, most + 1)), **options) for _ in range(count)
    ]


CONVOLUTIONS = [
    Case(2, 28, 28, 1, 6, (5, 5), (1, 1), 2),  # LeNet-5
    Case(3, 14, 14, 6, 16, (5, 5), (1, 1), "valid"),
    Case(1, 39, 39, 3, 10, (3, 3), (1, 1), "valid"),  # the network for 39×39×3
    Case(1, 37, 37, 10, 20, (5, 5), (2, 2), "valid"),
    Case(1, 17, 17, 20, 40, (5, 5), (2, 2), "valid"),
    Case(1, 1, 1, 1, 1, (1, 1), (1, 1), "valid"),  # as small as it gets
    Case(1, 5, 5, 3, 6, (5, 5), (1, 1), "valid"),  # one window
    Case(2, 8, 8, 17, 17, (1, 1), (1, 1), "valid"),
    Case(2, 9, 9, 17, 3, (1, 1), (2, 2), "valid"),  # a stride that skips pixels
    Case(1, 11, 10, 3, 6, (2, 2), (3, 3), "valid"),
    Case(1, 35, 35, 3, 8, (11, 11), (4, 4), (1, 2, 2, 1)),
    Case(1, 32, 30, 3, 16, (7, 7), (2, 2), "same"),
    Case(2, 12, 13, 6, 6, (4, 4), (1, 1), "same"),  # an even filter
    Case(2, 12, 13, 6, 17, (3, 3), (2, 3), "same"),
    Case(1, 9, 20, 3, 6, (1, 11), (1, 1), "valid"),  # rectangular
    Case(1, 20, 9, 6, 3, (11, 1), (1, 1), "valid"),
    Case(2, 10, 7, 6, 3, (3, 5), (1, 2), "valid"),
    Case(2, 10, 9, 3, 17, (5, 2), (3, 1), (0, 3, 1, 2)),
    Case(1, 4, 4, 3, 6, (3, 3), (1, 1), 5),  # more padding than filter
    Case(1, 8, 8, 64, 64, (3, 3), (1, 1), "same"),
    Case(1, 7, 7, 32, 48, (3, 3), (1, 1), "same"),
    Case(2, 8, 9, 56, 24, (1, 1), (1, 1), "valid"),  # two vectors of filters, of which the last is half empty
    Case(2, 9, 8, 24, 88, (3, 3), (2, 2), "same"),
    Case(17, 12, 12, 1, 6, (5, 5), (1, 1), "valid"),  # more pictures than a vector has lanes
    Case(33, 8, 8, 3, 8, (3, 3), (1, 1), "same"),
    *seeded_cases(8),
]  # fmt: skip

VARIED = [  # with a dilation or groups; the kernels are another for each kind
    Case(2, 9, 8, 32, 32, (3, 3), (1, 1), 1, groups=32),  # depthwise, as MobileNetV2 has it
    Case(2, 9, 12, 96, 96, (3, 3), (2, 2), 1, groups=96),
    Case(3, 14, 13, 48, 48, (5, 5), (2, 2), 2, groups=48),
    Case(1, 7, 7, 17, 17, (3, 3), (1, 1), "same", groups=17),  # channels that fill no vector
    Case(2, 6, 7, 3, 3, (3, 3), (1, 1), 1, groups=3),
    Case(1, 9, 10, 16, 16, (7, 7), (1, 1), 3, groups=16),
    Case(2, 9, 8, 24, 48, (3, 3), (1, 1), 1, groups=24),  # two filters a channel
    Case(1, 8, 8, 6, 18, (3, 2), (2, 1), (1, 0, 2, 1), (1, 2), groups=6),
    Case(2, 11, 12, 20, 20, (3, 3), (2, 2), 2, (2, 3), groups=20),
    Case(2, 9, 8, 64, 64, (3, 3), (1, 1), 1, groups=16),  # ResNeXt's kind
    Case(1, 9, 8, 24, 40, (3, 3), (2, 2), 1, groups=8),
    Case(1, 9, 8, 48, 24, (3, 3), (1, 1), 1, groups=2),  # one side fills vectors, the other does not
    Case(2, 9, 8, 64, 32, (3, 3), (2, 2), 1, (2, 2), groups=2),
    Case(1, 6, 6, 96, 96, (1, 1), (1, 1), 0, groups=3),
    Case(2, 8, 9, 16, 32, (3, 3), (1, 1), 2, (2, 2)),  # dilated
    Case(2, 13, 12, 3, 8, (3, 3), (2, 2), "same", (2, 3)),
    Case(1, 12, 11, 20, 6, (2, 3), (3, 1), (0, 4, 1, 2), (3, 2)),
]  # fmt: skip

POOLS = [
    Case(2, 28, 28, 6, 1, (2, 2), (2, 2), "valid"),  # LeNet-5
    Case(2, 10, 10, 16, 1, (2, 2), (2, 2), "valid"),
    Case(1, 1, 1, 1, 1, (1, 1), (1, 1), "valid"),
    Case(1, 7, 7, 17, 1, (7, 7), (7, 7), "valid"),  # one window: all of the picture
    Case(2, 9, 9, 3, 1, (2, 2), (2, 2), "valid"),  # a row and a column are left over
    Case(2, 16, 16, 64, 1, (3, 3), (2, 2), 1),  # ResNet's
    Case(1, 13, 13, 6, 1, (3, 3), (2, 2), "valid"),  # windows that overlap
    Case(1, 8, 9, 3, 1, (3, 3), (1, 1), "same"),
    Case(1, 8, 9, 3, 1, (2, 3), (3, 2), "same"),
    Case(1, 11, 10, 6, 1, (2, 2), (3, 3), "valid"),  # pixels that no window sees
    Case(2, 9, 12, 17, 1, (4, 2), (1, 3), (3, 0, 1, 1)),
    Case(1, 12, 5, 3, 1, (11, 1), (1, 1), "valid"),
    Case(1, 5, 12, 1, 1, (1, 11), (1, 2), "valid"),
    Case(17, 6, 6, 1, 1, (2, 2), (2, 2), "valid"),
    Case(33, 6, 6, 3, 1, (3, 3), (3, 3), 1),
    *seeded_cases(10, pooling=True, largest=7),
]  # fmt: skip

TRANSPOSED = [  # C channels in, K out
    Case(2, 7, 8, 32, 16, (2, 2), (2, 2), "valid"),  # as U-Nets go up
    Case(1, 5, 6, 32, 16, (4, 4), (2, 2), 1),
    Case(2, 5, 4, 24, 17, (3, 3), (2, 2), 1, more=(1, 1)),
    Case(1, 6, 5, 3, 6, (3, 2), (1, 3), "same"),
    Case(3, 6, 7, 6, 3, (3, 3), (1, 1), 1),
    Case(1, 4, 5, 16, 16, (3, 3), (2, 1), (1, 0, 2, 1), (2, 1), more=(1, 0)),
    Case(1, 5, 5, 32, 32, (3, 3), (2, 2), 1, groups=32),
    Case(1, 5, 5, 16, 8, (3, 3), (1, 1), 1, groups=4),
    Case(1, 3, 3, 64, 32, (3, 3), (2, 2), 0, groups=2),
    Case(1, 3, 4, 2, 3, (2, 1), (3, 2), "valid"),  # a stride that skips pixels: there is the bias alone
]  # fmt: skip

VARIED_POOLS = [
    Case(2, 12, 12, 32, 1, (3, 3), (2, 2), "valid", ceil_mode=True),  # SqueezeNet 1.1
    Case(1, 4, 4, 3, 1, (3, 3), (2, 2), "valid", ceil_mode=True),
    Case(1, 2, 2, 17, 1, (3, 3), (2, 2), "valid", ceil_mode=True),  # smaller than a window
    Case(2, 7, 8, 6, 1, (2, 3), (3, 2), (1, 0, 1, 2), ceil_mode=True),
    Case(1, 9, 10, 16, 1, (3, 3), (1, 1), "valid", (2, 2)),
    Case(2, 9, 11, 3, 1, (3, 2), (2, 2), (2, 1, 1, 0), (2, 3)),
    Case(17, 8, 7, 1, 1, (2, 2), (1, 2), 1, (3, 2), ceil_mode=True),
]  # fmt: skip


def assert_close(got: np.ndarray | float, expected: np.ndarray | float, tolerance: float) -> None:
    """max|got − expected| / max|expected| ≤ tolerance, and the same shape."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    assert np.isfinite(got).all()
    error, largest = np.abs(got - expected).max(initial=0), np.abs(expected).max(initial=0)
    assert error <= tolerance * largest, f"error {error / largest if largest else error:.2e}"
