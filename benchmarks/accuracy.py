"""The accuracy of a training in Fovea and in PyTorch, from the same pictures, weights and steps.

    python -m benchmarks.accuracy SOURCE [--model NAME] [--epochs N] [--seed N] [--only SIDE] [--out DIR]

First `fovea train SOURCE` with the settings that Fovea chooses. Then the same loop again with the network's
forward and backward pass in PyTorch (NHWC, eager): only rounding and time differ.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch.nn.functional import cross_entropy

import fovea
from benchmarks import torch_twin
from fovea.classification import train
from fovea.kernels import runtime
from fovea.losses import CrossEntropy
from fovea.network import runner
from fovea.training.progress import Progress


class TorchPlan:
    """A plan (`fovea.network.runner.Plan`) that runs the network in PyTorch."""

    def __init__(self, network: fovea.Network, loss: CrossEntropy) -> None:
        self.network, self.loss = network, loss
        self.twin, self.gradients = torch_twin.Twin(network, "NHWC"), np.zeros_like(network.flat)
        self.weights = None if loss.weights is None else torch.from_numpy(np.float32(loss.weights))

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.twin.take()
        with torch.inference_mode():
            return self.twin.eval()(self._numbers(images)).numpy()

    def loss_and_gradients(
        self, images: np.ndarray, labels: np.ndarray, *, rng: np.random.Generator | None = None
    ) -> tuple[float, dict[str, float]]:
        self.twin.take()
        self.twin.train().zero_grad(set_to_none=True)
        logits, known = self.twin(self._numbers(images)), torch.from_numpy(labels.astype(np.int64))
        how = {"weight": self.weights, "label_smoothing": self.loss.smoothing, "ignore_index": -1}
        loss = cross_entropy(logits, known, **how)
        loss.backward()
        self.twin.give_statistics()
        for name, gradient in self.twin.gradients().items():
            start, _ = self.network.layout[name]
            self.gradients[start : start + gradient.size] = gradient.reshape(-1)
        return float(loss.detach()), {"top1": int((logits.argmax(1) == known).sum())}

    def _numbers(self, images: np.ndarray) -> torch.Tensor:
        numbers = self.network.preprocessing.apply(images) if images.dtype == np.uint8 else images
        return torch.from_numpy(np.ascontiguousarray(numbers)).permute(0, 3, 1, 2)


class Lines(Progress):
    """Prints a line per epoch."""

    def note(self, text: str) -> None:
        print(text, flush=True)

    def epoch(self, at) -> None:
        row = at.history[-1]
        val = f"val {row['val_top1']:.2%}" if row["val_top1"] is not None else ""
        print(
            f"epoch {row['epoch']:>3}  {row['seconds']:8.1f} s  loss {row['train_loss']:.4f}  {val}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="The same training in Fovea and in PyTorch.")
    parser.add_argument("source", help="as for fovea train")
    parser.add_argument("--model")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=("fovea", "torch"), help="one side alone")
    parser.add_argument("--out", type=Path, help="a folder for both runs' folders")
    options = parser.parse_args()
    torch.set_num_threads(runtime.threads())
    choices = {
        name: getattr(options, name) for name in ("epochs", "seed") if getattr(options, name) is not None
    }
    sides: dict[str, Callable[..., object]] = {"fovea": runner.plan, "torch": _torch_plan}
    for name, plan in sides.items():
        if options.only not in (None, name):
            continue
        print(f"\n{name}", flush=True)
        out = None if options.out is None else str(options.out / name)
        with mock.patch.object(runner, "plan", plan):
            run = train.train(options.source, options.model, out=out, progress=Lines(), **choices)
        seconds = sum(row["seconds"] for row in run.history)
        found = run.metrics
        print(f"{found['split']}: {found['top1']:.2%} of {found['n']:,}; {seconds:,.0f} s of training")


def _torch_plan(
    network: fovea.Network, batch_size: int, *, loss: CrossEntropy | None = None, **_: object
) -> TorchPlan:
    return TorchPlan(network, loss or CrossEntropy())


if __name__ == "__main__":
    main()
