"""LeNet-5 in PyTorch, with a Fovea network's weights."""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

LAYOUTS = ("NCHW", "NHWC")
_FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


class LeNet5(nn.Sequential):
    """The design of 1998 with ReLU and max-pooling, as `fovea.models.lenet5`."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(inplace=True),
            nn.Linear(120, 84), nn.ReLU(inplace=True), nn.Linear(84, 10),
        )  # fmt: skip


_NAMES = {"conv1": 0, "conv2": 3, "dense1": 7, "dense2": 9, "dense3": 11}


def set_threads(count: int) -> None:
    torch.set_num_threads(count)


def loss_and_gradients(network, batch) -> tuple[float, dict[str, np.ndarray]]:
    """The mean loss, and the gradients under Fovea's names and in its layout."""
    model = _model(network, "NCHW")
    images, labels = _tensors([batch], "NCHW")[0]
    loss = nn.functional.cross_entropy(model(images), labels)
    loss.backward()
    gradients = {}
    for name, place in _NAMES.items():
        weight, bias = model[place].weight.grad.numpy(), model[place].bias.grad.numpy()
        gradients[f"{name}.W"] = _fovea_order(weight, name)
        gradients[f"{name}.b"] = bias
    return float(loss.detach()), gradients


def trainer(network, data, layout: str, rate: float, momentum: float, decay: float) -> Callable[[], None]:
    """A function that takes one training step."""
    model, batches = _model(network, layout), itertools.cycle(_tensors(data, layout))
    optimizer = torch.optim.SGD(
        model.parameters(), lr=rate, momentum=momentum, weight_decay=decay, fused=True
    )

    def step() -> None:
        images, labels = next(batches)
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def predictor(network, data, layout: str) -> Callable[[], object]:
    """A function that gives one batch's logits."""
    model, batches = _model(network, layout).eval(), itertools.cycle(_tensors(data, layout))

    def predict() -> object:
        with torch.inference_mode():
            return model(next(batches)[0])

    return predict


def _model(network, layout: str) -> LeNet5:
    model = LeNet5()
    with torch.no_grad():
        for name, place in _NAMES.items():
            W, b = network.parameters[f"{name}.W"], network.parameters[f"{name}.b"]
            model[place].weight.copy_(torch.from_numpy(_torch_order(W, name)))
            model[place].bias.copy_(torch.from_numpy(b.copy()))
    return model.to(memory_format=_FORMATS[layout])


def _tensors(data, layout: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [
        (
            torch.from_numpy(images.transpose(0, 3, 1, 2)).contiguous(memory_format=_FORMATS[layout]),
            torch.from_numpy(labels.astype(np.int64)),
        )
        for images, labels in data
    ]


def _torch_order(W: np.ndarray, name: str) -> np.ndarray:
    """Filters (f_H, f_W, C, K) → (K, C, f_H, f_W); dense (n_in, n_out) → (n_out, n_in), where the first dense
    layer's inputs come as (h, w, c) in Fovea and as (c, h, w) in PyTorch."""
    if W.ndim == 4:
        return np.ascontiguousarray(W.transpose(3, 2, 0, 1))
    if name == "dense1":
        W = W.reshape(5, 5, 16, -1).transpose(2, 0, 1, 3).reshape(400, -1)
    return np.ascontiguousarray(W.T)


def _fovea_order(W: np.ndarray, name: str) -> np.ndarray:
    """The other way."""
    if W.ndim == 4:
        return W.transpose(2, 3, 1, 0)
    W = W.T
    return W.reshape(16, 5, 5, -1).transpose(1, 2, 0, 3).reshape(400, -1) if name == "dense1" else W
