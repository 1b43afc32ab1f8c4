"""The loop: batch → forward → loss → backward → step.

    run = fovea.train(network, fovea.data.load("digits"), epochs=3)

After every epoch the network is measured on the validation set. The best one is measured on the test set,
once, at the end. With a run folder, everything needed to resume is on disk after each epoch, and after the
step in which Ctrl-C is pressed; a resumed run ends with the same bits as one that was never stopped.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from fovea import engine
from fovea.data import Splits
from fovea.errors import DataError, mismatch
from fovea.names import counted
from fovea.network import Network, runner
from fovea.network.runner import Answering
from fovea.training import figures, layer_rates
from fovea.training.average import Average, Snapshot
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
    """Train `network` in place; at the end it has the weights that were best on the validation set.

    `choices`, named like the fields of a `Recipe` or of the task, override those of `recipe` and `task`:
    `train(network, data, task=task, epochs=3, average=0.999)`. A new network gets the training pictures' mean
    and standard deviation, and whatever the task adds, such as classes. `out` is a run folder to create, or
    an open `Folder`; `resume` is one to resume, with all else as it was. `arguments` are more lines for its
    arguments.yaml. All random numbers come from the recipe's seed.

    Raises DataError or ShapeError if network and data do not fit, DataError if the first step gives NaN or
    infinity, TrainingError if a later one does or the run cannot be saved, and Stopped, a KeyboardInterrupt,
    after Ctrl-C.
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
    folder = folder and replace(folder, command=task.command)
    settings = {**recipe.settings(), **task.settings(), "engine": engine.current()}
    average = Average(network, recipe.average) if recipe.average else None
    state = RunState(folder, network, recipe.optimizer, settings, average, task.facts)
    size, steps, factors = recipe.batch_size, setup.steps, setup.factors
    if resume:
        position = state.restore(setup)
        if state.changed:
            n, first = len(state.changed), state.changed[0]
            progress.note(f"pictures whose content has changed since the run began: {n:,}, such as {first}")
    else:
        position = state.begin(data, {"task": task.name, **(arguments or {}), **settings})
    told: set[str] = set()

    def tell_unreadable() -> None:
        for line in data.unreadable:
            if line not in told:
                progress.note(f"warning: {line}")
        told.update(data.unreadable)

    layer_rates.freeze(network, factors)
    try:
        trains = setup.total > 0  # else nothing but a fit, for which no gradients are compiled
        needed = setup.loss if trains else None
        try:
            plan = runner.plan(network, size, training=trains, loss=needed, progress=progress.compiling)
        except KeyboardInterrupt:
            raise Stopped(_how_to_resume(position, steps, folder)) from None
        step = Step(network, plan, recipe, average, setup.total, factors, folder is not None)
        idle = sum(p.size for name, p in network.parameters.items() if not factors[name.partition(".")[0]])
        if idle and trains:
            progress.note(f"{idle:,} of {counted(network.parameter_count, 'parameter')} are frozen")
        progress.begin(task, position, recipe.epochs, steps)
        pulse = Pulse(folder, network, task, position, steps)
        with Interrupt() as interrupt:
            while not recipe.is_over(position.epoch, position.waited):
                started = perf_counter() - position.seconds
                if setup.fits(position.epoch):

                    def report(what: str, done: int, total: int) -> None:
                        progress.working(what, done, total)
                        if interrupt.asked:
                            raise Stopped(_how_to_resume(position, steps, folder))

                    if trains:
                        progress.ahead(recipe.epochs - 1, _duration(setup, plan, step))
                    position.add(*task.fit(setup, report))
                    position.step = steps  # of which none is left
                    if average:
                        average.capture()
                with closing(setup.batches(position.epoch, position.step)) as stream:
                    for images, targets in stream:  # batch
                        # forward → loss → backward
                        loss, sums = plan.loss_and_gradients(images, targets, rng=step.rng(position))
                        step(loss, images, position)  # step
                        position.add(loss, sums, setup.loss.counted(targets))
                        progress.step(position)
                        pulse.step(position)
                        if interrupt.asked:
                            break
                position.seconds, position.bad = perf_counter() - started, data.bad
                with state.applied():
                    row = _measure(task, plan, data, position, size) if position.step == steps else None
                if not _is_sound(network, row):
                    raise diverged(
                        "weights", "others", position, position.step, recipe.rate, folder is not None
                    )
                if row and position.close(row, task):
                    state.mark_best()
                state.save(position)
                if row:
                    if folder is not None:
                        with folder.writing(), state.applied():
                            task.show(folder.path, plan, data)
                    progress.epoch(position)
                    tell_unreadable()
                if interrupt.asked and not recipe.is_over(position.epoch, position.waited):
                    raise Stopped(_how_to_resume(position, steps, folder))
        if position.epoch <= recipe.epochs:
            progress.note(f"stopped early: no improvement on val since epoch {position.best_epoch}")
    finally:
        layer_rates.freeze(network, {})
        progress.end()

    state.restore_best(position)
    name = next(name for name in ("test", "val", "train") if name in data.parts)
    measured, details = task.measure(plan, data.parts[name], size)
    position.bad = data.bad
    tell_unreadable()
    metrics = {"split": name, **measured, **network.facts, "seed": recipe.seed}
    state.finish(position, metrics)
    if folder is not None:
        figures.results(folder.path / "results.png", position.history, position.best_epoch, task.panels())
        task.draw(folder.path, data, details)
    return Run(position.history, position.best_epoch, metrics, details, position.bad, folder)


