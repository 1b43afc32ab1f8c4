"""A Fovea network in PyTorch, with its weights: what its training steps and predictions are compared with."""

import itertools

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, pad

import fovea
from benchmarks.ours import Batch, Batches
from benchmarks.turns import Run
from fovea.layers import (
    Add,
    BatchNorm,
    Concat,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    InstanceNorm,
    Layer,
    MaxPool2D,
    ReLU,
    ReLU6,
    Shortcut,
    Sigmoid,
    Upsample2D,
)
from fovea.layers.base import Shape
from fovea.network.graph import PICTURE, consumers

LAYOUTS = ("NCHW", "NHWC")
FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


def set_threads(count: int) -> None:
    torch.set_num_threads(count)


class Twin(nn.Module):
    """A Fovea network as a PyTorch module: the same graph of layers, weights and statistics.

    Takes pictures (N, C, H, W). Knows the layers in `_modules`. Layers that are frozen when it is made learn
    nothing, as in Fovea: neither parameters nor statistics.
    """

    def __init__(self, network: fovea.Network, layout: str = "NCHW") -> None:
        super().__init__()
        self.parts, self.sources = nn.ModuleList(), network.sources
        self._learning: list[tuple[Layer, nn.Module, Shape]] = []
        taken = consumers(network.sources)
        came: dict[int, Shape] = {}  # what the Flatten of that number took in
        for number, (layer, shape) in enumerate(zip(network.layers, network.input_shapes, strict=True)):
            source = network.sources[number][0]
            alone = source != PICTURE and len(taken[source]) == 1  # then ReLU may write where it reads
            modules = _modules(layer, shape, alone)
            self.parts.append(nn.Sequential(*modules) if len(modules) != 1 else modules[0])
            if isinstance(layer, Flatten):
                came[number] = shape
            if layer.parameters:
                modules[-1].requires_grad_(not layer.frozen)
                self._learning.append((layer, modules[-1], came.get(source, ())))
        self.last = [  # the last consumer of each value
            {source for source in sources if source != PICTURE and taken[source][-1] == number}
            for number, sources in enumerate(self.sources)
        ]
        self.take()
        self.train()
        self.to(memory_format=FORMATS[layout])

    def train(self, mode: bool = True) -> "Twin":
        super().train(mode)
        for layer, module, _ in self._learning:
            module.train(mode and not layer.frozen)
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values, found = {PICTURE: images}, images
        for number, (part, sources) in enumerate(zip(self.parts, self.sources, strict=True)):
            found = values[number] = part(*(values[source] for source in sources))
            for source in self.last[number]:
                del values[source]
        return found

    def take(self) -> None:
        """The weights and statistics that the network has now."""
        with torch.no_grad():
            for layer, module, volume in self._learning:
                for name, own in _NAMES.items():
                    if name in layer.parameters:
                        values = _torch_order(layer.parameters[name], volume)
                        getattr(module, own).copy_(torch.from_numpy(values))
                for name, own in _STATISTICS.items():
                    if name in layer.statistics:
                        getattr(module, own).copy_(torch.from_numpy(layer.statistics[name].copy()))

    def give_statistics(self) -> None:
        """The network gets what was learned beside gradients."""
        for layer, module, _ in self._learning:
            for name, values in layer.statistics.items():
                values[...] = getattr(module, _STATISTICS[name]).numpy()

    def gradients(self) -> dict[str, np.ndarray]:
        """After a backward pass: under Fovea's names and in its order, of all layers that learn."""
        return {
            f"{layer.name}.{name}": _fovea_order(getattr(module, own).grad.numpy(), volume)
            for layer, module, volume in self._learning
            for name, own in _NAMES.items()
            if name in layer.parameters and not layer.frozen
        }


_STATISTICS = {"mean": "running_mean", "variance": "running_var"}
_NAMES = {"W": "weight", "b": "bias", "gamma": "weight", "beta": "bias"}  # Fovea's and PyTorch's


