"""A network written as ONNX gives in onnxruntime what it gives here, and comes back as it was."""

import json
from collections import Counter

import numpy as np
import pytest

import fovea
from fovea import layers
from fovea.errors import DataError
from fovea.layers import (
    CELU,
    ELU,
    GELU,
    SELU,
    Add,
    Affine,
    AveragePool2D,
    BatchNorm,
    ChannelPool,
    Channels,
    Clip,
    Concat,
    Conv2D,
    ConvTranspose2D,
    Dense,
    DepthToSpace,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    GroupNorm,
    HardSigmoid,
    HardSwish,
    InstanceNorm,
    Layer,
    LayerNorm,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    MaxPool2D,
    Mish,
    Multiply,
    Pad2D,
    PReLU,
    ReLU,
    ReLU6,
    Resize2D,
    Shortcut,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    SpaceToDepth,
    Tanh,
    Tanhshrink,
    ThresholdedReLU,
    Upsample2D,
)
from fovea.layers.softmax import OVER
from fovea.network.graph import Node
from fovea.network.preprocessing import Preprocessing

onnx = pytest.importorskip("onnx")


def outputs(model, x):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def randomised(network):
    """The network with weights and statistics that leave nothing at its first value."""
    rng = np.random.default_rng(7)
    for array in network.parameters.values():
        array += rng.normal(size=array.shape) * 0.1
    for name, array in network.statistics.items():
        variance = name.endswith("variance")
        array[...] = rng.uniform(0.5, 2, array.shape) if variance else rng.normal(size=array.shape)
    return network


def of(*entries, shape=(9, 8, 3), **more):
    return randomised(fovea.Network(entries, shape, seed=1, **more))


def residual():
    return of(
        Node(Conv2D(6, 3, padding="same"), "first"), Node(BatchNorm(), "norm"), Node(ReLU(), "on"),
        Node(Conv2D(6, 3, padding=1), "second"), Node(Add(), "sum", ("second", "first")),
        Node(Concat(), "both", ("sum", "on", "norm")), Node(GlobalAveragePool2D(), "mean"),
        Node(Dense(4), "classes"),
    )  # fmt: skip


def gated():
    return of(
        Node(Conv2D(6, 3), "first"), Node(GlobalAveragePool2D(), "mean"), Node(Sigmoid(), "gate"),
        Node(Multiply(), "product", ("gate", "first")), Node(Affine(bias=False), "scale"),
        Node(Multiply(), "all", ("first", "scale")), Node(Add(), "shifted", ("all", "mean")),
        Node(Affine(), "affine"), Node(Flatten(), "flat"), Node(Affine(), "each"), Node(Dense(3), "classes"),
    )  # fmt: skip


def flat_graph():
    """Flattened pictures in another order there: through everything that takes in rows."""
    return of(
        Node(Flatten(), "flat"), Node(BatchNorm(), "norm"), Node(Add(), "sum", ("flat", "norm")),
        Node(Softmax(), "share", ("norm",)), Node(Concat(), "both", ("sum", "share")),
        Node(Dense(4), "classes"),
    )  # fmt: skip


