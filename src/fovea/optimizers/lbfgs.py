"""L-BFGS: minimise a smooth function of many numbers by its values and gradients.

    x ← x + α·p,   p = −H·g                                                                              (1)

H approximates the inverse of the second derivatives from the last few steps s and the changes y of the
gradient that they made. It is never stored: `_direction` multiplies by it in two loops (J. Nocedal, Updating
quasi-Newton matrices with limited storage, 1980). The step length α satisfies the strong Wolfe conditions

    f(x + α·p) ≤ f(x) + c₁·α·g·p,   |g(x + α·p)·p| ≤ c₂·|g·p|                                            (2)

(J. Nocedal, S. Wright, Numerical optimization, 2006, algorithms 3.5 and 3.6), apart from rounding.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import NamedTuple

import numpy as np

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]  # x → value, gradient in x's shape

C1, C2 = 1e-4, 0.9
NOISE = 1e-7  # of a value: the rounding of float32, below which slopes decide
GROWTH = 2.5  # of a step length that is too short
STALLED = 10  # steps that do not lower the value: rounding decides from there on
PIECE = 1 << 20  # numbers that are multiplied at a time
TRIES = 20  # evaluations to bracket a step length, and as many to find one between two


@dataclass(frozen=True)
class Minimum:
    """The end of a minimisation.

    x, value: where, and how low. gradient: the largest number of the gradient there. steps: those taken.
    evaluations: calls of the function. converged: False if the limit of steps or of float32 ended it.
    """

    x: np.ndarray
    value: float
    gradient: float
    steps: int
    evaluations: int
    converged: bool


def minimise(
    function: Function,
    x: np.ndarray,
    *,
    steps: int = 200,
    tolerance: float = 1e-5,
    memory: int = 10,
    progress: Callable[[int, np.ndarray, float], object] = lambda step, x, value: None,
) -> Minimum:
    """The minimum of `function` that L-BFGS reaches from x, an array (n,).

    It ends after `steps` steps, or where no number of the gradient exceeds `tolerance`. The last `memory`
    steps make H. `progress(step, x, value)` is called after each step. The same function gives the same bits.
    """
    descent = Descent(function, x, memory=memory)
    while descent.largest > tolerance and descent.steps < steps and descent.step():
        progress(descent.steps, descent.x, descent.value)
    return Minimum(
        descent.x,
        descent.value,
        descent.largest,
        descent.steps,
        descent.evaluations,
        descent.largest <= tolerance,
    )


class Descent:
    """A minimisation step by step, which can be saved and resumed.

    x, value, gradient: the point reached so far, and the function there. steps: those taken. evaluations:
    calls of the function. `memory` is the number of steps that make H. `first` is the length of the first
    step that is tried, by default that of the gradient, but at most 1.
    """

    def __init__(
        self, function: Function, x: np.ndarray, *, memory: int = 10, first: float | None = None
    ) -> None:
        self._start(function, memory, first, x, 0, function(x))
        self.evaluations = 1
        self._lowest = self.value

    def _start(
        self,
        function: Function,
        memory: int,
        first: float | None,
        x: np.ndarray,
        steps: int,
        at_x: tuple[float, np.ndarray],
    ) -> None:
        self._line, self._first = _Line(function, x, *at_x), first
        self._pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=memory)
        self.steps, self._lowered = steps, 0

    @property
    def x(self) -> np.ndarray:
        return self._line.x

    @property
    def value(self) -> float:
        return self._line.start.value

    @property
    def gradient(self) -> np.ndarray:
        return self._line.start.gradient

    @property
    def evaluations(self) -> int:
        return self._line.evaluations

    @evaluations.setter
    def evaluations(self, count: int) -> None:
        self._line.evaluations = count

    @property
    def largest(self) -> float:
        """The largest number of the gradient."""
        return float(np.abs(self.gradient).max(initial=0))

    def step(self) -> bool:
        """Take a step. False, and nothing is changed, where rounding decides from there on: no step along the
        gradient lowers the value, or the last few have not. Nothing is changed by an exception of the
        function, either."""
        if self.steps - self._lowered >= STALLED:
            return False
        pairs, gradient, evaluations = self._pairs, self.gradient, self.evaluations
        try:
            found = self._search(pairs)
            if found is None and pairs:  # H is of no use any more
                pairs = deque(maxlen=pairs.maxlen)
                found = self._search(pairs)
        except BaseException:
            self.evaluations = evaluations
            raise
        self._pairs = pairs
        if found is None:
            return False
        s, y = self._line.move(found), found.gradient - gradient
        if (sy := _dot(s, y)) > 1e-10 * _dot(y, y):
            pairs.append((s, y, sy))
        self.steps += 1
        if self.value < self._lowest:
            self._lowest, self._lowered = self.value, self.steps
        return True

    def _search(self, pairs: deque[tuple[np.ndarray, np.ndarray, float]]) -> "_Point | None":
        direction = _direction(self.gradient, pairs)
        return self._line.search(direction, 1.0 if pairs else self._first_length(direction))

    def _first_length(self, direction: np.ndarray) -> float:
        norm = sqrt(_dot(direction, direction)) or 1.0
        return min(1.0, 1 / norm) if self._first is None else self._first / norm

    def state(self) -> dict[str, np.ndarray]:
        """Everything that `resume` needs, by name: no array is a copy, and none is changed later."""
        numbers = [self.value, self.steps, self.evaluations, self._lowest, self._lowered]
        state = {"x": self.x, "gradient": self.gradient, "numbers": np.array(numbers, np.float64)}
        state["products"] = np.array([sy for _, _, sy in self._pairs], np.float64)
        for k, (s, y, _) in enumerate(self._pairs):
            state |= {f"s{k}": s, f"y{k}": y}
        return state

    @classmethod
    def resume(
        cls,
        function: Function,
        state: Mapping[str, np.ndarray],
        *,
        memory: int = 10,
        first: float | None = None,
    ) -> "Descent":
        """The minimisation of that `state`: its next steps give the same bits as if it had never stopped."""
        value, steps, evaluations, lowest, lowered = map(float, state["numbers"])
        descent = object.__new__(cls)
        descent._start(function, memory, first, state["x"], int(steps), (value, state["gradient"]))
        descent.evaluations, descent._lowest, descent._lowered = int(evaluations), lowest, int(lowered)
        for k, sy in enumerate(state["products"]):
            descent._pairs.append((state[f"s{k}"], state[f"y{k}"], float(sy)))
        return descent


class _Point(NamedTuple):
    """A step of length `alpha` along the line: the function's value, its slope along the line, and its
    gradient."""

    alpha: float
    value: float
    slope: float
    gradient: np.ndarray

    def bound(self) -> "_Point":
        """The point as the upper end of a bracket, which is never the result: without the memory of its
        gradient."""
        return self._replace(gradient=np.empty(0, np.float32))


class _Line:
    """The function along a line from x."""

    def __init__(self, function: Function, x: np.ndarray, value: float, gradient: np.ndarray) -> None:
        self.function, self.x, self.direction, self.evaluations = function, x, np.zeros_like(x), 0
        self.start = self._point(0.0, value, gradient)

    def at(self, alpha: float) -> _Point:
        self.evaluations += 1
        return self._point(alpha, *self.function(self._x(alpha)))

    def _point(self, alpha: float, value: float, gradient: np.ndarray) -> _Point:
        slope = _dot(gradient, self.direction) if isfinite(value) else inf
        return _Point(alpha, value if isfinite(value) else inf, slope, gradient)

    def move(self, point: _Point) -> np.ndarray:
        """Let the line start at `point`; returns the step to it."""
        self.direction = self._step(point.alpha)
        self.x, self.start = self.x + self.direction, point
        return self.direction

    def search(self, direction: np.ndarray, first: float) -> _Point | None:
        """A point that satisfies (2), tried from the step length `first` on; None where there is none that is
        lower than the start."""
        self.direction = direction
        self.start = self.start._replace(alpha=0.0, slope=_dot(self.start.gradient, direction))
        if self.start.slope >= 0:
            return None
        before, alpha = self.start, first
        for _ in range(TRIES):
            point = self.at(alpha)
            if self._is_too_high(point) or (before.alpha and point.value >= before.value + self.noise):
                point = point.bound()
                return self._between(before, point)
            if self._is_flat(point):
                return point
            if point.slope >= 0:
                before = before.bound()
                return self._between(point, before)
            before, alpha = point, GROWTH * alpha
        return before

    def _between(self, low: _Point, high: _Point) -> _Point | None:
        """A point that satisfies (2) between two that bracket one; the lower end is `low`."""
        for _ in range(TRIES):
            point = self.at(_bottom(low, high))
            if self._is_too_high(point) or point.value >= low.value + self.noise:
                high = point = point.bound()
                continue
            if self._is_flat(point):
                return point
            if point.slope * (high.alpha - low.alpha) >= 0:
                high = low.bound()
            low = point
        return low if low.alpha else None

    def _is_too_high(self, point: _Point) -> bool:
        return point.value > self.start.value + C1 * point.alpha * self.start.slope + self.noise

    @property
    def noise(self) -> float:
        return NOISE * abs(self.start.value)

    def _is_flat(self, point: _Point) -> bool:
        return abs(point.slope) <= -C2 * self.start.slope

    def _x(self, alpha: float) -> np.ndarray:
        step = self._step(alpha)
        return np.add(self.x, step, out=step)

    def _step(self, alpha: float) -> np.ndarray:
        return (alpha * self.direction).astype(self.x.dtype, copy=False)


def _direction(g: np.ndarray, pairs: deque[tuple[np.ndarray, np.ndarray, float]]) -> np.ndarray:
    """−H·g."""
    q, weights = g.copy(), []
    for s, y, sy in reversed(pairs):
        weights.append(_dot(s, q) / sy)
        q -= np.asarray(weights[-1] * y, q.dtype)
    if pairs:
        _, y, sy = pairs[-1]
        q *= sy / _dot(y, y)
    for (s, y, sy), weight in zip(pairs, reversed(weights), strict=True):
        q += np.asarray((weight - _dot(y, q) / sy) * s, q.dtype)
    return np.negative(q, out=q)


def _bottom(low: _Point, high: _Point) -> float:
    """The minimum of the cubic with the values and slopes of two points, away from both; their middle where
    there is none."""
    a, b = low.alpha, high.alpha
    least, width = min(a, b), abs(b - a)
    if isfinite(high.value):
        d1 = low.slope + high.slope - 3 * (low.value - high.value) / (a - b)
        root = d1 * d1 - low.slope * high.slope
        if root >= 0:
            d2 = sqrt(root) * (1 if b > a else -1)
            scale = high.slope - low.slope + 2 * d2
            if scale:
                alpha = b - (b - a) * (high.slope + d2 - d1) / scale
                return min(max(alpha, least + 0.1 * width), least + 0.9 * width)
    return least + width / 2


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    """Σ a·b in float64. Not by BLAS, whose bits may depend on the number of threads.

    Halves of a long vector come one after the other, as NumPy itself adds them up in pairs: with the same
    bits, and without a product as long as both.
    """
    if a.size > PIECE:
        half = a.size // 16 * 8
        return _dot(a[:half], b[:half]) + _dot(a[half:], b[half:])
    return float((a.astype(np.float64, copy=False) * b).sum())
