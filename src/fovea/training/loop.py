"""The loop: batch → forward → loss → backward → step.

    run = fovea.train(network, fovea.data.load("digits"), epochs=3)

After every epoch the network is measured on the validation set. The best one there is measured on the test
set, once, at the end. With a run folder, everything needed to resume is on disk after each epoch, and after
the step in which somebody presses Ctrl-C; a resumed run ends with the same bits as one that never stopped.
"""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from fovea import charts, engine
from fovea.data import Splits
from fovea.errors import DataError, mismatch
from fovea.names import typed
from fovea.network import Network, runner
from fovea.network.runner import Answering
from fovea.training import layer_rates
from fovea.training.average import Average
from fovea.training.interrupts import Interrupt, Stopped
from fovea.training.live_status import Pulse
from fovea.training.position import Position
from fovea.training.progress import Progress
from fovea.training.recipe import Recipe
from fovea.training.run_folder import Folder, Run
from fovea.training.setup import Setup, chosen
from fovea.training.state import RunState
from fovea.training.step import Step, diverged
from fovea.training.task import VAL, Row, Task, is_sound


def train(
    network: Network,
    data: Splits,
    recipe: Recipe | None = None,
    *,
    task: Task,
    out: Path | str | Folder | None = None,
    resume: Path | str | None = None,
    arguments: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> Run:
    """Train `network` in place; at the end it is what was best on the validation set.

    `task` says what for, `recipe` how, and `choices`, named as the fields of a `Recipe` or of the task,
    change these: `train(network, data, task=task, epochs=3, average=0.999)`. A network that knows no pictures
    yet takes the training pictures' mean and standard deviation, and what the task tells it. `out` is a run
    folder to write, made anew unless it is a `Folder`; `resume` is one to resume, with all else as it was.
    `arguments` are more lines for its arguments.yaml. All random numbers come from the recipe's seed.

    Raises DataError or ShapeError where network and data do not fit, DataError where the first step gives no
    numbers, TrainingError where the loss is no longer one or the run cannot be saved, and Stopped, a
    KeyboardInterrupt, after Ctrl-C.
    """
    setup = Setup(network, data, *chosen(recipe or Recipe(), task, choices))
    return run(setup, out=out, resume=resume, arguments=arguments, progress=progress)


def run(
    setup: Setup,
    *,
    out: Path | str | Folder | None = None,
    resume: Path | str | None = None,
    arguments: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Run:
    """`train`, for a setup that has been checked."""
    network, data, recipe, task = setup.network, setup.data, setup.recipe, setup.task
    progress = progress or Progress()
    setup.adopt(measure=not resume)

    folder = Folder.open(resume) if resume else out
    if folder is not None and not isinstance(folder, Folder):
        folder = Folder.create_at(folder)
    settings = {**recipe.settings(), **task.settings(), "engine": engine.current()}
    average = Average(network, recipe.average) if recipe.average else None
    state = RunState(folder, network, recipe.optimizer, settings, average)
    size, steps, factors = recipe.batch_size, setup.steps, setup.factors
    if resume:
        learned = layer_rates.learned(network, factors)
        sizes = {name: network.flat[where].size for name, (where, _) in learned.items()}
        at = state.restore(data, task, recipe.epochs, steps, sizes)
        if state.changed:
            n, first = len(state.changed), state.changed[0]
            progress.note(f"pictures whose content has changed since the run began: {n:,}, such as {first}")
    else:
        at = state.begin(data, {"task": task.name, **(arguments or {}), **settings})
    layer_rates.freeze(network, factors)
    try:
        plan = runner.plan(network, size, training=True, loss=setup.loss, progress=progress.compiling)
        step = Step(network, plan, recipe, average, recipe.epochs * steps, factors, folder is not None)
        idle = sum(p.size for name, p in network.parameters.items() if not factors[name.partition(".")[0]])
        if idle:
            progress.note(f"{idle:,} of {network.parameter_count:,} parameters are frozen")
        progress.begin(task, at, recipe.epochs, steps)
        pulse = Pulse(folder, network, task, at, steps)
        with Interrupt() as interrupt:
            while not recipe.is_over(at.epoch, at.waited):
                started = perf_counter() - at.seconds
                with closing(setup.batches(at.epoch, at.step)) as stream:
                    for images, targets in stream:  # batch
                        # forward → loss → backward
                        found, sums = plan.loss_and_gradients(images, targets, rng=step.rng(at))
                        step(found, images, at)  # step
                        at.add(found, sums, setup.loss.counted(targets))
                        progress.step(at)
                        pulse.step(at)
                        if interrupt.asked:
                            break
                at.seconds, at.bad = perf_counter() - started, data.bad
                with state.applied():
                    row = _measure(task, plan, data, at, size) if at.step == steps else None
                if not _is_sound(network, row):
                    raise diverged("weights", "others", at, at.step, recipe.rate, folder is not None)
                if row and at.close(row, task):
                    state.mark_best()
                state.save(at)
                if row:
                    progress.epoch(at)
                if interrupt.asked and not recipe.is_over(at.epoch, at.waited):
                    raise Stopped(_how_to_resume(at, steps, folder))
        if at.epoch <= recipe.epochs:
            progress.note(f"stopped early: no improvement on val since epoch {at.best_epoch}")
    finally:
        layer_rates.freeze(network, {})
        progress.end()

    state.restore_best()
    name = next(name for name in ("test", "val", "train") if name in data.parts)
    measured, details = task.measure(plan, data.parts[name], size)
    at.bad = data.bad
    metrics = {"split": name, **measured, "seed": recipe.seed}
    state.finish(at, metrics)
    if folder is not None:
        charts.results(folder.path / "results.png", at.history, at.best_epoch, task.panels())
        task.draw(folder.path, data, details)
    return Run(at.history, at.best_epoch, metrics, details, at.bad, folder)


def _measure(task: Task, plan: Answering, data: Splits, at: Position, batch_size: int) -> Row:
    """The epoch's row of results.csv; there is nothing under `val_…` without a validation set."""
    if at.seen == 0:
        file, why = next(iter(data.bad.items()), ("", ""))
        got = f"none in train, where {file} is one of {len(data.bad)}: {why}" if file else "none that counts"
        raise DataError(mismatch(f"data {data.name}", "pictures that can be read", got))
    val = {} if data.val is None else task.measure(plan, data.val, batch_size)[0]
    return {
        "epoch": at.epoch,
        **{f"train_{measure.name}": at.mean(measure.name) for measure in task.learned},
        **{f"val_{measure.name}": val.get(measure.name) for measure in task.measured},
        "seconds": round(at.seconds, 3),
        "pictures_per_second": round(at.seen / max(at.seconds, 1e-9)),
    }


def _is_sound(network: Network, row: Row | None) -> bool:
    """Whether the weights and statistics are numbers, and small enough for the validation's measures to
    be."""
    sound = bool(np.isfinite(network.memory).all())
    val = {name: value for name, value in (row or {}).items() if name.startswith(VAL)}
    return sound and is_sound(val)


def _how_to_resume(at: Position, steps: int, folder: Folder | None) -> str:
    where = (
        f"in epoch {at.epoch} after step {at.step} of {steps}" if at.step else f"after epoch {at.epoch - 1}"
    )
    resume = f"; resume with: fovea train --resume {typed(folder.path)}" if folder else ""
    return f"stopped {where}{resume}"
