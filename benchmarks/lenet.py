"""LeNet-5 on batches of MNIST: Fovea and PyTorch train and predict in turns, in one process.

    python -m benchmarks.lenet [--threads N] [--turns N] [--json FILE]

Both start from the same weights; before anything is timed, loss and gradients are compared. PyTorch runs
eagerly, in both of its memory layouts (the faster one counts), with fused SGD and without looking at the
loss. The pictures come from the folder `mnist` in FOVEA_DATA, or else are Fovea's drawn digits. Memory is
measured in a process for each side: the high-water mark of 50 steps, less what the process held before.
"""

import argparse
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import fovea
from benchmarks.harness import Row, Run, compare, report, single
from fovea.optimizers import SGD
from fovea.stages import Plan

RATE, MOMENTUM, DECAY = 0.01, 0.9, 5e-4
Batches = list[tuple[np.ndarray, np.ndarray]]


def main() -> None:
    parser = argparse.ArgumentParser(description="LeNet-5: Fovea against PyTorch.")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--turns", type=int, default=40, help="turns a side (default 40)")
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")
    parser.add_argument("--memory", nargs=2, metavar=("SIDE", "BATCH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print(_memory(options.memory[0], int(options.memory[1]), options.threads))
        return
    rows = [*_training(options), *_inference(options), *_memories(options)]
    report(rows, options.json)


def _training(options: argparse.Namespace) -> Iterator[Row]:
    from benchmarks import torch_lenet

    _threads(options.threads)
    torch_lenet.set_threads(options.threads)
    for size in (64, 256):
        data = batches_of(training_data(), size, 32, np.float32)
        network = fovea.models.lenet5()
        _check(network, data[0])
        peers = {
            f"torch {layout}": torch_lenet.trainer(network, data, layout, RATE, MOMENTUM, DECAY)
            for layout in torch_lenet.LAYOUTS
        }
        yield compare(f"lenet5-b{size}", "step", _trainer(network, data), peers, options.turns)


def _inference(options: argparse.Namespace) -> Iterator[Row]:
    from benchmarks import torch_lenet

    for size in (64, 1):
        data = batches_of(training_data(), size, 32, np.float32)
        network = fovea.models.lenet5()
        peers = {
            f"torch {layout}": torch_lenet.predictor(network, data, layout) for layout in torch_lenet.LAYOUTS
        }
        yield compare(f"lenet5-b{size}", "inference", _predictor(network, data), peers, options.turns)


def _memories(options: argparse.Namespace) -> Iterator[Row]:
    for size in (64, 256):
        megabytes = {}
        for side in ("fovea", "torch"):
            command = [sys.executable, "-m", "benchmarks.lenet", "--memory", side, str(size)]
            command += ["--threads", str(options.threads)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            megabytes[side] = float(output)
        yield single(f"lenet5-b{size}", "memory", megabytes["fovea"], megabytes["torch"], "torch", "MB")


def _memory(side: str, size: int, threads: int) -> float:
    """The megabytes that 50 steps need beyond imports and data."""
    data = batches_of(training_data(), size, 4, np.float32)
    _threads(threads)
    network = fovea.models.lenet5()
    if side == "torch":
        from benchmarks import torch_lenet

        torch_lenet.set_threads(threads)
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    if side == "torch":
        step = torch_lenet.trainer(network, data, torch_lenet.LAYOUTS[0], RATE, MOMENTUM, DECAY)
    else:
        step = _trainer(network, data)
    for _ in range(50):
        step()
    return _resident("VmHWM") - before


def _resident(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/self/status has no line {field}")


def _trainer(network: fovea.Network, data: Batches) -> Run:
    plan = Plan(network, len(data[0][1]), training=True)
    optimizer, source = SGD(momentum=MOMENTUM, weight_decay=DECAY), itertools.cycle(data)

    def step() -> None:
        plan.loss_and_gradients(*next(source))
        optimizer.step({"all": network.flat}, {"all": plan.gradients}, RATE)

    return step


def _predictor(network: fovea.Network, data: Batches) -> Run:
    plan, source = Plan(network, len(data[0][1])), itertools.cycle(images for images, _ in data)
    return lambda: plan.predict(next(source))


def _check(network: fovea.Network, batch: tuple[np.ndarray, np.ndarray]) -> None:
    """Loss and every gradient agree with PyTorch's to 1e-4 of its largest number."""
    from benchmarks import torch_lenet

    plan = Plan(network, len(batch[1]), training=True)
    loss, _ = plan.loss_and_gradients(*batch)
    theirs, gradients = torch_lenet.loss_and_gradients(network, batch)
    assert abs(loss - theirs) <= 1e-5 * abs(theirs), (loss, theirs)
    for name, gradient in gradients.items():
        error = np.abs(plan.gradient_views[name] - gradient).max() / np.abs(gradient).max()
        assert error <= 1e-4, (name, error)


def training_data() -> fovea.data.Splits:
    """MNIST where FOVEA_DATA has it, else the drawn digits."""
    folder = os.environ.get("FOVEA_DATA")
    return fovea.data.load(Path(folder, "mnist") if folder else "digits")


def batches_of(data: fovea.data.Splits, size: int, count: int, dtype: type) -> Batches:
    """Pictures (N, 28, 28, 1), uint8 or float32 as both sides take them, and labels."""
    batches = []
    for i in range(count):
        chosen = np.arange(i * size, (i + 1) * size) % len(data.train)
        pictures, _ = data.train.read(chosen)
        pictures = pictures if dtype == np.uint8 else np.ascontiguousarray(pictures, np.float32) / 255
        batches.append((pictures, data.train.labels[chosen]))
    return batches


def _threads(count: int) -> None:
    from fovea.kernels import runtime

    runtime.set_threads(count)


if __name__ == "__main__":
    main()