class _Add(nn.Module):
    def forward(self, first: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        for other in others:
            first = first + other
        return first


class _Shortcut(nn.Module):
    def __init__(self, more: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.more, self.stride = more, stride

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        down, across = self.stride
        return pad(images[:, :, ::down, ::across], (0, 0, 0, 0, 0, self.more))


class _Concat(nn.Module):
    def forward(self, *images: torch.Tensor) -> torch.Tensor:
        return torch.cat(images, 1)


def loss_and_gradients(network: fovea.Network, batch: Batch) -> tuple[float, dict[str, np.ndarray]]:
    """The mean loss, and the gradients under Fovea's names and in its layout."""
    model = Twin(network)
    images, labels = tensors([batch], "NCHW")[0]
    loss = cross_entropy(model(images), labels)
    loss.backward()
    return float(loss.detach()), model.gradients()


def logits(network: fovea.Network, images: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return Twin(network).eval()(tensors([(images, np.zeros(len(images)))], "NCHW")[0][0]).numpy()


def trainer(
    network: fovea.Network,
    data: Batches,
    layout: str,
    rate: float,
    momentum: float,
    decay: float,
    *,
    compiled: bool = False,
) -> Run:
    """A function that takes one training step: its own weights, fused SGD, no look at the loss."""
    model, batches = Twin(network, layout), itertools.cycle(tensors(data, layout))
    optimizer = torch.optim.SGD(
        model.parameters(), lr=rate, momentum=momentum, weight_decay=decay, fused=True
    )

    def loss_of(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return cross_entropy(model(images), labels)

    loss = torch.compile(loss_of) if compiled else loss_of

    def step() -> None:
        images, labels = next(batches)
        optimizer.zero_grad(set_to_none=True)
        loss(images, labels).backward()
        optimizer.step()

    return step


def predictor(network: fovea.Network, data: Batches, layout: str, *, compiled: bool = False) -> Run:
    """A function that gives one batch's logits."""
    model, batches = Twin(network, layout).eval(), itertools.cycle(tensors(data, layout))
    run = torch.compile(model) if compiled else model

    def predict() -> object:
        with torch.inference_mode():
            return run(next(batches)[0])

    return predict


def tensors(data: Batches, layout: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [
        (
            torch.from_numpy(images.transpose(0, 3, 1, 2)).contiguous(memory_format=FORMATS[layout]),
            torch.from_numpy(labels.astype(np.int64)),
        )
        for images, labels in data
    ]


def _modules(layer: Layer, shape: Shape, alone: bool) -> list[nn.Module]:
    """The modules of a layer; `alone`: True if no other layer reads its input."""
    match layer:
        case Conv2D():
            (top, bottom, left, right), s = layer.window(shape).pads, layer.stride
            even = (top, left) == (bottom, right)
            before = [] if even else [nn.ZeroPad2d((left, right, top, bottom))]
            pads, more = (top, left) if even else 0, (layer.dilation, layer.groups)
            size = layer.kernel_size
            mirrors = layer.padding_mode == "mirror"
            assert even or not mirrors
            mode = "reflect" if mirrors else "zeros"
            conv = nn.Conv2d(shape[2], layer.filters, size, s, pads, *more, layer.bias, mode)
            return [*before, conv]
        case BatchNorm():
            norm = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
            return [norm(shape[-1], eps=layer.epsilon, momentum=layer.momentum)]
        case InstanceNorm():
            return [nn.InstanceNorm2d(shape[2], layer.epsilon, affine=True)]
        case Upsample2D():
            return [nn.Upsample(scale_factor=layer.factor, mode=layer.mode)]
        case Sigmoid():
            return [nn.Sigmoid()]
        case ReLU():
            return [nn.ReLU(inplace=alone)]
        case ReLU6():
            return [nn.ReLU6(inplace=alone)]
        case MaxPool2D():
            (top, bottom, left, right) = layer.window(shape).pads
            assert layer.ceil_mode or (top, left) == (bottom, right)
            return [nn.MaxPool2d(layer.pool_size, layer.stride, (top, left), ceil_mode=layer.ceil_mode)]
        case Flatten():
            return [nn.Flatten()]
        case GlobalAveragePool2D():
            return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        case Dense():
            return [nn.Linear(shape[0], layer.units, bias=layer.bias)]
        case Dropout():
            return [nn.Dropout(layer.rate)]
        case Add():
            return [_Add()]
        case Concat():
            return [_Concat()]
        case Shortcut():
            return [_Shortcut(layer.channels - shape[2], layer.stride)]
    raise NotImplementedError(f"{layer.who} has no twin")


def _torch_order(W: np.ndarray, came: Shape) -> np.ndarray:
    """Filters (f_H, f_W, C, K) → (K, C, f_H, f_W); dense (n_in, n_out) → (n_out, n_in), whose inputs come in
    Fovea as (h, w, c) and in PyTorch as (c, h, w) where a volume `came` flattened."""
    if W.ndim == 1:
        return W.copy()
    if W.ndim == 4:
        return np.ascontiguousarray(W.transpose(3, 2, 0, 1))
    if len(came) == 3:
        W = W.reshape(*came, -1).transpose(2, 0, 1, 3).reshape(W.shape)
    return np.ascontiguousarray(W.T)


def _fovea_order(W: np.ndarray, came: Shape) -> np.ndarray:
    """The other way."""
    if W.ndim == 1:
        return W
    if W.ndim == 4:
        return W.transpose(2, 3, 1, 0)
    if len(came) == 3:
        H, width, C = came
        return W.T.reshape(C, H, width, -1).transpose(1, 2, 0, 3).reshape(W.T.shape)
    return W.T
