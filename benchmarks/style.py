"""Style transfer by optimisation and in one pass: Fovea and its peers in turns.

    python -m benchmarks.style PHOTO STYLE [--size N] [--whole] [--quick] [--threads N] [--json FILE]

evaluation    the loss of a painting whose longer side has N pixels, 512 by default, and its gradient
painting      with --whole: a whole painting, coarse to fine, with the default evaluations of each level
final loss    of that painting
memory        the most that a process used which paints with VGG-19, at the full size alone
one pass      a painting of SIDE × SIDE pixels by each painter, against PyTorch and onnxruntime

PyTorch runs eagerly, without gradients of the weights, in both memory layouts; the better one counts, and
makes the whole painting, with its own L-BFGS and as many evaluations. Losses, gradients and paintings are
checked before anything is timed.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain
from math import sqrt
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

import fovea
from benchmarks import onnx_twin, torch_twin
from benchmarks.harness import Row, add_options, compare, installed, patience, report, single
from benchmarks.torch_twin import FORMATS, LAYOUTS, Twin
from fovea import images
from fovea.kernels import runtime
from fovea.network.graph import PICTURE
from fovea.style import Options, Painter, Transfer
from fovea.style.features import EXTRACTORS, Extractor
from fovea.style.levels import Level
from fovea.style.networks import PAINTERS
from fovea.style.objective import Objective

TOLERANCE, GRADIENT, MOST = 1e-3, 5e-3, 0.99  # of the loss; of the gradient, by norm; the share that counts
PAINTED = 1e-4  # of numbers from 0 to 1
TURNS, QUICK, TURN = 9, 3, 1.0
EVALUATIONS = 12  # of a painting whose memory is measured
SIDE, STYLE = 512, 8  # of a painting in one pass: its pixels, and its style if that is trained


def main() -> None:
    parser = argparse.ArgumentParser(description="Style transfer: Fovea against PyTorch.")
    parser.add_argument("photo")
    parser.add_argument("style")
    parser.add_argument("--size", type=int, default=512, metavar="N", help="the longer side (default 512)")
    parser.add_argument("--whole", action="store_true", help="compare whole paintings, too")
    add_options(parser)
    options = parser.parse_args()
    runtime.set_threads(options.threads)
    torch.set_num_threads(options.threads)
    pictures = [images.read(path, channels=3) for path in (options.photo, options.style)]
    print(f"{options.threads} threads; PyTorch {torch.__version__}")
    how = {"turns": QUICK if options.quick else TURNS, "patience": patience(options), "turn": TURN}
    one_pass = passes(pictures, options.threads, **how)
    others = rows(pictures, options.size, options.whole, **how)
    first = memory(options.photo, options.style, options.size)  # a child's peak is at least its parent's
    report(chain(first, one_pass, others), options.json)


def memory(photo: str, style: str, size: int) -> Iterator[Row]:
    """The peaks of two processes that paint, both with warm kernels."""
    with TemporaryDirectory() as folder:
        paint = [
            "-m",
            "fovea",
            "paint",
            photo,
            "--style",
            style,
            "--size",
            str(size),
            "--steps",
            f"{EVALUATIONS}",
        ]
        own = [peak([*paint, "--out", f"{folder}/{turn}.png"]) for turn in ("cold", "warm")][1]
    code = "import sys; from benchmarks.style import paint_by_torch; paint_by_torch(*sys.argv[1:])"
    yield single(f"vgg19 {size}", "memory", own, peak(["-c", code, photo, style, str(size)]), "torch", "MB")


def peak(arguments: list[str]) -> float:
    """Megabytes that a Python process used at most."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{arguments} failed"
    return usage.ru_maxrss / 1024


def paint_by_torch(photo: str, style: str, size: str) -> None:
    pictures = [images.read(path, channels=3) for path in (photo, style)]
    transfer = Transfer(*pictures, Options(size=int(size), evaluations=(EVALUATIONS,)))
    torch_painting(EXTRACTORS["vgg19"], transfer, next(iter(LAYOUTS)))


