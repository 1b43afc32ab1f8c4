"""Whole training steps and predictions of networks: Fovea and its peers in turns, in one process.

    python -m benchmarks.networks [--quick] [--only PATTERN] [--threads N] [--json FILE]

All sides start from the same weights, and are checked before anything is timed: loss and every gradient, or
the logits. The peers:

torch           eager, in both of its memory layouts (the faster one counts), with fused SGD, and without
                looking at the loss
torch.compile   the same through its compiler, which needs a C++ compiler. It takes ten minutes for all of
                them while its own cache is empty, so --quick asks it for the layout that is faster in eager
                only, and not for the deepest networks
onnxruntime     inference only, of the file that Fovea exports
openvino        the same

A step's batch is prepared in advance, in the layout of its side. Shares of peak count the formulas'
multiply-adds: forward, dW, and dA after any layer that learns.
"""

import argparse
import itertools
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

import fovea
from benchmarks import onnx_twin, ours, peak, torch_twin
from benchmarks.harness import TURN, Row, add_options, compare, installed, patience, report
from benchmarks.ours import DECAY, MOMENTUM, RATE, Batches
from benchmarks.turns import Run, take
from fovea.kernels import runtime
from fovea.layers import Conv2D, Dense, Dropout, Flatten, GlobalAveragePool2D, MaxPool2D, ReLU


def three_layers() -> fovea.Network:
    """32, 64 and 128 filters of 3×3, each with ReLU and 2×2 max-pooling, then 10 classes; 32×32×3."""
    blocks = [[Conv2D(K, 3, padding=1), ReLU(), MaxPool2D(2)] for K in (32, 64, 128)]
    return fovea.Network([*itertools.chain(*blocks), Flatten(), Dense(10)], (32, 32, 3))


def plain20() -> fovea.Network:
    """ResNet-20's shape without its shortcuts and normalisation: a first layer, six of 3×3 with 16, 32 and 64
    filters each, a stride of 2 between; 32×32×3. He et al. (2015), arXiv:1512.03385, section 4.2."""
    filters = [16, *[16] * 6, *[32] * 6, *[64] * 6]
    strides = [2 if wide != narrow else 1 for narrow, wide in zip([16, *filters], filters, strict=False)]
    convs = [
        [Conv2D(K, 3, stride=s, padding=1), ReLU()] for K, s in zip(filters, strides, strict=True)
    ]  # fmt: skip
    return fovea.Network([*itertools.chain(*convs), GlobalAveragePool2D(), Dense(10)], (32, 32, 3))


def mobilenet_v2() -> fovea.Network:
    """The built-in network, without dropout: both sides would draw other numbers."""
    return without_dropout(fovea.models.build("mobilenet_v2"))


def without_dropout(network: fovea.Network) -> fovea.Network:
    """The network, with every dropout rate set to 0."""
    for layer in network.layers:
        if isinstance(layer, Dropout):
            layer.rate = 0.0
    return network


def efficientnet_lite0() -> fovea.Network:
    """The built-in network; where a stride is 2, one more row and column of zeros come after than before."""
    return fovea.models.build("efficientnet_lite0")


