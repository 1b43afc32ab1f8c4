"""Transfer learning on a folder of pictures, in the parts of `fovea train`: Fovea and PyTorch in turns.

    python -m benchmarks.transfer FOLDER [--size N] [--quick] [--threads N] [--json FILE]

FOLDER has a folder of pictures per class. The network, its weights and the recipe are those that `fovea
train` chooses for photographs; `--size` is the height and width of the pictures that it sees.

features    of the training pictures and their mirror images, by all layers below the last Dense layer
linear      the last layer on these features, by L-BFGS, for each strength of weight decay
fine-tune   one epoch of steps on the upper layers, with SGD and the moving average of the weights

PyTorch runs eagerly in channels_last, with fused SGD and its own L-BFGS, from the same weights, with the same
frozen layers. Results are checked before anything is timed: the features to 1e-3 of the largest, the minima
and the loss of each step to 1e-3. Both sides read and augment pictures with Fovea's reader, whose time is
part of both; it is printed first. Dropout is off: both sides would draw other numbers.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

import fovea
from benchmarks import ours
from benchmarks.harness import Row, add_options, compare, patience, report
from benchmarks.networks import without_dropout
from benchmarks.torch_twin import Twin
from benchmarks.turns import Run
from fovea.classification import features as features_of
from fovea.classification import linear
from fovea.classification.choices import PRETRAINED, SIDE, choose
from fovea.classification.features import Features, body_of
from fovea.classification.linear import Linear
from fovea.classification.train import prepare
from fovea.data import Dataset, Splits
from fovea.data.batches import batches
from fovea.kernels import runtime
from fovea.losses import CrossEntropy
from fovea.network import runner
from fovea.network.preprocessing import Preprocessing
from fovea.optimizers import SGD
from fovea.training import layer_rates
from fovea.training.average import Average, Snapshot
from fovea.training.position import Position
from fovea.training.setup import Setup
from fovea.training.step import Step

TOLERANCE = 1e-3
TURNS, QUICK = 9, 3
_LAYOUT = "NHWC"
_EPOCH = 2  # the first that fine-tunes


def main() -> None:
    parser = argparse.ArgumentParser(description="Transfer learning: Fovea against PyTorch.")
    parser.add_argument("folder", help="pictures, in a folder per class")
    text = f"height and width of the network's pictures (default {SIDE})"
    parser.add_argument("--size", type=int, default=SIDE, metavar="N", help=text)
    add_options(parser)
    options = parser.parse_args()
    runtime.set_threads(options.threads)
    torch.set_num_threads(options.threads)
    begun = prepare(options.folder, None, weights=PRETRAINED, size=(options.size, options.size))
    setup = setup_of(begun.network, begun.splits)
    n, pictures = len(setup.train), "×".join(map(str, setup.data.shape))
    print(f"{begun.splits.name}: {n:,} training pictures of {pictures} for {begun.name}; ", end="")
    print(f"{options.threads} threads; PyTorch {torch.__version__}")
    _print_reading(setup)
    how = {"turns": QUICK if options.quick else TURNS, "patience": patience(options)}
    report(rows(setup, Path(options.folder).name, **how), options.json)


def setup_of(network: fovea.Network, data: Splits) -> Setup:
    """The training that `fovea train` chooses for a trained network: a fit and one epoch of fine-tuning."""
    without_dropout(network)
    recipe, task, _ = choose(network, data, {}, fits=True, fine_tune=1)
    setup = Setup(network, data, recipe, task)
    setup.adopt(measure=False)
    return setup


def rows(setup: Setup, case: str, **how: Any) -> Iterator[Row]:
    """Check and time each part; the network gets the fitted last layer. `how` is passed to `compare`."""
    body, train, size = body_of(setup.network), setup.train, setup.recipe.batch_size
    known = our_features(body, train, size)
    peer = TorchFeatures(body, size)
    check_features(known, peer(train))
    yield from compare(
        case, "features", lambda: our_features(body, train, size), {"torch": lambda: peer(train)}, **how
    )

    F, labels = known.both()
    problem = F, labels, setup.network.output_shape[0], loss_of(setup)
    layers = linear.fit(*problem)
    check_linear(layers, torch_linear(*problem), *problem)
    peers: dict[str, Run] = {"torch L-BFGS": lambda: torch_linear(*problem)}
    yield from compare(case, "linear", lambda: linear.fit(*problem), peers, **how)

    layer = next(layer for layer in layers if layer.strength == linear.USUAL)
    for name, array in (("W", layer.W), ("b", layer.b)):
        setup.network.layers[-1].parameters[name][...] = array
    layer_rates.freeze(setup.network, setup.factors)
    epoch, torch_epoch = OurEpoch(setup), TorchEpoch(setup)
    check_losses(epoch(), torch_epoch())
    yield from compare(case, "fine-tune", epoch, {"torch": torch_epoch}, **how)


def loss_of(setup: Setup) -> CrossEntropy:
    """The training's loss."""
    assert isinstance(setup.loss, CrossEntropy)
    return setup.loss


