"""The kernels that run a network, the reasons for choosing them, and their times."""

import itertools
import statistics
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fovea import engine, optimizers
from fovea.errors import EngineError, mismatch
from fovea.losses import CrossEntropy, MeanSquaredError
from fovea.names import counted, visible
from fovea.network import Network
from fovea.network.outputs import pack_outputs, unpack_outputs
from fovea.network.summary import outputs, times
from fovea.ranges import check_size

_SECONDS, _LEAST, _MOST = 1.0, 7, 200  # of timing: its duration, and the number of rounds
_WIDTH = 80
# The sizes of tiles that are printed, in words; JSON has the flags too.
_UNITS = {
    "filters": "filters", "columns": "columns", "tiles": "Winograd tiles", "channels": "channels",
    "rows": "rows", "band": "rows per band", "unroll": "unrolled steps", "pictures": "pictures",
    "share": "channel tiles per task", "chunk": "channels per chunk", "neurons": "neurons",
    "vectors": "vectors of pixels",
}  # fmt: skip
_COLUMNS = "{:<11}{:<27}{:>15}{:>10}{:>9}"


@dataclass(frozen=True)
class Timing:
    """One timed pass of a stage: "load", "forward", "dW" (the gradients of its parameters), "dA" (of its
    input), "dW+dA" (both in one), "loss", or "step" (of the optimizer)."""

    stage: str  # the names of its layers
    shapes: str  # of input and output, and the layout
    phase: str  # `pass` in JSON
    kernel: str
    tile: dict[str, int]
    why: str
    multiply_adds: int  # of the whole batch, by the formula; a fast algorithm needs fewer
    ms: float
    share_of_peak: float | None  # None without multiply-adds


