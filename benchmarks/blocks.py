"""Blocks of residual networks, where batch normalisation is at work: Fovea and PyTorch in turns.

    python -m benchmarks.blocks [--quick] [--only PATTERN] [--threads N] [--json FILE]

A block is a convolution 3×3, batch normalisation and ReLU, twice, the second time with the shortcut's sum
before ReLU. It stands behind a convolution of its own, so that its input's gradient is computed, too. Shapes
are those of ResNet-20 with 128 pictures of 32×32, and of ResNet-18 with 8 of 224×224. PyTorch runs eager, in
both of its memory layouts, and the faster one counts.
"""

import argparse
from collections.abc import Iterator

import torch

import fovea
from benchmarks import ours, torch_twin
from benchmarks.harness import Row, add_options, compare, patience, report
from benchmarks.networks import random_batches
from benchmarks.ours import DECAY, MOMENTUM, RATE
from fovea.kernels import runtime
from fovea.layers import Add, BatchNorm, Conv2D, Dense, GlobalAveragePool2D, ReLU

# name → pictures, pixels along a side, channels
BLOCKS = {
    "resnet20-stage1": (128, 32, 16),
    "resnet20-stage2": (128, 16, 32),
    "resnet20-stage3": (128, 8, 64),
    "resnet18-stage1": (8, 56, 64),
    "resnet18-stage2": (8, 28, 128),
    "resnet18-stage3": (8, 14, 256),
    "resnet18-stage4": (8, 7, 512),
}


def block(side: int, channels: int) -> fovea.Network:
    """The block between a 1×1 convolution and a dense layer."""

    def conv() -> Conv2D:
        return Conv2D(channels, 3, padding=1, bias=False)

    layers = {
        "first": Conv2D(channels, 1),
        "conv1": conv(), "norm1": BatchNorm(), "relu1": ReLU(),
        "conv2": conv(), "norm2": BatchNorm(),
        "sum": (Add(), "norm2", "first"), "relu2": ReLU(),
        "pool": GlobalAveragePool2D(), "dense": Dense(10),
    }  # fmt: skip
    return fovea.Network(layers, (side, side, channels))


def main() -> None:
    parser = argparse.ArgumentParser(description="Residual blocks: Fovea against PyTorch.")
    parser.add_argument("--only", metavar="PATTERN", default="", help="blocks with this in their name")
    add_options(parser)
    options = parser.parse_args()
    runtime.set_threads(options.threads)
    torch.set_num_threads(options.threads)
    report(_rows(options), options.json)


def _rows(options: argparse.Namespace) -> Iterator[Row]:
    how = {"turns": 7 if options.quick else 40, "patience": patience(options)}
    for name, (pictures, side, channels) in BLOCKS.items():
        if options.only not in name:
            continue
        network = block(side, channels)
        data = random_batches(network, pictures)
        ours.check_step(network, data[0])
        peers = {
            f"torch {layout}": torch_twin.trainer(network, data, layout, RATE, MOMENTUM, DECAY)
            for layout in torch_twin.LAYOUTS
        }
        yield from compare(f"{name}-b{pictures}", "step", ours.trainer(network, data), peers, **how)
        network = block(side, channels)
        ours.check_prediction(network, data[0])
        peers = {
            f"torch {layout}": torch_twin.predictor(network, data, layout) for layout in torch_twin.LAYOUTS
        }
        yield from compare(f"{name}-b{pictures}", "inference", ours.predictor(network, data), peers, **how)


if __name__ == "__main__":
    main()
