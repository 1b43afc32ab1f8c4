"""Batches of pictures, prepared in a background thread.

Every random choice derives from (seed, purpose, epoch, step), and there is no other state: a run stopped
after any step resumes with the batches that would have come next.
"""

import contextvars
import queue
import threading
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from math import prod
from typing import Any

import numpy as np

from fovea.data.dataset import Dataset
from fovea.seeds import Draw, generator

_PREFETCH = 2  # reads that are kept ready
_READ = 4 << 20  # bytes of pictures per read: a small batch takes longer to pass between threads than to read

Change = Callable[[np.ndarray, np.random.Generator, np.ndarray], np.ndarray]
Examples = Callable[[np.ndarray, Any, np.random.Generator], tuple[np.ndarray, Any]]


def steps(dataset: Dataset, batch_size: int) -> int:
    """The batches in an epoch; the last may be smaller than the others."""
    return -(-len(dataset) // batch_size)


def batches(
    dataset: Dataset,
    batch_size: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    start: int = 0,
    shuffle: bool = True,
    augment: Change | None = None,
    examples: Examples | None = None,
) -> Generator[tuple[np.ndarray, Any], None, None]:
    """The batches of an epoch from step `start` on: uint8 (n, H, W, C) and the data set's targets, usually
    labels int32 (n,).

    A picture that cannot be read is all 0 and its label −1. With `shuffle` each epoch has its own random
    order, else pictures keep theirs. `augment(pictures, rng, mirrored)` returns changed pictures, as
    `Augment` does; half of them are `mirrored`, and in the next epoch the other half.
    `examples(pictures, labels, rng)` turns a batch into the inputs and targets of a task. Errors in the
    thread are raised here. Leaving the loop early stops the thread.
    """
    order = np.arange(len(dataset))
    if shuffle:
        order = generator(seed, Draw.ORDER, epoch).permutation(len(dataset))

    mirrored = generator(seed, Draw.MIRROR).random(len(dataset)) < 0.5
    if epoch % 2:
        mirrored = ~mirrored

    last = steps(dataset, batch_size)
    together = max(1, min(16, _READ // (batch_size * prod(dataset.shape))))  # batches

    def make(first: int) -> list[tuple[np.ndarray, Any]]:
        chosen = order[first * batch_size : (first + together) * batch_size]
        pictures, readable = dataset.read(chosen)
        labels = dataset.targets(chosen, readable)
        made = []
        for step in range(first, min(first + together, last)):
            rows = slice((step - first) * batch_size, (step - first + 1) * batch_size)
            batch, known = pictures[rows], labels[rows]
            if augment is not None:
                rng = generator(seed, Draw.AUGMENT, epoch, step)
                batch = augment(batch, rng, mirrored[chosen[rows]])
            if examples is not None:
                rng = generator(seed, Draw.EXAMPLES, epoch, step)
                batch, known = examples(batch, known, rng)
            made.append((batch, known))
        return made

    with closing(_prefetched(make, range(start, last, together))) as reads:
        for made in reads:
            yield from made


def _prefetched(make: Callable[[int], list], numbers: range) -> Generator[list, None, None]:
    """make(number) for each of `numbers`, computed in a thread that keeps up to `_PREFETCH` of them ready."""
    ready: queue.Queue = queue.Queue(_PREFETCH)
    stopped = threading.Event()

    def put(item: object) -> None:
        while not stopped.is_set():
            with suppress(queue.Full):
                ready.put(item, timeout=0.1)
                return

    def work() -> None:
        try:
            for number in numbers:
                put((make(number), None))
                if stopped.is_set():
                    return
            put((None, None))
        except BaseException as error:
            put((None, error))

    # The thread runs in the caller's context, which holds the choice of engine.
    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(work,), daemon=True, name="fovea-batches"
    )
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stopped.set()
        while thread.is_alive():
            with suppress(queue.Empty):
                ready.get_nowait()  # the thread may be waiting for room
            thread.join(0.02)
