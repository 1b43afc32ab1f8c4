"""A layer with parameters and inputs made for a check, and memory that reveals unwritten values."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from unittest import mock

import numpy as np

from fovea.errors import FoveaError, mismatch
from fovea.layers.base import Gradients, Layer, Shape, pack_inputs, unpack_inputs


class CheckFailed(FoveaError, AssertionError):
    """A layer that breaks its contract."""


@dataclass
class Trial:
    """A copy of a layer with its own parameters, its inputs, and the gradient of its output."""

    who: str
    layer: Layer
    training: bool
    inputs: tuple[np.ndarray, ...]
    dZ: np.ndarray

    @classmethod
    def of(
        cls, layer: Layer, input_shape: Any, batch: int, training: bool, rng: np.random.Generator
    ) -> "Trial":
        """A trial in float64 whose values are all exact in float32."""
        who = layer.who + (" in training" if training else "")
        layer = copy.copy(layer).build(input_shape, rng, np.float64)
        for p in layer.parameters.values():
            p[...] = (p + spread(rng, p.shape) / 4).astype(np.float32)
        for s in layer.statistics.values():  # positive, because they may be variances
            s[...] = (s + np.abs(spread(rng, s.shape)) / 4).astype(np.float32)
        output_shape = layer.output_shape(input_shape)
        if not isinstance(output_shape, tuple):
            raise CheckFailed(mismatch(who, "output_shape as a tuple", repr(output_shape)))
        shapes = (*(input_shape if layer.merges else (input_shape,)), output_shape)
        *inputs, dZ = (spread(rng, (batch, *shape)) for shape in shapes)
        return cls(who, layer, training, tuple(inputs), dZ)

    def in_float32(self, who: str) -> "Trial":
        layer = copy.copy(self.layer)
        layer.parameters, layer.statistics = (
            MappingProxyType({name: values.astype(np.float32) for name, values in arrays.items()})
            for arrays in (layer.parameters, layer.statistics)
        )
        inputs = tuple(A.astype(np.float32) for A in self.inputs)
        return Trial(who, layer, self.training, inputs, self.dZ.astype(np.float32))

    def forward(self, *inputs: np.ndarray) -> tuple[np.ndarray, Any]:
        """Z and the cache, with the same random numbers at every call, so that Z is a function of the
        inputs."""
        A_prev = pack_inputs(self.layer, inputs)
        return self.layer.forward(A_prev, training=self.training, rng=np.random.default_rng(0))

    def run(self) -> Gradients:
        """All results: Z, dA_prev, "dW" for a parameter W, and "new mean" for a statistic that is updated."""
        return self.run_on(lambda array: array)

    def run_on(self, view: Callable[[np.ndarray], np.ndarray]) -> Gradients:
        """`run` with `view` applied to the inputs and dZ."""
        Z, cache = self.forward(*map(view, self.inputs))
        return {"Z": Z} | self.back(view(self.dZ), cache) | self.learned(cache)

    def back(self, dZ: np.ndarray, cache: Any) -> Gradients:
        dA_prev, gradients = self.layer.backward(dZ, cache)
        if set(gradients) != set(self.layer.parameters):
            raise CheckFailed(
                mismatch(f"{self.who}: gradients", sorted(self.layer.parameters), sorted(gradients))
            )
        parameters = {f"d{name}": gradients[name] for name in self.layer.parameters}
        return dict(zip(self._names, unpack_inputs(dA_prev), strict=True)) | parameters

    def learned(self, cache: Any) -> Gradients:
        new, expected = self.layer.update(cache), self.layer.statistics if self.training else {}
        if set(new) != set(expected):
            raise CheckFailed(mismatch(f"{self.who}: update", sorted(expected), sorted(new)))
        return {f"new {name}": new[name] for name in expected}

    @property
    def variables(self) -> dict[str, np.ndarray]:
        """The inputs and parameters, under the names of their gradients."""
        parameters = {f"d{name}": p for name, p in self.layer.parameters.items()}
        return dict(zip(self._names, self.inputs, strict=True)) | parameters

    @property
    def _names(self) -> list[str]:
        numbers = range(len(self.inputs))
        return [f"dA_prev[{number}]" for number in numbers] if self.layer.merges else ["dA_prev"]


def error_of(x: np.ndarray, reference: np.ndarray) -> float:
    """max|x − ref| / max|ref|."""
    if x.shape != reference.shape:
        return np.inf
    return float(np.abs(x.astype(np.float64) - reference).max(initial=0)) / scale_of(reference)


def scale_of(reference: np.ndarray) -> float:
    """max|ref|, but at least 0.01: smaller results of values near 1 are cancellation, mostly rounding
    errors."""
    return max(float(np.abs(reference).max(initial=0)), 0.01)


def spread(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Values between −1 and 1 in random order, none 0, all with different absolute values."""
    n = int(np.prod(shape))
    values = rng.permutation(np.arange(1, n + 1)) / n * rng.choice([-1, 1], n)
    return values.astype(np.float32).astype(np.float64).reshape(shape)


def _every_other(x: np.ndarray) -> np.ndarray:
    wide = np.full([2 * n for n in x.shape], np.nan, x.dtype)
    view = wide[(slice(None, None, 2),) * x.ndim]
    view[...] = x
    return view


VIEWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "with strides of two values": _every_other,
    "with negative strides": lambda x: np.flip(np.flip(x).copy()),
    "in Fortran order": np.asfortranarray,
    "that are read-only": lambda x: np.broadcast_to(x, x.shape),
}


@contextmanager
def poisoned_memory() -> Iterator[None]:
    """Within the block, fill uninitialised arrays with NaN, or with the largest whole number of their
    type."""

    def poison(make: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        def made(*args: Any, **kwargs: Any) -> np.ndarray:
            array = make(*args, **kwargs)
            if array.dtype.kind == "f":
                array.fill(np.nan)
            elif array.dtype.kind in "iu":
                array.fill(np.iinfo(array.dtype).max)
            return array

        return made

    with mock.patch("numpy.empty", poison(np.empty)), mock.patch("numpy.empty_like", poison(np.empty_like)):
        yield
