"""Checks of numbers: nothing is silently rounded, clipped or converted."""

import numpy as np
import pytest

from fovea.errors import FoveaError, ShapeError
from fovea.layers import (
    AveragePool2D,
    BatchNorm,
    Clip,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    LeakyReLU,
    MaxPool2D,
    Shortcut,
    Upsample2D,
)  # fmt: skip
from fovea.network import Network
from fovea.ranges import MOST, flag, number, short, whole

EDGES = [
    float("nan"), float("inf"), -float("inf"), -1, 0, 1e-300, 1e300, 10**9, 10**20, 10**5000, True, "1", None,
    [], [[]], [1, 2, 3], {},
]  # fmt: skip


@pytest.mark.parametrize("value", [1, np.int64(5), np.uint8(7), MOST])
def test_whole_numbers_are_taken(value):
    assert whole(value, "it", "n") == int(value)


@pytest.mark.parametrize(
    "value", [0, -1, MOST + 1, 1.0, float("nan"), True, "1", None, [1], 10**5000], ids=short
)
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(ShapeError, match="it: n: expected a whole number of at least 1"):
        whole(value, "it", "n")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300, -1e39, 10**400, True, "1", None, [1.0]], ids=short)
def test_what_float32_cannot_hold_is_no_number(value):
    with pytest.raises(ShapeError, match="it: expected a finite number"):
        number(value, "it")


def test_only_true_and_false_are_flags():
    assert flag(True, "it") is True
    for value in (1, 0, [], "yes", None, np.True_):
        with pytest.raises(ShapeError, match="True or False"):
            flag(value, "it")


# Layer → fields that any of the edges is refused for, at once or by the network
LAYERS = {
    "filters": lambda value: Conv2D(value, 1),
    "kernel_size": lambda value: Conv2D(1, value),
    "stride": lambda value: Conv2D(1, 1, value),
    "padding": lambda value: Conv2D(1, 3, 1, value),
    "bias": lambda value: Conv2D(1, 1, bias=value),
    "initializer": lambda value: Conv2D(1, 1, initializer=value),
    "dilation": lambda value: Conv2D(1, 3, dilation=value),
    "groups": lambda value: Conv2D(1, 1, groups=value),
    "transposed stride": lambda value: ConvTranspose2D(1, 3, value),
    "transposed bias": lambda value: ConvTranspose2D(1, 3, bias=value),
    "output_padding": lambda value: ConvTranspose2D(1, 3, 2, output_padding=value),
    "units": lambda value: Dense(value),
    "dense bias": lambda value: Dense(1, value),
    "rate": lambda value: Dropout(value),
    "slope": lambda value: LeakyReLU(value),
    "low": lambda value: Clip(value, 2.0),
    "high": lambda value: Clip(-2.0, value),
    "epsilon": lambda value: BatchNorm(value),
    "momentum": lambda value: BatchNorm(momentum=value),
    "pool_size": lambda value: MaxPool2D(value),
    "pool_stride": lambda value: MaxPool2D(1, value),
    "pool_padding": lambda value: MaxPool2D(3, 1, value),
    "ceil_mode": lambda value: MaxPool2D(1, ceil_mode=value),
    "count_include_pad": lambda value: AveragePool2D(1, count_include_pad=value),
    "channels": lambda value: Shortcut(value),
    "shortcut stride": lambda value: Shortcut(1, value),
    "factor": lambda value: Upsample2D(value),
    "mode": lambda value: Upsample2D(1, value),
}


@pytest.mark.parametrize("field", LAYERS)
def test_edges_make_a_layer_that_runs_or_an_error(field, monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    for value in EDGES:
        try:
            layer = LAYERS[field](value)
            network = Network([Flatten(), layer] if isinstance(layer, Dense) else [layer], (8, 8, 1))
        except FoveaError:
            continue
        assert np.isfinite(network.forward(np.ones((1, 8, 8, 1), np.float32))[0]).all()


@pytest.mark.parametrize(
    ("layers", "shape", "who"),
    [
        ([Flatten()], (10**12, 1, 1), "Network: expected an input"),
        ([Flatten(), Dense(10**6)], (64, 64, 1), 'Dense "dense1": expected an array W'),
        ([Conv2D(10**9, 1)], (8, 8, 1), 'Conv2D "conv1": expected an output'),
        ([Upsample2D(10**9)], (8, 8, 1), 'Upsample2D "upsample1": expected an output'),
    ],
)
def test_what_would_not_fit_is_named_with_its_size(layers, shape, who):
    with pytest.raises(ShapeError, match=rf"{who}.* of at most 2,147,483,647 numbers \(8.6 GB\), got .* GB"):
        Network(layers, shape)