NETWORKS = {
    "lenet5": lambda: fovea.models.lenet5(),
    "residual": residual,
    "around": lambda: of(
        Pad2D(1), ReLU(), Pad2D((2, 1, 0, 1), "mirror"), ReLU(), Pad2D((0, 1, 2, 1), "nearest"), ReLU(),
        Pad2D((2, 0, 1, 3), "wrap"), ReLU(), Pad2D((1, 2, 0, 1), "reflect"), ReLU(), Pad2D((-1, 0, -2, -1)),
        ReLU(), Pad2D((0, 1, 2, 0), value=0.5), ReLU(), Pad2D((-1, -1, 0, -1), "wrap"), ReLU(),
        Flatten(), Dense(3),
    ),
    "other sizes": lambda: of(
        Resize2D((7, 4)), ReLU(), Resize2D((5, 9), "bilinear"), ReLU(), Resize2D((11, 6), "bilinear", True),
        ReLU(), Resize2D((3, 5)), ReLU(), Flatten(), Dense(3),
    ),
    "blocks": lambda: of(
        Conv2D(8, 1), DepthToSpace(2), ReLU(), SpaceToDepth(2, "CRD"), ReLU(), DepthToSpace(2, "CRD"), ReLU(),
        SpaceToDepth(2), ReLU(), Channels((3, 0, 5, 6)), ReLU(), Flatten(), Dense(3),
    ),
    "whole axes": lambda: of(
        Node(Conv2D(6, 3), "conv"), Node(ChannelPool("max"), "max"), Node(GlobalMaxPool2D(), "most"),
        Node(ChannelPool("average"), "mean", ("conv",)), Node(Multiply(), "all", ("conv", "mean")),
        Node(Multiply(), "even", ("most", "all")),
        Node(GlobalMaxPool2D(), "pool"), Node(Dense(3), "classes"),
    ),
    "gated": gated,
    "rows": flat_graph,
    "strides": lambda: of(
        Conv2D(5, (3, 2), stride=2, padding="same", bias=False), MaxPool2D(2, 1, 1), Flatten(), Dense(3)
    ),
    "mirrored": lambda: of(
        Conv2D(5, 3, 2, (3, 1, 2, 0), padding_mode="mirror"),
        Conv2D(4, 3, padding="same", padding_mode="mirror"), Flatten(), Dense(3),
    ),
    "sides": lambda: of(
        Conv2D(5, 3, padding=(0, 2, 1, 0)), AveragePool2D(3, 2, padding=1), Flatten(), Dense(3, bias=False)
    ),
    "counted": lambda: of(
        AveragePool2D(3, 2, padding=(1, 0, 2, 1), count_include_pad=True), Flatten(), Dropout(0.5), Dense(3)
    ),
    "activations": lambda: of(
        Conv2D(4, 1), LeakyReLU(0.2), Sigmoid(), Conv2D(4, 1), Tanh(), Conv2D(4, 1), SiLU(), Conv2D(4, 1),
        Clip(-0.5, 0.7), ReLU6(), Softmax(), Flatten(), Dense(3),
    ),
    "more activations": lambda: of(
        Conv2D(4, 1), ELU(0.3), CELU(2.0), Conv2D(4, 1), SELU(), HardSigmoid(), Conv2D(4, 1), HardSwish(),
        ThresholdedReLU(0.2), Conv2D(4, 1), GELU(), Conv2D(4, 1), GELU("tanh"), Mish(), Conv2D(4, 1),
        Softplus(), Softplus(2.0), Softplus(3.0, 1.0), Conv2D(4, 1), LogSigmoid(), Softsign(), PReLU(),
        Tanhshrink(), PReLU(True), Flatten(), PReLU(), Dense(3),
    ),
    "shares": lambda: of(
        *(kind(over) for kind in (Softmax, LogSoftmax) for over in OVER), Flatten(), LogSoftmax(), Dense(3)
    ),
    "normalised by themselves": lambda: of(
        Conv2D(6, 3), GroupNorm(2), ReLU(), InstanceNorm(1e-3), Conv2D(4, 3), LayerNorm(1e-6), Flatten(),
        LayerNorm(), ReLU(), GroupNorm(2), Dense(4), GroupNorm(2), LayerNorm(), Dense(3),
    ),
    "shortcuts": lambda: of(
        Shortcut(5, 2), ReLU(), Shortcut(5, (2, 3)), ReLU(), Shortcut(7), Flatten(), Dense(3)
    ),
    "back": lambda: of(
        ConvTranspose2D(4, 3, 2, padding=(1, 0, 0, 1), output_padding=1), ReLU(),
        ConvTranspose2D(6, 2, 2, padding="same", groups=2, bias=False), Flatten(), Dense(3),
    ),
    "resnet20": lambda: randomised(fovea.models.build("resnet20")),
    "larger": lambda: of(Upsample2D((3, 2), "bilinear"), ReLU(), Upsample2D(2), Flatten(), Dense(3)),
    "numbers": lambda: of(Dense(7), ReLU(), BatchNorm(), Dense(3), shape=(5,)),
    "wide": lambda: of(
        Conv2D(6, 3, dilation=2, groups=3), MaxPool2D(2, dilation=2, ceil_mode=True), Flatten(), Dense(3)
    ),
    "ceiling": lambda: of(Conv2D(4, 2), AveragePool2D(3, 2, ceil_mode=True), Flatten(), Dense(3)),
    "flat pictures": lambda: of(Conv2D(2, 3), Flatten()),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_onnxruntime_predicts_the_same(name):
    network = NETWORKS[name]()
    C = network.input_shape[-1]
    network.preprocessing = Preprocessing((0.4,) * C, (0.3,) * C)
    pictures = np.random.default_rng(0).integers(0, 256, (3, *network.input_shape), np.uint8)
    axes = (0, 3, 1, 2) if pictures.ndim == 4 else (0, 1)
    model = fovea.onnx.to_model(network)
    onnx.checker.check_model(model, full_check=True)
    found = outputs(model, pictures.transpose(axes).astype(np.float32))
    with fovea.engine("reference"):
        assert np.abs(found - network.predict(pictures)).max() < 1e-5
    numbers = network.preprocessing.apply(pictures)
    model = fovea.onnx.to_model(network, numbers=True, logits=True)
    found = outputs(model, numbers.transpose(axes))
    with fovea.engine("reference"):
        expected = network.forward(numbers)[0]
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "flat pictures"])
def test_a_network_comes_back_as_it_was(name, tmp_path):
    network = NETWORKS[name]()
    network.classes = [f"class {n}" for n in range(network.output_shape[0])]
    network.preprocessing = Preprocessing((0.4,) * network.input_shape[-1], (0.3,) * network.input_shape[-1])
    fovea.onnx.save(network, tmp_path / "model.onnx")
    again = fovea.onnx.load(tmp_path / "model.onnx")
    assert again.classes == network.classes
    assert again.preprocessing == network.preprocessing
    assert again.input_shape == network.input_shape
    kept = Counter(type(layer) for layer in network.layers if not isinstance(layer, Dropout))
    assert Counter(type(layer) for layer in again.layers) == kept
    pictures = np.random.default_rng(0).integers(0, 256, (3, *network.input_shape), np.uint8)
    with fovea.engine("reference"):
        assert np.allclose(again.predict(pictures), network.predict(pictures), atol=1e-6)


