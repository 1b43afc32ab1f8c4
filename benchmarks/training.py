"""The speed of `fovea.train`, with reading, shuffling and progress, as a share of a bare loop of steps.

    python -m benchmarks.training [--turns N] [--json FILE]

A turn is one epoch of LeNet-5 at batch 64, with the command line's progress, and then the same number of
steps on prepared batches. Time for validation and for saving does not count on either side.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import fovea
from benchmarks.harness import Row, report
from benchmarks.lenet import batches_of, training_data
from fovea.optimizers import SGD
from fovea.stages import Plan
from fovea.training.progress import Lines

SIZE = 64


class Silent(Lines):
    """Does all that the command line's progress does, but print."""

    def note(self, text: str) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description="fovea.train against a bare loop of steps.")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")
    options = parser.parse_args()
    data = training_data()
    pairs = []
    for turn in range(options.turns + 1):
        trained, bare = _train(data), _bare(data)
        if turn:  # the first one warms up
            pairs.append((trained, bare))
    ours, peer = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratios = [a / b for a, b in pairs]
    low, middle, high = statistics.quantiles(ratios, n=4)
    row = Row("lenet5-b64", "train", ours, peer, "bare loop", "1/s", middle, (high - low) / middle)
    report([row], options.json)


def _train(data: fovea.data.Splits) -> float:
    """Pictures a second of an epoch, as the run's own results.csv has it."""
    with tempfile.TemporaryDirectory() as folder:
        run = fovea.train(fovea.models.lenet5(), data, epochs=1, out=Path(folder, "run"), progress=Silent())
    return float(run.history[-1]["pictures_per_second"])


def _bare(data: fovea.data.Splits) -> float:
    network = fovea.models.lenet5()
    plan, optimizer = Plan(network, SIZE, training=True), SGD()
    ready = batches_of(data, SIZE, 32, np.uint8)
    steps = len(data.train) // SIZE
    start = time.perf_counter()
    for step in range(steps):
        plan.loss_and_gradients(*ready[step % len(ready)])
        optimizer.step({"all": network.flat}, {"all": plan.gradients}, 0.01)
    return steps * SIZE / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
