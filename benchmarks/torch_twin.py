"""A Fovea network in PyTorch, with its weights: what its training steps and predictions are compared with."""

import itertools

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import fovea
from benchmarks.ours import Batch, Batches
from benchmarks.turns import Run
from fovea.layers import Conv2D, Dense, Flatten, GlobalAveragePool2D, Layer, MaxPool2D, ReLU
from fovea.layers.base import Shape

LAYOUTS = ("NCHW", "NHWC")
FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


def set_threads(count: int) -> None:
    torch.set_num_threads(count)


class Twin(nn.Sequential):
    """The same layers in the same order, and the same weights in PyTorch's order.

    Takes pictures (N, C, H, W). Knows Conv2D, ReLU, MaxPool2D, Flatten, Dense and GlobalAveragePool2D.
    """

    def __init__(self, network: fovea.Network, layout: str = "NCHW") -> None:
        super().__init__()
        self._learning: list[tuple[Layer, nn.Module, Shape]] = []
        volume: Shape = ()  # what the last Flatten took in
        for layer, shape in zip(network.layers, network.input_shapes, strict=True):
            modules = _modules(layer, shape)
            self.extend(modules)
            volume = shape if isinstance(layer, Flatten) else volume
            if layer.parameters:
                self._learning.append((layer, modules[-1], volume if isinstance(layer, Dense) else ()))
            volume = volume if isinstance(layer, Flatten) else ()
        with torch.no_grad():
            for layer, module, came in self._learning:
                module.weight.copy_(torch.from_numpy(_torch_order(layer.parameters["W"], came)))
                if "b" in layer.parameters:
                    module.bias.copy_(torch.from_numpy(layer.parameters["b"].copy()))
        self.to(memory_format=FORMATS[layout])

    def gradients(self) -> dict[str, np.ndarray]:
        """After a backward pass: under Fovea's names and in its order."""
        gradients = {}
        for layer, module, came in self._learning:
            gradients[f"{layer.name}.W"] = _fovea_order(module.weight.grad.numpy(), came)
            if module.bias is not None:
                gradients[f"{layer.name}.b"] = module.bias.grad.numpy()
        return gradients


def loss_and_gradients(network: fovea.Network, batch: Batch) -> tuple[float, dict[str, np.ndarray]]:
    """The mean loss, and the gradients under Fovea's names and in its layout."""
    model = Twin(network)
    images, labels = tensors([batch], "NCHW")[0]
    loss = cross_entropy(model(images), labels)
    loss.backward()
    return float(loss.detach()), model.gradients()


def logits(network: fovea.Network, images: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return Twin(network)(tensors([(images, np.zeros(len(images)))], "NCHW")[0][0]).numpy()


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


def _modules(layer: Layer, shape: Shape) -> list[nn.Module]:
    match layer:
        case Conv2D():
            (top, bottom, left, right), s = layer.window(shape).pads, layer.stride
            even = (top, left) == (bottom, right)
            before = [] if even else [nn.ZeroPad2d((left, right, top, bottom))]
            pads = (top, left) if even else 0
            conv = nn.Conv2d(shape[2], layer.filters, layer.kernel_size, s, pads, bias=layer.bias)
            return [*before, conv]
        case ReLU():
            return [nn.ReLU(inplace=True)]
        case MaxPool2D() if not any(layer.window(shape).pads):
            return [nn.MaxPool2d(layer.pool_size, layer.stride)]
        case Flatten():
            return [nn.Flatten()]
        case GlobalAveragePool2D():
            return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        case Dense():
            return [nn.Linear(shape[0], layer.units, bias=layer.bias)]
    raise NotImplementedError(f"{layer.who} has no twin")


def _torch_order(W: np.ndarray, came: Shape) -> np.ndarray:
    """Filters (f_H, f_W, C, K) → (K, C, f_H, f_W); dense (n_in, n_out) → (n_out, n_in), whose inputs come in
    Fovea as (h, w, c) and in PyTorch as (c, h, w) where a volume `came` flattened."""
    if W.ndim == 4:
        return np.ascontiguousarray(W.transpose(3, 2, 0, 1))
    if len(came) == 3:
        W = W.reshape(*came, -1).transpose(2, 0, 1, 3).reshape(W.shape)
    return np.ascontiguousarray(W.T)


def _fovea_order(W: np.ndarray, came: Shape) -> np.ndarray:
    """The other way."""
    if W.ndim == 4:
        return W.transpose(2, 3, 1, 0)
    if len(came) == 3:
        H, width, C = came
        return W.T.reshape(C, H, width, -1).transpose(1, 2, 0, 3).reshape(W.T.shape)
    return W.T