def passes(pictures: list[np.ndarray], threads: int, side: int = SIDE, **how: Any) -> Iterator[Row]:
    """Check and time each painter on `side` × `side` pixels; `how` is passed to `compare`."""
    photo, style = pictures
    pixels = images.fit(photo[None], (side, side))
    for name in PAINTERS:
        painter = Painter(name)
        painter.paint(pixels[0], STYLE if painter.styles else style)
        network, ready = painter._plan(side, side)
        data = [(network.preprocessing.apply(pixels), np.zeros(1))]
        runs = {f"torch {layout}": torch_twin.predictor(network, data, layout) for layout in LAYOUTS}
        if installed("onnxruntime", "onnx"):
            runs["onnxruntime"] = onnx_twin.onnxruntime(network, data, threads)
        painting = ready.predict(pixels)
        for peer, run in runs.items():
            error = np.abs(np.transpose(np.asarray(run()), (0, 2, 3, 1)) - painting).max()
            assert error < PAINTED, f"the paintings of {peer} and Fovea differ by {error:.1e}"
        yield from compare(f"{name} {side}×{side}", "one pass", partial(ready.predict, pixels), runs, **how)


def rows(pictures: list[np.ndarray], size: int, whole: bool, **how: Any) -> Iterator[Row]:
    """Check and time each network; `how` is passed to `compare`."""
    for name in EXTRACTORS:
        yield from rows_of(Transfer(*pictures, Options(size=size, network=name)), whole, **how)


def rows_of(transfer: Transfer, whole: bool, **how: Any) -> Iterator[Row]:
    """The rows of one network."""
    level, extractor = transfer.levels[-1], EXTRACTORS[transfer.options.network]
    case = f"{transfer.options.network} {level.size[1]}×{level.size[0]}"
    ours = objective_of(transfer, level)
    peers = {layout: TorchObjective(extractor, transfer, level, layout) for layout in LAYOUTS}
    x = images.resized(transfer.photo, level.size).reshape(-1)
    for peer in peers.values():
        check(ours(x), peer(x))
    runs = {f"torch {layout}": partial(peer, x) for layout, peer in peers.items()}
    found = compare(case, "evaluation", partial(ours, x), runs, **how)
    yield from found
    if whole:
        yield from paintings(case, transfer, ours, extractor, found[0].peer_name.split()[1])


def objective_of(transfer: Transfer, level: Level) -> Objective:
    """The function that `transfer` minimises at a level."""
    return transfer._objective(images.resized(transfer.photo, level.size), transfer._masks.at(level.size))


def paintings(
    case: str, transfer: Transfer, ours: Objective, extractor: Extractor, layout: str
) -> Iterator[Row]:
    """Time whole paintings, whose kernels are compiled before; compare their losses by `ours`."""
    for level in transfer.levels[:-1]:
        objective_of(transfer, level)
    start = time.perf_counter()
    for _ in transfer.steps():
        pass
    own = time.perf_counter() - start
    start = time.perf_counter()
    painted = torch_painting(extractor, transfer, layout)
    peer = time.perf_counter() - start
    yield single(case, "painting", own, peer, f"torch {layout}", "s")
    yield single(case, "final loss", ours(transfer._x.reshape(-1))[0], ours(painted)[0], "torch", "")


def check(ours: tuple[float, np.ndarray], peer: tuple[float, np.ndarray]) -> None:
    """Raise AssertionError unless both have the same loss and gradient: at all but the worst hundredth of
    the pixels, where rounding decides which side of a ReLU, or which pixel of a pool, passes the gradient."""
    loss = abs(ours[0] - peer[0]) / abs(peer[0])
    difference = np.abs(ours[1] - peer[1])
    most = difference <= np.quantile(difference, MOST)
    gradient = np.linalg.norm(difference[most]) / np.linalg.norm(peer[1])
    assert loss < TOLERANCE, f"the losses differ by {loss:.1e}"
    assert gradient < GRADIENT, f"the gradients differ by {gradient:.1e}"