# name → network, batches of a training step, batches of inference
NETWORKS: dict[str, tuple[Callable[[], fovea.Network], tuple[int, ...], tuple[int, ...]]] = {
    "lenet5": (fovea.models.lenet5, (64, 256), (64, 256, 1)),
    "three-layers": (three_layers, (64,), (64, 1)),
    "plain20": (plain20, (128,), (128,)),
    "resnet20": (fovea.models.resnet20, (128,), (128, 8, 1)),
    "quicknet": (fovea.models.quicknet, (256,), (256, 1)),
    "resnet18": (fovea.models.resnet18, (8,), (8, 1)),
    "mobilenet_v2": (mobilenet_v2, (8,), (8, 1)),
    "efficientnet_lite0": (efficientnet_lite0, (), (8, 1)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Whole networks: Fovea against its peers.")
    parser.add_argument("--only", metavar="PATTERN", default="", help="networks with this in their name")
    add_options(parser)
    options = parser.parse_args()
    runtime.set_threads(options.threads)
    torch.set_num_threads(options.threads)
    compiler = _has_compiler()
    runners = {name: run for name, run in _RUNNERS.items() if installed(name, "onnx")}
    highest = peak.measure(patience(options))
    print(f"peak: {highest:.0f} GFLOP/s on {options.threads} threads; PyTorch {torch.__version__}\n")
    report(_rows(options, highest, compiler, runners), options.json)


_ENOUGH = 6.0  # seconds for a comparison, if quick
_DEEP = 20  # layers; to compile more takes longer than all else
_RUNNERS = {"onnxruntime": onnx_twin.onnxruntime, "openvino": onnx_twin.openvino}


def _rows(
    options: argparse.Namespace, highest: float, compiler: bool, runners: Mapping[str, Callable[..., Run]]
) -> Iterator[Row]:
    turns, enough = (5, _ENOUGH) if options.quick else (40, math.inf)
    how: dict[str, Any] = {"turns": turns, "patience": patience(options), "enough": enough}
    for name, (build, steps, predictions) in NETWORKS.items():
        if options.only not in name:
            continue
        to_compile = _layouts_to_compile(build(), options.quick) if compiler else 0
        for size in steps:
            network = build()
            data = random_batches(network, size)
            ours.check_step(network, data[0])
            peers = _trainers(network, data, to_compile)
            rows = compare(f"{name}-b{size}", "step", ours.trainer(network, data), peers, **how)
            yield from (row.with_share(size * _step_multiply_adds(network), highest) for row in rows)
        for size in predictions:
            network = build()
            data = random_batches(network, size)
            ours.check_prediction(network, data[0])
            peers = _predictors(network, data, to_compile)
            peers |= {name: run(network, data, options.threads) for name, run in runners.items()}
            rows = compare(f"{name}-b{size}", "inference", ours.predictor(network, data), peers, **how)
            yield from (row.with_share(size * sum(_multiply_adds(network)), highest) for row in rows)


def _trainers(network: fovea.Network, data: Batches, to_compile: int) -> dict[str, Run]:
    def make(layout: str, compiled: bool = False) -> Run:
        return torch_twin.trainer(network, data, layout, RATE, MOMENTUM, DECAY, compiled=compiled)

    return _torch(make, to_compile)


def _predictors(network: fovea.Network, data: Batches, to_compile: int) -> dict[str, Run]:
    def make(layout: str, compiled: bool = False) -> Run:
        return torch_twin.predictor(network, data, layout, compiled=compiled)

    return _torch(make, to_compile)


def _torch(make: Callable[..., Run], to_compile: int) -> dict[str, Run]:
    """PyTorch's ways to run the function of `make(layout, compiled)`; compiled only in some layouts, those
    that are fastest in eager."""
    torch.compiler.reset()
    runs = {layout: make(layout) for layout in torch_twin.LAYOUTS}
    ranked = torch_twin.LAYOUTS
    if 0 < to_compile < len(ranked):
        for run in runs.values():
            run()  # the first call prepares what later ones use
        ranked = sorted(ranked, key=lambda layout: take(runs[layout], TURN))
    fast = {f"torch.compile {layout}": make(layout, True) for layout in ranked[:to_compile]}
    return {f"torch {layout}": run for layout, run in runs.items()} | fast


def _layouts_to_compile(network: fovea.Network, quick: bool) -> int:
    return int(len(network.layers) <= _DEEP) if quick else len(torch_twin.LAYOUTS)


def _has_compiler() -> bool:
    found = shutil.which("g++") is not None
    if not found:
        print("torch.compile is left out: no g++")
    return found


def random_batches(network: fovea.Network, size: int) -> Batches:
    """Pictures and labels drawn at random: no side's time depends on what it sees."""
    rng = np.random.default_rng(0)
    shape, classes = (size, *network.input_shape), network.output_shape[0]
    pairs = ((rng.standard_normal(shape, np.float32), rng.integers(classes, size=size)) for _ in range(8))
    return [(images, labels.astype(np.int32)) for images, labels in pairs]


def _multiply_adds(network: fovea.Network) -> list[int]:
    """Each layer's, for one picture forward."""
    shapes = zip(network.layers, network.input_shapes, strict=True)
    return [layer.multiply_adds(shape) for layer, shape in shapes]


def _step_multiply_adds(network: fovea.Network) -> int:
    """Forward, dW and dA; the first layer that learns is not asked for dA."""
    each = [n for n in _multiply_adds(network) if n]
    return 3 * sum(each) - each[0]


if __name__ == "__main__":
    main()
