"""Optimizers, which update parameters by gradients.

    SGD:   g = dw + λ·w,   v ← μ·v + g,   w ← w − η·v                                                     (1)
           with Nesterov's momentum   w ← w − η·(g + μ·v)
    Adam:  g = dw + λ·w,   m ← β₁·m + (1 − β₁)·g,   v ← β₂·v + (1 − β₂)·g²,
           w ← w − η · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)                                           (2)

with the learning rate η, the momentum μ, the weight decay λ and the number of the step t, from 1. The fields
are the hyperparameters; v and m, kept from step to step, are the state. Sources: B. Polyak, 1964, and Y.
Nesterov, 1983 (1); D. Kingma, J. Ba, 2015 (2); all as PyTorch computes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import sqrt
from typing import Any, ClassVar

import numpy as np

from fovea import functional
from fovea.errors import FoveaError, ShapeError, mismatch
from fovea.kernels import buffers
from fovea.ranges import SMALLEST, number, short
from fovea.settings import Settings


@dataclass
class Optimizer:
    """Changes parameters in place. A subclass adds its hyperparameters and `update`."""

    name: ClassVar[str] = ""
    learning_rate: ClassVar[float] = 0.01  # the default of `fovea.train`
    memories: ClassVar[tuple[str, ...]] = ()  # arrays kept for each parameter, of its size, zero at first

    steps: int = field(default=0, init=False, repr=False)  # taken so far
    _kept: dict[str, np.ndarray] = field(default_factory=dict, init=False, repr=False, compare=False)

    def step(
        self,
        parameters: Mapping[str, np.ndarray],
        gradients: Mapping[str, np.ndarray],
        rate: float,
        factors: Mapping[str, float] | None = None,
    ) -> None:
        """Change every array of `parameters` in place by the array of the same name in `gradients`.

        The arrays are contiguous; `rate` is the learning rate η of this step, and `factors` multiply it for
        the parameters that they name.
        """
        self.steps += 1
        for name, w in parameters.items():
            if not w.flags.c_contiguous:
                raise ShapeError(mismatch(self.name, f"{name} as a contiguous array", f"strides {w.strides}"))
            scaled = rate * factors.get(name, 1.0) if factors else rate
            self.update(_flat(w), _flat(gradients[name]), *self._memories(name, w), scaled)

    def update(self, w: np.ndarray, dw: np.ndarray, *memories_and_rate) -> None:
        """One step for one flat array: `update(w, dw, *memories, rate)`; `self.steps` is t."""
        raise NotImplementedError

    def state(self) -> dict[str, np.ndarray]:
        """Copies of the arrays kept from step to step, and the number of steps, for `load_state`."""
        return {"steps": np.array([self.steps], np.int64)} | {
            k: kept.copy() for k, kept in self._kept.items()
        }

    def zeros(self, sizes: Mapping[str, int], steps: int) -> dict[str, np.ndarray]:
        """Zeros in the shapes of `state` after `steps` steps, for parameters of these sizes, by name."""
        keys = [f"{name}.{memory}" for name in sizes if steps for memory in self.memories]
        kept = {key: np.zeros(sizes[key.rpartition(".")[0]], np.float32) for key in keys}
        return {"steps": np.zeros(1, np.int64)} | kept

    def load_state(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore a `state`: the next step is then the one that would have followed."""
        kept = {key: array for key, array in arrays.items() if key != "steps"}
        self._kept = {key: buffers.copy(array) for key, array in kept.items()}
        self.steps = int(arrays["steps"][0])

    def configuration(self) -> dict[str, Any]:
        """Name and hyperparameters, for files; `parse` reads them."""
        return {"name": self.name} | {f.name: getattr(self, f.name) for f in fields(self) if f.init}

    def _memories(self, name: str, w: np.ndarray) -> list[np.ndarray]:
        keys = [f"{name}.{memory}" for memory in self.memories]
        for key in keys:
            if key not in self._kept:
                self._kept[key] = buffers.zeros((w.size,), w.dtype.type)
        return [self._kept[key] for key in keys]


def _flat(array: np.ndarray) -> np.ndarray:
    """A flat view; a flat array itself, so that kernels recognise the arrays of the step before."""
    return array if array.ndim == 1 else array.reshape(-1)


@dataclass
class SGD(Optimizer):
    """Gradient descent with momentum and weight decay, by (1)."""

    name = "sgd"
    learning_rate = 0.05
    memories = ("velocity",)

    momentum: float = 0.9
    weight_decay: float = 5e-4
    nesterov: bool = False

    def update(self, w, dw, velocity, rate):
        functional.sgd(
            w, dw, velocity, rate=rate, momentum=self.momentum, weight_decay=self.weight_decay,
            nesterov=self.nesterov,
        )  # fmt: skip


@dataclass
class Adam(Optimizer):
    """Gradient descent with step sizes adapted to each parameter, by (2)."""

    name = "adam"
    learning_rate = 0.001
    memories = ("m", "v")

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        for name in ("beta1", "beta2"):
            who = f"optimizer adam: {name}"
            number(getattr(self, name), who, "a number from 0 to below 1", 0, 1 - 2**-24)
        number(self.epsilon, "optimizer adam: epsilon", "a number above 0", SMALLEST)

    def update(self, w, dw, m, v, rate):
        functional.adam(
            w, dw, m, v, rate=rate, beta1=self.beta1, beta2=self.beta2,
            epsilon=self.epsilon, weight_decay=self.weight_decay, step=self.steps,
        )  # fmt: skip


OPTIMIZERS: dict[str, type[Optimizer]] = {kind.name: kind for kind in (SGD, Adam)}
_SETTINGS = Settings("optimizer", 'settings such as "sgd,nesterov,momentum=0.85"', FoveaError)


def parse(description: str | Mapping[str, object]) -> Optimizer:
    """The optimizer of a description: a text as typed on the command line, or a `configuration`.

    "sgd" has the default hyperparameters; "sgd,nesterov,momentum=0.85" changes two of them. Raises
    FoveaError.
    """
    if isinstance(description, str):
        name, _, rest = description.partition(",")
        given = {**_SETTINGS.read(rest), "name": name.strip()}
    elif isinstance(description, Mapping):
        given = dict(description)
    else:
        raise FoveaError(mismatch("optimizer", f"one of {', '.join(OPTIMIZERS)}", short(description)))
    name = given.pop("name", None)
    kind = OPTIMIZERS.get(str(name))
    if kind is None:
        raise FoveaError(mismatch("optimizer", f"one of {', '.join(OPTIMIZERS)}", repr(name)))
    settings = replace(_SETTINGS, who=f"optimizer {name}")
    usual = {f.name: f.default for f in fields(kind) if f.init}
    for key, value in given.items():
        settings.check_known(key, usual)
        if not isinstance(usual[key], bool):
            given[key] = settings.number(key, value)
        elif not isinstance(value, bool):
            raise FoveaError(mismatch(f"optimizer {name}: {key}", "its name alone, or nothing", short(value)))
    return kind(**given)


def clip(gradients: np.ndarray, most: float) -> float:
    """Scale flat `gradients` in place so that their norm √Σg² is at most `most`; returns the norm before.

    The direction does not change (R. Pascanu et al., 2013). The sum is in float64 and a fixed order.
    """
    pieces = (gradients[start : start + _PIECE] for start in range(0, gradients.size, _PIECE))
    norm = sqrt(sum(float(np.square(piece, dtype=np.float64).sum()) for piece in pieces))
    if norm > most:
        gradients *= gradients.dtype.type(most / norm)
    return norm


_PIECE = 1 << 16  # numbers squared at a time, so that the squares stay in the processor's cache