class TorchObjective:
    """`Objective` in PyTorch, for one style."""

    def __init__(self, extractor: Extractor, transfer: Transfer, level: Level, layout: str) -> None:
        self.extractor, self.options, self.format = extractor, transfer.options, FORMATS[layout]
        self.shape, self.layout = (*level.size, 3), layout
        photo = images.resized(transfer.photo, level.size)
        style = transfer._style_pictures[0]
        share = max(level.size) * self.options.style_scale / max(style.shape[:2])
        size = [max(round(side * share), extractor.least) for side in style.shape[:2]]
        with torch.no_grad():
            of_style = self._features(self._tensor(images.resized(style, size)))
            self.grams = {name: _gram(of_style[name]) for name in extractor.style}
            self.content = self._features(self._tensor(photo))[extractor.content]

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        picture = self._tensor(x.reshape(self.shape)).requires_grad_()
        loss = self.loss(picture)
        loss.backward()
        assert picture.grad is not None
        return float(loss.detach()), picture.grad[0].permute(1, 2, 0).reshape(-1).numpy()

    def loss(self, picture: torch.Tensor) -> torch.Tensor:
        """The loss of a picture (1, 3, H, W) in grey levels."""
        features, strength = self._features(picture), self.options.strength
        of_style = [_relative(_gram(features[name]), self.grams[name]) for name in self.extractor.style]
        of_content = _relative(features[self.extractor.content], self.content)
        weight = (1 - strength) * self.extractor.content_weight
        return strength * torch.stack(of_style).mean() + weight * of_content

    def _features(self, picture: torch.Tensor) -> Mapping[str, torch.Tensor]:
        shape = tuple(picture.shape[2:])
        if getattr(self, "_made_for", None) != shape:
            network = self.extractor.network(*shape)
            self.model, self._made_for = Outputs(network, self.layout).eval(), shape
            preprocessing = network.preprocessing
            self.scale, self.offset = (
                torch.from_numpy(a)[:, None, None] for a in (preprocessing.scale, preprocessing.offset)
            )
        return self.model(picture * self.scale + self.offset)

    def _tensor(self, picture: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(picture[None]).permute(0, 3, 1, 2).contiguous(memory_format=self.format)


class Outputs(Twin):
    """A Fovea network with named outputs in PyTorch: {name: (1, C, H, W)}."""

    def __init__(self, network: fovea.Network, layout: str) -> None:
        super().__init__(network, layout)
        self.outputs = dict(zip(network.output_numbers, network.outputs, strict=True))

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:  # type: ignore[override]
        values, found = {PICTURE: images}, {}
        for number, (part, sources) in enumerate(zip(self.parts, self.sources, strict=True)):
            values[number] = part(*(values[source] for source in sources))
            if number in self.outputs:
                found[self.outputs[number]] = values[number]
            for source in self.last[number]:
                del values[source]
        return found


def torch_painting(extractor: Extractor, transfer: Transfer, layout: str) -> np.ndarray:
    """A painting (H·W·3,) by PyTorch's L-BFGS, coarse to fine as `transfer`."""
    picture = transfer._start()
    for level in transfer.levels:
        objective = TorchObjective(extractor, transfer, level, layout)
        x = objective._tensor(images.resized(picture, level.size)).requires_grad_()
        scale = sqrt(x.numel())  # in these units PyTorch's first step, of length 1 at most, changes something
        y = (x.detach() / scale).contiguous().requires_grad_()  # its L-BFGS needs a gradient in rows
        count = level.evaluations
        search = torch.optim.LBFGS(
            [y],
            max_iter=count,
            max_eval=count,
            history_size=10,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

        def closure(y=y, objective=objective, search=search, scale=scale) -> float:
            search.zero_grad()
            loss = objective.loss(y * scale)
            loss.backward()
            assert y.grad is not None
            y.grad = y.grad.contiguous()
            return float(loss.detach())

        search.step(closure)
        picture = np.ascontiguousarray((y.detach() * scale)[0].permute(1, 2, 0).numpy())
    return picture.reshape(-1)


def _gram(features: torch.Tensor) -> torch.Tensor:
    rows = features[0].flatten(1)
    return rows @ rows.T / rows.numel()


def _relative(A: torch.Tensor, T: torch.Tensor) -> torch.Tensor:
    return (A - T).square().mean() / T.square().mean()


if __name__ == "__main__":
    main()