@dataclass(frozen=True)
class Explanation:
    """All passes in the order of execution, with the model and the machine."""

    model: str
    training: bool
    batch_size: int
    precision: str
    target: str
    threads: int
    peak: float  # GFLOP/s
    memory: int  # bytes between the stages, and of gradients
    rows: list[Timing]

    @property
    def ms(self) -> float:
        """Milliseconds of the whole batch."""
        return sum(row.ms for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """The content of the JSON output, with exact values."""
        rows = [{"pass" if k == "phase" else k: v for k, v in asdict(row).items()} for row in self.rows]
        return asdict(self) | {"ms": self.ms, "rows": rows}


def explain(
    network: Network,
    model: str,
    *,
    batch_size: int = 64,
    training: bool = True,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Explanation:
    """Run `network`, loaded from `model`, on a batch of random pictures and time every kernel in place: the
    median of several rounds. Parameters and statistics are unchanged. `progress(done, total)` counts compiled
    kernels. Raises EngineError with another engine than "halide".
    """
    if engine.current() != "halide":
        remedy = "only its kernels can be explained"
        raise EngineError(mismatch("explain-kernels", "the engine halide", engine.current(), remedy))
    from fovea.kernels import peak, runtime, targets
    from fovea.stages import Plan

    check_size((batch_size, *network.input_shape), "explain-kernels", "a batch")

    loss = CrossEntropy() if network.ends_in_classes else MeanSquaredError()
    plan = Plan(
        network, batch_size, training=training, loss=loss,
        progress=lambda done, total, what: progress(done, total),
    )  # fmt: skip
    highest = peak.measure()
    passes = list(_passes(plan, network, training))
    learned = network.flat_statistics.copy()  # the timed training steps update them
    _prepare(plan, network, batch_size, training)
    rounds: list[list[float]] = []
    end = time.perf_counter() + _SECONDS
    while len(rounds) < _LEAST or (time.perf_counter() < end and len(rounds) < _MOST):
        rounds.append([_timed(timed.steps) for timed in passes])
    if training:
        network.flat_statistics[...] = learned
    rows = []
    for timed, values in zip(passes, zip(*rounds, strict=True), strict=True):
        ms, count = 1e3 * timed.turns * statistics.median(values), timed.multiply_adds * batch_size
        share = 2e-6 * count / ms / highest if count else None
        rows.append(timed.row(count, ms, share))
    return Explanation(
        model=model,
        training=training,
        batch_size=batch_size,
        precision=network.precision,
        target=targets.current().name,
        threads=runtime.threads(),
        peak=highest,
        memory=plan.memory,
        rows=rows,
    )


# ---- The passes, in order ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pass:
    stage: str
    shapes: str
    phase: str
    steps: list[Callable[[], object]]
    why: str = ""
    multiply_adds: int = 0  # per picture
    kernel: str = ""
    turns: int = 1  # per batch

    def row(self, multiply_adds: int, ms: float, share: float | None) -> Timing:
        from fovea.stages.calls import Call

        calls = [step for step in self.steps if isinstance(step, Call)]
        choices = [call.choice for call in calls if call.choice]
        tile = choices[0].sizes if choices else _tile(calls)
        why = choices[0].why if choices else self.why
        kernel = " + ".join(call.specification.operation for call in calls) or self.kernel
        return Timing(self.stage, self.shapes, self.phase, kernel, tile, why, multiply_adds, ms, share)


def _tile(calls) -> dict[str, int]:
    """The tile of kernels that divide the neurons; else {}."""
    tiles = (dict(call.specification.arguments).get("tile") for call in calls)
    return next(({"neurons": tile} for tile in tiles if isinstance(tile, int)), {})


def _passes(plan, network: Network, training: bool) -> Iterator[_Pass]:
    from fovea.stages.calls import layout

    first = plan.parts[0]
    lanes, why = first.arrays.A_prev.lanes, "from uint8 to float32"
    shapes = f"{times(network.input_shape)}, {layout(lanes)}"
    yield _Pass("input", shapes, "load", plan.inputs[np.uint8][1], why, turns=first.turns)
    for part in plan.parts:
        yield _stage_pass(part, "forward", part.forward)
    if not training:
        return
    shape = outputs(network)
    fused = "softmax, loss and its gradient in one"
    why = fused if network.ends_in_classes else "mean squared error, in NumPy"
    yield _Pass("loss", f"{shape} → {shape}", "loss", [plan.loss.run], why)
    for part in reversed(plan.parts):
        for phase, steps in part.passes.items():
            if phase != "forward":
                yield _stage_pass(part, phase, steps)
    optimizer = optimizers.SGD()

    def step() -> None:
        optimizer.step({"all": network.flat}, {"all": plan.gradients}, 0.0)  # a rate of 0 changes nothing

    shapes, why = counted(network.flat.size, "parameter"), "one pass over all parameters"
    yield _Pass("optimizer", shapes, "step", [step], why, kernel="elementwise.sgd")


def _stage_pass(part, phase: str, steps: Sequence) -> _Pass:
    from fovea.stages.calls import layout

    stage = part.stage
    names = " + ".join(layer.name for layer in stage.layers) or "relayout"
    shapes = f"{times(stage.input_shape)} → {times(stage.output_shape)}, {layout(stage.lanes)}"
    work = stage.multiply_adds * (2 if phase == "dW+dA" else 1)
    kernel = f"{type(stage.layers[0]).__name__}.{phase}" if stage.layers else ""
    return _Pass(names, shapes, phase, list(steps), stage.why, work, kernel, part.turns)


def _prepare(plan, network: Network, batch_size: int, training: bool) -> None:
    """Run one whole batch, so that all arrays hold realistic values."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch_size, *network.input_shape), np.uint8)
    if training:
        shapes = unpack_outputs(network.outputs, network.output_shape)
        if network.ends_in_classes:
            targets = rng.integers(0, shapes[0][0], batch_size, dtype=np.int32)
        else:
            arrays = [rng.random((batch_size, *shape), np.float32) for shape in shapes]
            targets = pack_outputs(network.outputs, arrays)
        plan.loss_and_gradients(images, targets, rng=rng)
    else:
        plan.predict(images)


def _timed(steps: Sequence[Callable[[], object]]) -> float:
    start = time.perf_counter()
    for step in steps:
        step()
    return time.perf_counter() - start


# ---- As text ----------------------------------------------------------------------------------------------


def text(explanation: Explanation) -> str:
    """A table of 80 columns, one paragraph per stage."""
    work = sum(row.multiply_adds for row in explanation.rows)
    share = 2e-6 * work / explanation.ms / explanation.peak
    head = (
        f"{visible(explanation.model)}, {'training' if explanation.training else 'inference'}, "
        f"batches of {explanation.batch_size}, precision {explanation.precision}; {explanation.target}, "
        f"{counted(explanation.threads, 'thread')}, at most {explanation.peak:,.0f} GFLOP/s"
    )
    lines = [*textwrap.wrap(head, _WIDTH), ""]
    lines += [_COLUMNS.format("pass", "kernel", "multiply-adds", "ms", "of peak").rstrip(), "─" * _WIDTH]
    for (stage, shapes), rows in itertools.groupby(explanation.rows, lambda row: (row.stage, row.shapes)):
        lines += textwrap.wrap(f"{stage}  {shapes}", _WIDTH)
        for row in rows:
            lines += _lines(row)
    lines += ["─" * _WIDTH, _line("total", "", work, explanation.ms, share), ""]
    rate = f"{1e3 * explanation.batch_size / explanation.ms:,.0f} pictures/s"
    return "\n".join([*lines, f"{rate}; {explanation.memory / 1e6:,.1f} MB between stages and for gradients"])


def _lines(row: Timing) -> list[str]:
    sizes = ", ".join(f"{_UNITS[name]} {size}" for name, size in row.tile.items() if name in _UNITS and size)
    words = "; ".join(part for part in (row.why, f"tile: {sizes}" if sizes else "") if part)
    indent = " " * 13
    wrapped = textwrap.wrap(words, _WIDTH, initial_indent=indent, subsequent_indent=indent)
    return [_line(row.phase, row.kernel, row.multiply_adds, row.ms, row.share_of_peak), *wrapped]


def _line(phase: str, kernel: str, multiply_adds: int, ms: float, share: float | None) -> str:
    count = f"{multiply_adds:,}" if multiply_adds else ""
    percent = "" if share is None else f"{share:.0%}"
    return _COLUMNS.format(f"  {phase}", kernel, count, f"{ms:,.3f}", percent).rstrip()
