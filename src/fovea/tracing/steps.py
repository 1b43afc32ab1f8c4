"""A value of a network and the numbers that it is computed from.

Nearly every value in a network, forward and backward, is a sum of products, and perhaps a bias:

    value = Σ_t left[t] · right[t] + bias                                                                  (1)

In a convolution the terms t are the pixels of a window; in pooling the right factors select the largest
pixel, or are all equal; ReLU and Flatten have one term. So `Sum` describes all of them; only softmax has a
class of its own.

`sum` is (1) in float64, where a product of two float32 is exact. `value` is the network's number: in float32,
summed in the engine's order. They differ by rounding: by at most 1e-5 of the largest number in the layer's
output, or 1e-4 of the largest in a gradient.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from fovea.layers.base import Gradients, Layer
from fovea.reference.quiet import quietly
from fovea.tracing import tables


@dataclass(frozen=True, eq=False)
class Step:
    """The value of `array` at the position `at`, computed by `rule`, in the layer called `layer`.

    `type` is the layer's class. `array` is named as in the layer's formulas: "Z" or "A" forward, "dA_prev",
    "dZ", "dW", "db" backward. Positions have no batch axis.
    """

    layer: str
    type: str
    array: str
    at: tuple[int, ...]
    rule: str
    sum: float
    value: float

    def to_json(self, most: int | None = None) -> dict[str, Any]:
        """The step in lists, numbers, strings and None; numbers that are not finite are "NaN", "Infinity" or
        "-Infinity".

        With `most`, at most that number of terms, largest products first; by default all terms in their
        order.
        """
        head = {name: getattr(self, name) for name in ("layer", "type", "array", "rule")}
        return head | {"at": list(self.at), "sum": plain(self.sum), "value": plain(self.value)}


@dataclass(frozen=True, eq=False)
class Factor:
    """One side of all products: `values` of the array called `name`, and their positions in it.

    `at` has the shape of `values` and one more axis, for the coordinates. In padding these are outside the
    array. It is None for numbers that are in no array, such as the weights of an average.
    """

    name: str
    values: np.ndarray
    at: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Sum(Step):
    """A value by (1). `products`, `left.values`, `right.values` and `inside` have the shape of the terms.

    For a convolution and for pooling that is the window's, (f_H, f_W) or (f_H, f_W, C_in); for an input's
    gradient (f_H, f_W, C_out), and for a weight's the output's (n_H, n_W). `right` is None if the left
    numbers are summed as they are. `inside` is False where there is no number: in padding, or outside all
    windows; the factors are 0 there. `bias` is None if none is added. `winner` is the term with the maximum.
    """

    left: Factor
    right: Factor | None
    inside: np.ndarray
    products: np.ndarray = field(repr=False)
    bias: float | None = None
    winner: tuple[int, ...] | None = None

    def __str__(self) -> str:
        return tables.of_sum(self)

    def order(self) -> np.ndarray:
        """Flat indices of the terms inside, by falling absolute value of the product; ties keep their
        order."""
        size = np.where(np.isnan(self.products), np.inf, np.abs(self.products)).ravel()
        order = np.argsort(-size, kind="stable")
        return order[self.inside.ravel()[order]]

    def to_json(self, most: int | None = None) -> dict[str, Any]:
        """As `Step.to_json`; "terms" has a list for each of their properties."""
        chosen = np.arange(self.products.size) if most is None else self.order()[:most]
        rest = np.delete(self.products.ravel(), chosen)
        terms = {
            "index": plain(np.argwhere(np.ones(self.products.shape, bool))[chosen]),
            "left": plain(self.left.values.ravel()[chosen]),
            "left_at": _places(self.left, chosen),
            "right": None if self.right is None else plain(self.right.values.ravel()[chosen]),
            "right_at": None if self.right is None else _places(self.right, chosen),
            "product": plain(self.products.ravel()[chosen]),
            "inside": self.inside.ravel()[chosen].tolist(),
        }
        return super().to_json() | {
            "left": self.left.name,
            "right": None if self.right is None else self.right.name,
            "shape": list(self.products.shape),
            "terms": terms,
            "rest": {"terms": int(np.delete(self.inside.ravel(), chosen).sum()), "sum": plain(rest.sum())},
            "bias": plain(self.bias),
            "winner": None if self.winner is None else list(self.winner),
        }


@dataclass(frozen=True, eq=False)
class Softmax(Step):
    """A probability, exp(Z_k − max Z) / Σ exp(Z − max Z), or the gradient of the cross-entropy, A_k − Y_k.

    Z, exponentials, A (classes,); Y (classes,) is 1 at the label and None forward.
    """

    Z: np.ndarray
    exponentials: np.ndarray
    A: np.ndarray
    Y: np.ndarray | None
    names: tuple[str, ...]

    def __str__(self) -> str:
        return tables.of_softmax(self)

    def to_json(self, most: int | None = None) -> dict[str, Any]:
        """As `Step.to_json`; "terms" has the largest logits first."""
        chosen = np.arange(len(self.Z)) if most is None else np.argsort(-self.Z, kind="stable")[:most]
        terms = {
            "index": chosen.tolist(),
            "class": [self.names[k] for k in chosen],
            "Z": plain(self.Z[chosen]),
            "exponential": plain(self.exponentials[chosen]),
            "A": plain(self.A[chosen]),
            "Y": None if self.Y is None else plain(self.Y[chosen]),
        }
        return super().to_json() | {"terms": terms, "total": plain(self.exponentials.sum())}


@dataclass(frozen=True, eq=False)
class Passed:
    """A layer's input, output and gradients for one picture, without the batch axis.

    Z is the layer's output, even if its formulas call it A. Without a backward pass the last three are empty.
    """

    layer: Layer
    A_prev: Any  # an array; a tuple of them if the layer merges several
    Z: np.ndarray
    cache: Any
    dZ: np.ndarray = field(default_factory=lambda: np.empty(0))
    dA_prev: Any = field(default_factory=lambda: np.empty(0))
    gradients: Gradients = field(default_factory=dict)

    def parameter(self, name: str) -> np.ndarray:
        return self.layer.parameter(name, self.A_prev)

    @quietly
    def sum(
        self,
        array: str,
        at: tuple[int, ...],
        values: np.ndarray,
        rule: str,
        left: Factor,
        right: Factor | None = None,
        *,
        inside: np.ndarray | None = None,
        bias: float | None = None,
        chosen: bool = False,
        winner: tuple[int, ...] | None = None,
    ) -> Sum:
        """The step behind `values[at]`. With `chosen` the right factors are 0 or 1 and select terms: the
        others give 0, even if they are infinite."""
        shape = np.shape(left.values)
        inside = np.ones(shape, bool) if inside is None else np.broadcast_to(inside, shape)
        products = np.asarray(left.values, np.float64)
        if right is not None:
            factors = np.asarray(right.values, np.float64)
            products = np.where(factors, products, 0.0) if chosen else products * factors
        products = np.where(inside, products, 0.0)
        total = float(products.sum()) + (0.0 if bias is None else float(bias))
        return Sum(
            layer=self.layer.name, type=type(self.layer).__name__, array=array, at=at, rule=rule, sum=total,
            value=float(values[at]), left=left, right=right, inside=inside, products=products,
            bias=None if bias is None else float(bias), winner=winner,
        )  # fmt: skip


@dataclass(frozen=True)
class Tracer:
    """The functions of (passed, at) that trace a kind of layer; `parameters` has one per parameter."""

    forward: Callable[[Passed, tuple[int, ...]], Step]
    backward_input: Callable[[Passed, tuple[int, ...]], Step]
    parameters: Mapping[str, Callable[[Passed, tuple[int, ...]], Step]] = field(default_factory=dict)


def plain(value: Any) -> Any:
    """`value`, a number, an array or None, in types that JSON has."""
    if value is None:
        return None
    content = np.asarray(value).tolist()
    if np.isfinite(value).all():
        return content
    return [plain(part) for part in content] if isinstance(content, list) else _word(content)


def _word(value: float) -> float | str:
    return value if isfinite(value) else {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]


def _places(factor: Factor, chosen: np.ndarray) -> list[list[int]] | None:
    return None if factor.at is None else factor.at.reshape(-1, factor.at.shape[-1])[chosen].tolist()