def our_features(body: fovea.Network, dataset: Dataset, size: int) -> Features:
    """Computed, not looked up in the cache."""
    return Features(**features_of._compute(body, dataset, size, True, lambda done, total: None))


class TorchFeatures:
    """Features of pictures and of their mirror images, computed in PyTorch."""

    def __init__(self, body: fovea.Network, size: int) -> None:
        self.model, self.numbers, self.size = Twin(body, _LAYOUT).eval(), Numbers(body.preprocessing), size

    def __call__(self, dataset: Dataset) -> Features:
        found = []
        with torch.inference_mode():
            for images, labels in batches(dataset, self.size, shuffle=False):
                x = self.numbers(images)
                found.append((self.model(x).numpy(), self.model(x.flip(3)).numpy(), labels))
        return Features(*map(np.concatenate, zip(*found, strict=True)))


class Numbers:
    """A network's preprocessing in PyTorch: uint8 (N, H, W, C) → float32 (N, C, H, W) in channels_last."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.scale = torch.from_numpy(preprocessing.scale)[:, None, None]
        self.offset = torch.from_numpy(preprocessing.offset)[:, None, None]

    def __call__(self, images: np.ndarray) -> torch.Tensor:
        x = torch.from_numpy(images).permute(0, 3, 1, 2)
        return x.to(torch.float32).mul_(self.scale).add_(self.offset)


def torch_linear(
    features: np.ndarray,
    labels: np.ndarray,
    classes: int,
    loss: CrossEntropy,
    strengths: Sequence[float] = linear.STRENGTHS,
) -> list[Linear]:
    """`linear.fit` in PyTorch: the same objective, order of strengths, tolerance and limit of steps."""
    F, targets = torch.from_numpy(features), torch.from_numpy(labels.astype(np.int64))
    mean = F.mean(0, dtype=torch.float64)
    deviation = max(float(((F - mean) ** 2).mean().sqrt()), 1e-12)
    scaled = ((F - mean) / deviation).float()
    W = torch.zeros(F.shape[1], classes, requires_grad=True)
    b = torch.zeros(classes, requires_grad=True)
    value, found = loss_function(loss), []
    for strength in sorted(strengths, reverse=True):
        optimizer = torch.optim.LBFGS(
            [W, b], max_iter=linear.STEPS, max_eval=10 * linear.STEPS, tolerance_grad=linear.TOLERANCE,
            history_size=10, line_search_fn="strong_wolfe",
        )  # fmt: skip

        def objective(optimizer: torch.optim.Optimizer = optimizer, decay: float = strength / classes):
            optimizer.zero_grad()
            J = value(torch.addmm(b, scaled, W), targets) + decay / 2 * W.square().sum()
            J.backward()
            return J

        optimizer.step(objective)
        own = W.detach().double() / deviation
        found.append(Linear(strength, own.float().numpy(), (b.detach() - mean @ own).float().numpy()))
    return found


def loss_function(loss: CrossEntropy) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Fovea's loss in PyTorch."""
    weight = None if loss.weights is None else torch.from_numpy(loss.weights)
    return lambda logits, targets: cross_entropy(
        logits, targets, weight, ignore_index=-1, label_smoothing=loss.smoothing
    )


