"""Every traced number is the network's: sums equal its arrays, and factors stand where the trace says."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given

import fovea
from fovea import engine
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
    Conv2D,
    ConvTranspose2D,
    Dense,
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
from fovea.tracing import TRACERS, Factor, Sum, Trace, Tracer
from tests import cases
from tests.cases import ENGINES, FORWARD, GRADIENT

SAMPLES = 12  # positions of each array


def network_of(*layers: Layer, shape: tuple[int, ...], classes: list[str] | None = None) -> fovea.Network:
    network = fovea.Network(layers, shape, seed=3, classes=classes)
    rng = np.random.default_rng(4)
    for name, array in network.parameters.items():
        if name.endswith(".b"):
            array[...] = rng.standard_normal(array.shape)
    return network


def traced(network: fovea.Network, seed: int = 0, **more) -> Trace:
    rng = np.random.default_rng(seed)
    image = rng.standard_normal(network.input_shape).astype(np.float32)
    dZ = rng.standard_normal(network.output_shape).astype(np.float32)
    t = fovea.trace(network, image, dZ=dZ, **more)
    if not more:
        Z, caches = network.forward(image[None])
        dX, gradients = network.backward(dZ[None], caches)
        first, last = t.layers[0], network.layers[-1].name
        assert np.array_equal(t.A(last), Z[0])
        assert np.array_equal(t.dA_prev(first), dX[0])
        assert list(t.gradients) == sorted(gradients, key=list(t.gradients).index)
        assert all(np.array_equal(t.gradients[name], gradient) for name, gradient in gradients.items())
    return t


def check(t: Trace, seed: int = 1) -> None:
    """Sums and factors at some positions of all arrays."""
    rng = np.random.default_rng(seed)

    def places(shape):
        chosen = rng.permutation(int(np.prod(shape)))[:SAMPLES]
        return [tuple(map(int, np.unravel_index(c, shape))) for c in chosen]

    for layer in t.network.layers:
        name = layer.name
        known = {
            "A_prev": t.A_prev(name), "Z": t.A_prev(name), "dZ": t.dA(name), "dA": t.dA(name),
            **layer.parameters,
        }  # fmt: skip
        for at in places(t.A(name).shape):
            check_step(t.forward(name, at), t.A(name), at, known, FORWARD)
        for at in places(t.A_prev(name).shape):
            check_step(t.backward_input(name, at), t.dA_prev(name), at, known, GRADIENT)
        for parameter in layer.parameters:
            gradient = t.gradients[f"{name}.{parameter}"]
            for at in places(gradient.shape):
                check_step(t.backward_weight(name, parameter, at), gradient, at, known, GRADIENT)


def check_step(step: Sum, array: np.ndarray, at: tuple[int, ...], known: dict, tolerance: float) -> None:
    assert step.at == at
    assert step.value == array[at]
    assert abs(step.sum - array[at]) <= tolerance * np.abs(array).max()
    assert step.sum == pytest.approx(step.products.sum() + (step.bias or 0), rel=1e-12, abs=1e-30)
    for factor in (step.left, step.right):
        if factor is not None and factor.name in known:
            for t in np.argwhere(step.inside):
                place = tuple(factor.at[tuple(t)])
                assert min(place, default=0) >= 0
                assert factor.values[tuple(t)] == known[factor.name][place]
    json.dumps(step.to_json(), allow_nan=False)
    assert str(step).startswith(f"{step.layer} ({step.type}): {step.array}[")


@cases.drawn
@given(case=cases.cases())
def test_convolutions(case):
    with engine.use("reference"):
        check(traced(network_of(
            Conv2D(case.K, case.size, case.stride, case.padding), shape=(case.H, case.W, case.C)
        )))  # fmt: skip


@cases.drawn
@given(case=cases.varied())
def test_convolutions_with_groups_and_dilation(case):
    with engine.use("reference"):
        check(traced(network_of(Conv2D(case.K, case.size, **case.moves), shape=(case.H, case.W, case.C))))


@pytest.mark.parametrize("name", ENGINES)
def test_convolutions_of_mirrored_borders(name):
    """A pixel near a corner counts once for each of its reflections under a window."""
    with engine.use(name):
        check(traced(network_of(
            Conv2D(4, 3, padding="same", padding_mode="mirror"),
            Conv2D(2, (3, 2), 2, (2, 1, 0, 2), padding_mode="mirror", groups=2), shape=(5, 4, 2),
        )))  # fmt: skip


@cases.drawn
@given(case=cases.transposed())
def test_transposed_convolutions(case):
    with engine.use("reference"):
        layer = ConvTranspose2D(case.K, case.size, **case.onto)
        check(traced(network_of(layer, shape=(case.H, case.W, case.C))))


@cases.drawn
@given(case=cases.cases(pooling=True, largest=5))
def test_pools(case):
    kinds = [MaxPool2D, AveragePool2D, lambda *a: AveragePool2D(*a, count_include_pad=True)]
    with engine.use("reference"):
        for kind in kinds:
            check(traced(network_of(
                kind(case.size, case.stride, case.padding), shape=(case.H, case.W, case.C)
            )))  # fmt: skip


@cases.drawn
@given(case=cases.varied_pools())
def test_pools_with_dilation_and_in_ceil_mode(case):
    kinds = [MaxPool2D, AveragePool2D, lambda *a, **k: AveragePool2D(*a, **k, count_include_pad=True)]
    with engine.use("reference"):
        for kind in kinds:
            check(traced(network_of(kind(case.size, **case.pooling), shape=(case.H, case.W, case.C))))


@cases.halide
@pytest.mark.parametrize("case", cases.seeded_cases(6), ids=str)
def test_convolutions_of_kernels(case):
    check(traced(network_of(
        Conv2D(case.K, case.size, case.stride, case.padding), shape=(case.H, case.W, case.C)
    )))  # fmt: skip


@cases.halide
@pytest.mark.parametrize("case", cases.seeded_cases(4, pooling=True, largest=5), ids=str)
@pytest.mark.parametrize("kind", [MaxPool2D, AveragePool2D])
def test_pools_of_kernels(case, kind):
    check(traced(network_of(
        kind(case.size, case.stride, case.padding), shape=(case.H, case.W, case.C)
    )))  # fmt: skip


def deep(channels: int = 2) -> fovea.Network:
    return network_of(
        Conv2D(4, (3, 2), stride=(2, 1), padding=(1, 0, 2, 1)), ReLU(), MaxPool2D(3, 2, padding=1),
        Conv2D(3, 3, padding="same", bias=False), AveragePool2D((2, 3), 1, padding=(0, 1, 2, 0)),
        Flatten(), Dropout(0.4), Dense(7), ReLU(), Dense(4, bias=False), shape=(13, 9, channels),
        classes=["ant", "bee", "cat", "dog"],
    )  # fmt: skip


@pytest.mark.parametrize("name", ENGINES)
def test_a_whole_network_in_both_engines(name):
    with engine.use(name):
        check(traced(deep()))
        check(traced(network_of(Conv2D(3, 3), GlobalAveragePool2D(), shape=(6, 5, 1))))


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    "layer",
    [
        LeakyReLU(0.3), LeakyReLU(-1), ReLU6(), Clip(-0.3, 0.5), SiLU(), Sigmoid(), Tanh(),
        Softmax(), Softmax("all"), LogSoftmax(), LogSoftmax("width"), LogSoftmax("pixels"),
        PReLU(), PReLU(True), GroupNorm(1), InstanceNorm(), LayerNorm(),
        ELU(0.4), CELU(2.0), SELU(), HardSigmoid(), HardSwish(), ThresholdedReLU(0.2), GELU(), GELU("tanh"),
        Mish(), Softplus(2.0), LogSigmoid(), Softsign(), Tanhshrink(),
        Upsample2D(2), Upsample2D((2, 3), "bilinear"), Shortcut(7, (1, 3)), BatchNorm(),
        Affine(), Affine(bias=False), Pad2D((2, 1, -1, 3), value=0.5),
        Pad2D(2, "mirror"), Resize2D((2, 5), "bilinear", True), Resize2D((2, 6)), SpaceToDepth(1),
        Channels((3, 0)), GlobalMaxPool2D(), ChannelPool("max"), ChannelPool("average"),
    ],
    ids=repr,
)  # fmt: skip
def test_every_other_layer(layer, name):
    layer = replace(layer)  # a layer belongs to one network
    with engine.use(name):
        check(traced(network_of(layer, shape=(3, 4, 5))))


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("layer", [Add(), Multiply()], ids=repr)
@pytest.mark.parametrize("third", [[], ["stem"]], ids=["two", "three"])
def test_what_is_merged(layer, third, name):
    graph = {
        "stem": Affine(), "mean": GlobalAveragePool2D(), "column": (AveragePool2D((3, 1)), "stem"),
        "one": (replace(layer), "mean", "stem", *third), "two": (replace(layer), "column", "one"),
    }  # fmt: skip
    with engine.use(name):
        t = traced(fovea.Network(graph, (3, 4, 5)))
        for merged in ("one", "two"):
            for at in [(0, 0, 0), (2, 3, 4)]:
                step = t.forward(merged, at)
                assert step.sum == pytest.approx(step.value, rel=1e-5)
            for number, dA_prev in enumerate(t.dA_prev(merged)):
                for at in [(0,) * dA_prev.ndim, tuple(n - 1 for n in dA_prev.shape)]:
                    step = t.backward_input(merged, (number, *at))
                    assert step.at == (number, *at)
                    assert step.value == dA_prev[at]
                    assert abs(step.sum - step.value) <= 1e-4 * np.abs(dA_prev).max()


@pytest.mark.parametrize("name", ENGINES)
def test_as_in_training_normalisation_is_by_the_pictures_own_statistics(name):
    with engine.use(name):
        network = network_of(Conv2D(3, 3, bias=False), BatchNorm(), shape=(6, 5, 2))
        network.parameters["batchnorm1.gamma"][...] = [0.5, -2, 3]
        network.parameters["batchnorm1.beta"][...] = [1, 2, -3]
        t = traced(network, rng=np.random.default_rng(0))
        check(t)
        assert t.backward_input("batchnorm1", (0, 0, 0)).products.size == 12
        check(traced(network))


def test_an_activation_says_what_it_multiplies_by_or_gives_instead():
    image = np.array([-2, -0.25, 0.25, 2], np.float32).reshape(2, 2, 1)
    places = [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0)]

    def factors(layer):
        with engine.use("reference"):
            t = fovea.trace(network_of(layer, shape=(2, 2, 1)), image)
        steps = [t.forward(t.layers[0], at) for at in places]
        return [(step.left.name, step.right and float(step.right.values)) for step in steps]

    assert factors(LeakyReLU(0.5)) == [("Z", 0.5), ("Z", 0.5), ("Z", 1), ("Z", 1)]
    assert factors(Clip(-1, 1)) == [("low", None), ("Z", None), ("Z", None), ("high", None)]
    assert factors(SiLU())[0] == ("Z", pytest.approx(1 / (1 + np.exp(2))))
    assert factors(Sigmoid())[0] == ("σ(Z)", None)


def test_as_in_training_dropout_shows_what_it_multiplied_by():
    with engine.use("reference"):
        t = traced(deep(), rng=np.random.default_rng(0))
    check(t)
    factors = {t.forward("dropout1", n).right.values.item() for n in range(t.A("dropout1").size)}
    assert factors == {0.0, np.float32(1 / 0.6)}
    with engine.use("reference"):
        assert traced(deep()).forward("dropout1", 0).right is None  # prediction leaves nothing out


def test_padding_lies_outside_the_picture():
    with engine.use("reference"):
        step = traced(network_of(Conv2D(1, 3, padding=1), shape=(4, 5, 2))).forward("conv1", (0, 4, 0))
    assert step.inside[:, :, 0].tolist() == [[False] * 3, [True, True, False], [True, True, False]]
    assert step.left.at[0, 2, 1].tolist() == [-1, 5, 1]
    assert "·" in str(step)


def test_the_first_of_equal_maxima_wins_and_takes_the_gradient():
    image = np.array([[1, 3, 0], [3, 2, 3]], np.float32)[..., None]
    with engine.use("reference"):
        t = fovea.trace(
            network_of(MaxPool2D(2, 1), shape=(2, 3, 1)), image, dZ=np.ones((1, 2, 1), np.float32)
        )
    assert t.forward("pool1", (0, 0, 0)).winner == (0, 1)
    assert t.forward("pool1", (0, 1, 0)).winner == (0, 0)
    assert t.backward_input("pool1", (0, 1, 0)).sum == 2
    assert t.backward_input("pool1", (1, 2, 0)).sum == 0


def test_what_is_no_number_is_traced_as_it_is():
    image = np.array([[np.nan, 1], [-np.inf, np.inf]], np.float32)[..., None]
    with engine.use("reference"):
        t = fovea.trace(network_of(ReLU(), MaxPool2D(2), shape=(2, 2, 1)), image)
        assert np.isnan(t.forward("relu1", (0, 0, 0)).sum)
        assert t.forward("relu1", (1, 0, 0)).sum == 0
        assert t.forward("pool1", (0, 0, 0)).winner == (0, 0)
        content = t.forward("relu1", (1, 1, 0)).to_json()
    assert content["value"] == content["terms"]["left"][0] == "Infinity"


# Labels, softmax


def test_with_a_label_the_gradient_is_that_of_the_cross_entropy():
    network = deep()
    image = np.random.default_rng(0).integers(0, 256, network.input_shape).astype(np.uint8)
    with engine.use("reference"):
        t = fovea.trace(network, image, label="cat")
        p = network.predict(image)[0]
    assert t.label == 2
    assert np.array_equal(t.probabilities, p)
    assert t.loss == pytest.approx(-np.log(p[2]), rel=1e-5)
    assert np.array_equal(t.A_prev("conv1"), network.preprocessing.apply(image[None])[0])
    for k in range(4):
        step = t.forward("softmax", k)
        assert step.value == p[k]
        assert step.sum == pytest.approx(p[k], rel=1e-5)
        back = t.backward_input("softmax", (k,))
        assert back.sum == pytest.approx(p[k] - (k == 2), rel=1e-5)
        assert back.value == t.dA("dense2")[k] == t.dA_prev("softmax")[k]
        json.dumps([step.to_json(2), back.to_json()], allow_nan=False)
    assert "cat" in str(back)
    assert t.layers[-1] == "softmax"
    assert np.array_equal(t.A("softmax"), p)


def test_json_has_the_largest_products_first_and_the_sum_of_the_rest():
    with engine.use("reference"):
        step = traced(deep()).forward("dense1", 3)
    content = step.to_json(5)
    sizes = np.abs(content["terms"]["product"])
    assert len(sizes) == 5
    assert (np.diff(sizes) <= 0).all()
    assert sizes[0] == np.abs(step.products).max()
    everything = sum(content["terms"]["product"]) + content["rest"]["sum"] + content["bias"]
    assert everything == pytest.approx(content["sum"])
    assert content["rest"]["terms"] == step.products.size - 5
    whole = step.to_json()
    assert whole["terms"]["product"] == step.products.tolist()
    assert whole["rest"] == {"terms": 0, "sum": 0.0}


# A layer of one's own, and errors


@dataclass(eq=False)
class Doubled(Layer):
    def forward(self, A_prev, *, training=False, rng=None):
        return A_prev * 2, None

    def backward(self, dZ, cache):
        return dZ * 2, {}


def test_a_layer_without_a_tracer_is_named_and_the_others_are_traced(monkeypatch):
    with engine.use("reference"):
        t = traced(network_of(Conv2D(1, 2), Doubled(), ReLU(), shape=(3, 3, 1)))
    t.forward("relu1", (0, 0, 0))
    with pytest.raises(fovea.FoveaError, match=r'Doubled "doubled1": expected a kind of layer with a tracer'):
        t.forward("doubled1", (0, 0, 0))

    def one(passed, at):
        left, two = Factor("A_prev", passed.A_prev[at], np.array(at)), Factor("2", np.array(2.0))
        return passed.sum("Z", at, passed.Z, "2 · A_prev", left, two)

    monkeypatch.setitem(TRACERS, Doubled, Tracer(one, one))
    step = t.forward("doubled1", (0, 0, 0))
    assert step.sum == step.value


def test_every_layer_that_fovea_has_can_be_traced():
    own = {getattr(fovea.layers, name) for name in fovea.layers.__all__} - {Layer}
    assert own == set(TRACERS)


@pytest.fixture(scope="module")
def t() -> Trace:
    with engine.use("reference"):
        return traced(deep())


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda t: t.forward("conv9", (0, 0, 0)), "expected one of conv1, relu1, pool1, .*, got 'conv9'"),
        (lambda t: t.A("conv9"), "expected one of conv1, relu1"),
        (lambda t: t.forward("conv1", (0, 0)), r"from \(0, 0, 0\) to \(5, 10, 3\), got \(0, 0\)"),
        (lambda t: t.forward("conv1", (0, 0, 4)), "a position in its output"),
        (lambda t: t.forward("conv1", (0, -1, 0)), "a position in its output"),
        (lambda t: t.forward("conv1", (0, 0.5, 0)), "a position in its output"),
        (lambda t: t.forward("dense1", 7), r"from \(0\) to \(6\), got 7"),
        (lambda t: t.backward_input("conv1", (13, 0, 0)), "a position in its input"),
        (lambda t: t.backward_weight("conv1", "W", (3, 0, 0, 0)), "a position in W"),
        (lambda t: t.backward_weight("relu1", "W", 0), r"one of its parameters \(no parameters\), got 'W'"),
        (lambda t: t.backward_bias("conv2", 0), r"one of its parameters \(W\), got 'b'"),
        (lambda t: t.backward_input("softmax", 0), "expected a label"),
    ],
)  # fmt: skip
def test_questions_that_have_no_answer(t, ask, words):
    with pytest.raises(fovea.FoveaError, match=words):
        ask(t)


@pytest.mark.parametrize(
    ("image", "more", "words"),
    [
        (np.zeros((13, 9), np.float32), {}, r"expected A_prev \(N, 13, 9, 2\)"),
        (np.zeros((2, 13, 9), np.uint8), {}, "channels come last"),
        (np.zeros((2, 13, 9, 2), np.uint8), {}, "expected one picture, got 2"),
        (np.zeros((13, 9, 2), np.int64), {}, "expected A_prev in float32, got int64"),
        (None, {"label": 4}, "a label from 0 to 3 or one of ant, bee, cat, dog, got 4"),
        (None, {"label": "elk"}, "a label from 0 to 3 or one of ant"),
        (None, {"label": True}, "a label from 0 to 3"),
        (None, {"label": 1, "dZ": np.zeros(4, np.float32)}, "expected a label or dZ, got both"),
        (None, {"dZ": np.zeros(5, np.float32)}, r"dZ in float32 \(4,\), got float32 \(5,\)"),
    ],
)
def test_bad_input_has_one_sentence(image, more, words):
    image = np.zeros((13, 9, 2), np.uint8) if image is None else image
    with engine.use("reference"), pytest.raises(fovea.FoveaError, match=words):
        fovea.trace(deep(), image, **more)


def test_without_a_gradient_there_is_only_the_way_forward():
    with engine.use("reference"):
        t = fovea.trace(deep(), np.zeros((13, 9, 2), np.uint8))
    assert t.loss is None
    for ask in (lambda: t.gradients, lambda: t.dA("conv1"), lambda: t.backward_bias("conv1", 0),
                lambda: t.dA_prev("softmax"), lambda: t.backward_input("conv1", (0, 0, 0))):  # fmt: skip
        with pytest.raises(fovea.FoveaError, match="also runs backward"):
            ask()
    pooled = network_of(MaxPool2D(2), shape=(4, 4, 1))
    with engine.use("reference"), pytest.raises(fovea.FoveaError, match="pass dZ instead"):
        fovea.trace(pooled, np.zeros((4, 4, 1), np.float32), label=0)


def test_the_name_stays_the_function():
    import fovea.tracing.record

    assert callable(fovea.trace)
