"""LeNet-5 on batches of MNIST: Fovea and PyTorch train and predict in turns, in one process.

    python -m benchmarks.lenet [--threads N] [--turns N] [--json FILE]

Both start from the same weights; before anything is timed, loss and gradients are compared. PyTorch runs
eagerly, in both of its memory layouts (the faster one counts), with fused SGD and without looking at the
loss. The pictures come from the folder `mnist` in FOVEA_DATA, or else are Fovea's drawn digits. Memory is
measured in a process for each side: the high-water mark of 50 steps, less what the process held before.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import fovea
from benchmarks.harness import Row, compare, report, single
from benchmarks.ours import DECAY, MOMENTUM, RATE, Batches, check_step, predictor, trainer


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
    from benchmarks import torch_twin

    _threads(options.threads)
    torch_twin.set_threads(options.threads)
    for size in (64, 256):
        data = batches_of(training_data(), size, 32, np.float32)
        network = fovea.models.lenet5()
        check_step(network, data[0])
        peers = {
            f"torch {layout}": torch_twin.trainer(network, data, layout, RATE, MOMENTUM, DECAY)
            for layout in torch_twin.LAYOUTS
        }
        yield from compare(f"lenet5-b{size}", "step", trainer(network, data), peers, options.turns)


def _inference(options: argparse.Namespace) -> Iterator[Row]:
    from benchmarks import torch_twin

    for size in (64, 1):
        data = batches_of(training_data(), size, 32, np.float32)
        network = fovea.models.lenet5()
        peers = {
            f"torch {layout}": torch_twin.predictor(network, data, layout) for layout in torch_twin.LAYOUTS
        }
        yield from compare(f"lenet5-b{size}", "inference", predictor(network, data), peers, options.turns)


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
        from benchmarks import torch_twin

        torch_twin.set_threads(threads)
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
    if side == "torch":
        step = torch_twin.trainer(network, data, torch_twin.LAYOUTS[0], RATE, MOMENTUM, DECAY)
    else:
        step = trainer(network, data)
    for _ in range(50):
        step()
    return _resident("VmHWM") - before


def _resident(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/self/status has no line {field}")


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