class OurEpoch:
    """One epoch of fine-tuning as `fovea.training.loop` runs it, from the same weights at each call; returns
    the loss of each step."""

    def __init__(self, setup: Setup) -> None:
        self.setup, self.begin = setup, Snapshot(setup.network)
        self.plan = runner.plan(setup.network, setup.recipe.batch_size, training=True, loss=setup.loss)

    def __call__(self) -> list[float]:
        setup, network = self.setup, self.setup.network
        self.begin.restore()
        recipe, average = replace(setup.recipe), Average(network, setup.recipe.average)  # a fresh optimizer
        step = Step(network, self.plan, recipe, average, setup.total, setup.factors, saves=False)
        position, losses = Position(_EPOCH), []
        for images, targets in setup.batches(_EPOCH):
            loss, sums = self.plan.loss_and_gradients(images, targets, rng=step.rng(position))
            step(loss, images, position)
            position.add(loss, sums, setup.loss.counted(targets))
            losses.append(loss)
        self.begin.restore()
        return losses


class TorchEpoch:
    """The same in PyTorch, which keeps the average of the layers that learn."""

    def __init__(self, setup: Setup) -> None:
        self.setup, self.model = setup, Twin(setup.network, _LAYOUT)
        self.numbers, self.loss = Numbers(setup.network.preprocessing), loss_function(loss_of(setup))

    def __call__(self) -> list[float]:
        recipe, optimizer = self.setup.recipe, self.setup.recipe.optimizer
        assert isinstance(optimizer, SGD)
        self.model.take()
        learning = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        sgd = torch.optim.SGD(
            learning, recipe.rate, optimizer.momentum, weight_decay=optimizer.weight_decay,
            nesterov=optimizer.nesterov, fused=True,
        )  # fmt: skip
        average = [parameter.detach().clone() for parameter in learning]
        losses = []
        for number, (images, targets) in enumerate(self.setup.batches(_EPOCH)):
            for group in sgd.param_groups:
                group["lr"] = recipe.rate * recipe.course(number, self.setup.total)
            sgd.zero_grad(set_to_none=True)
            loss = self.loss(self.model(self.numbers(images)), torch.from_numpy(targets.astype(np.int64)))
            loss.backward()
            sgd.step()
            share = 1 - min(recipe.average, (2 + number) / (11 + number))
            with torch.no_grad():
                for mean, parameter in zip(average, learning, strict=True):
                    mean.lerp_(parameter, share)
            losses.append(float(loss.detach()))
        return losses


def check_features(got: Features, expected: Features) -> None:
    """They agree, of the pictures that can be read and of their mirror images."""
    error = ours.largest_error(got.both()[0], expected.both()[0])
    assert error <= TOLERANCE, error


def check_linear(
    got: Iterable[Linear],
    expected: Iterable[Linear],
    features: np.ndarray,
    labels: np.ndarray,
    classes: int,
    loss: CrossEntropy,
) -> None:
    """Both sides' minima of the objective agree, for each strength."""
    deviation = float(np.sqrt(features.var(axis=0, dtype=np.float64).mean()))
    for layers in zip(got, expected, strict=True):
        J = []
        for layer in layers:
            decay = layer.strength / classes / 2 * float(np.square(layer.W * deviation, dtype=float).sum())
            J.append(loss(layer(features), labels)[0] + decay)
        assert abs(J[0] - J[1]) <= TOLERANCE * J[1], (layers[0].strength, *J)


def check_losses(got: Sequence[float], expected: Sequence[float]) -> None:
    """The loss of each step of the epoch agrees."""
    np.testing.assert_allclose(got, expected, rtol=TOLERANCE)


def _print_reading(setup: Setup) -> None:
    """Print the time to read the pictures, alone and with the augmentation of fine-tuning."""
    size, seconds = setup.recipe.batch_size, []
    for stream in (batches(setup.train, size, shuffle=False), setup.batches(_EPOCH)):
        start = time.perf_counter()
        for _ in stream:
            pass
        seconds.append(time.perf_counter() - start)
    alone, augmented = seconds
    print(f"reading the pictures takes {alone:.2f} s, with augmentation {augmented:.2f} s\n")


if __name__ == "__main__":
    main()