def _duration(setup: Setup, plan: runner.Plan, step: Step) -> float:
    """The seconds that the epochs after the fit will take, from one step and one measured batch; the network
    is unchanged."""
    network, epochs, began = setup.network, setup.recipe.epochs - 1, Position(epoch=2)
    before, measured = Snapshot(network), 0 if setup.data.val is None else len(setup.data.val)
    with closing(setup.batches(began.epoch)) as stream:
        images, targets = next(stream)
        started = perf_counter()
        plan.loss_and_gradients(images, targets, rng=step.rng(began))
        stepped = perf_counter()
        plan.predict(images)
        predicted = perf_counter()
    before.restore()
    own = setup.steps * (stepped - started)
    return epochs * (own + measured / len(images) * (predicted - stepped))


def _measure(task: Task, plan: Answering, data: Splits, position: Position, batch_size: int) -> Row:
    """The epoch's row of results.csv; the values of `val_…` are None without a validation set."""
    if position.seen == 0:
        file, why = next(iter(data.bad.items()), ("", ""))
        got = f"none in train, where {file} is one of {len(data.bad)}: {why}" if file else "none that counts"
        raise DataError(mismatch(f"data {data.name}", "pictures that can be read", got))
    val = {} if data.val is None else task.measure(plan, data.val, batch_size)[0]
    return {
        "epoch": position.epoch,
        **{f"train_{measure.name}": position.mean(measure.name) for measure in task.learned},
        **{f"val_{measure.name}": val.get(measure.name) for measure in task.measured},
        "seconds": round(position.seconds, 3),
        "pictures_per_second": round(position.seen / max(position.seconds, 1e-9)),
    }


def _is_sound(network: Network, row: Row | None) -> bool:
    """True if weights and statistics are finite, and the measures on the validation set too."""
    sound = bool(np.isfinite(network.memory).all())
    val = {name: value for name, value in (row or {}).items() if name.startswith(VAL)}
    return sound and is_sound(val)


def _how_to_resume(position: Position, steps: int, folder: Folder | None) -> str:
    where = (
        f"in epoch {position.epoch} after step {position.step} of {steps}"
        if position.step
        else f"after epoch {position.epoch - 1}"
    )
    resume = f"; resume with: {folder.resuming}" if folder else ""
    return f"stopped {where}{resume}"