def test_every_layer_has_operators():
    from fovea.onnx.exporters import EXPORTERS

    built_in = {getattr(layers, name) for name in layers.__all__} - {Layer}
    assert set(EXPORTERS) == built_in


def test_the_model_says_what_goes_in_and_what_comes_out():
    network = fovea.models.lenet5()
    network.classes = list("abcdefghij")
    model = fovea.onnx.to_model(network)
    (images,), (probabilities,) = model.graph.input, model.graph.output
    assert (images.name, probabilities.name) == ("images", "probabilities")
    assert [d.dim_param or d.dim_value for d in images.type.tensor_type.shape.dim] == ["N", 1, 28, 28]
    assert [d.dim_param or d.dim_value for d in probabilities.type.tensor_type.shape.dim] == ["N", 10]
    assert (model.opset_import[0].version, model.producer_name) == (17, "fovea")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["classes"]) == network.classes
    assert json.loads(metadata["preprocessing"]) == {"mean": [0.0], "std": [1.0]}
    assert "0 to 255" in model.doc_string


def test_a_layer_of_ones_own_is_named():
    class Doubled(Layer):
        def forward(self, A_prev, *, training=False, rng=None):
            return 2 * A_prev, None

        def backward(self, dZ, cache):
            return 2 * dZ, {}

    network = fovea.Network([Conv2D(2, 3), Doubled(), Flatten(), Dense(3)], (8, 8, 1))
    with pytest.raises(DataError, match='Doubled "doubled1": expected a layer that ONNX has operators for'):
        fovea.onnx.to_model(network)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_not_written(wrong, tmp_path):
    network = fovea.models.lenet5()
    network.parameters["conv2.W"][0, 0, 0, 0] = wrong
    with pytest.raises(DataError, match=r"conv2\.W: expected finite numbers"):
        fovea.onnx.save(network, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match="cannot be written"):
        fovea.onnx.save(fovea.models.lenet5(), tmp_path / "missing" / "model.onnx")
