import copy
import pickle
from dataclasses import dataclass

import numpy as np
import pytest

from fovea import Network, engine, functional
from fovea.errors import FoveaError, ShapeError
from fovea.layers import Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, ReLU
from fovea.network.preprocessing import Preprocessing

ENGINES = ("reference", "halide") if engine.available() else ("reference",)


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


def layers():
    return [Conv2D(4, 3), ReLU(), MaxPool2D(2), Conv2D(3, 3), ReLU(), Flatten(), Dense(5)]


def small(seed=0):
    return Network(layers(), (12, 10, 2), seed)


def images(n=7, seed=1):
    return np.random.default_rng(seed).random((n, 12, 10, 2), np.float32)


# Names, shapes, memory


def test_layers_are_named_by_kind_and_count():
    names = [layer.name for layer in small().layers]
    assert names == ["conv1", "relu1", "pool1", "conv2", "relu2", "flatten1", "dense1"]


def test_shapes_follow_one_another():
    network = small()
    assert network.shapes == [(10, 8, 4), (10, 8, 4), (5, 4, 4), (3, 2, 3), (3, 2, 3), (18,), (5,)]
    assert network.input_shapes[1:] == network.shapes[:-1]
    assert network.output_shape == (5,)


def test_all_parameters_lie_in_one_aligned_array():
    network = small()
    assert network.flat.dtype == np.float32
    assert network.flat.ctypes.data % 64 == 0
    assert network.layout["conv1.W"] == (0, (3, 3, 2, 4))
    assert network.layout["conv1.b"] == (80, (4,))  # after 72 floats
    covered = np.zeros(len(network.flat), bool)
    for name, (start, shape) in network.layout.items():
        view = network.parameters[name]
        assert view.shape == shape
        assert view.ctypes.data == network.flat.ctypes.data + 4 * start
        assert view.ctypes.data % 64 == 0
        assert not covered[start : start + view.size].any()
        covered[start : start + view.size] = True
    assert not network.flat[~covered].any()


def test_layers_see_the_networks_parameters():
    network = small()
    network.parameters["conv1.W"][...] = 3
    assert (network.layers[0].parameters["W"] == 3).all()
    network.flat[...] = 5
    assert (network.layers[-1].parameters["b"] == 5).all()


def test_parameters_cannot_be_replaced():
    network = small()
    with pytest.raises(TypeError):
        network.parameters["conv1.W"] = np.zeros(1)
    with pytest.raises(TypeError):
        network.layers[0].parameters["W"] = np.zeros(1)


def test_the_seed_makes_the_weights():
    assert np.array_equal(small(3).flat, small(3).flat)
    assert not np.array_equal(small(3).flat, small(4).flat)
    assert not small(None).flat.any()
    network = small(3)
    network.initialise(4)
    assert np.array_equal(network.flat, small(4).flat)
    assert not np.array_equal(
        network.parameters["conv1.W"].ravel()[:9], small().parameters["conv2.W"].ravel()[:9]
    )
    assert not network.parameters["conv1.b"].any()


# The two passes


def test_forward_is_the_layers_in_a_row():
    network, X = small(), images()
    A = X
    for layer in network.layers:
        A, _ = layer.forward(A)
    logits, caches = network.forward(X)
    assert np.array_equal(logits, A)
    assert len(caches) == len(network.layers)


def test_backward_is_the_derivative_of_the_whole():
    network, rng = small(), np.random.default_rng(2)
    X, R, V = images().astype(np.float64), rng.normal(size=(7, 5)), rng.normal(size=(7, 12, 10, 2))
    _, caches = network.forward(X)
    dX, gradients = network.backward(R, caches)
    h = 1e-6
    numeric = np.vdot(R, network.forward(X + h * V)[0] - network.forward(X - h * V)[0]) / (2 * h)
    assert numeric == pytest.approx(np.vdot(dX, V), rel=1e-6)
    assert list(gradients) == list(network.parameters)
    assert all(gradients[name].shape == p.shape for name, p in network.parameters.items())


def test_a_network_may_run_twice_before_its_first_backward_pass():
    network, X, dZ = small(), images(), np.ones((7, 5), np.float32)
    _, caches = network.forward(X)
    alone = network.backward(dZ, caches)
    _, caches = network.forward(X)
    network.forward(images(seed=9))
    after = network.backward(dZ, caches)
    assert np.array_equal(alone[0], after[0])
    assert all(np.array_equal(alone[1][name], after[1][name]) for name in alone[1])


def test_a_gradient_may_be_injected_in_the_middle():
    network, X, dZ = small(), images(), np.random.default_rng(3).normal(size=(7, 5)).astype(np.float32)
    _, caches = network.forward(X)
    dX, gradients = network.backward(dZ, caches)
    middle = [dA_prev for layer, _, dA_prev, _ in network.backward_steps(dZ, caches) if layer.name == "conv2"]
    below, rest = network.backward(middle[0], caches[:3])  # what conv2 takes in is what pool1 gives out
    assert np.array_equal(below, dX)
    assert list(rest) == ["conv1.W", "conv1.b"]
    assert all(np.array_equal(rest[name], gradients[name]) for name in rest)


def test_a_gradient_in_the_middle_must_fit_its_layer():
    network = small()
    _, caches = network.forward(images())
    with pytest.raises(ShapeError, match=r'^MaxPool2D "pool1": expected dZ \(N, 5, 4, 4\), got \(7, 5\)'):
        network.backward(np.zeros((7, 5)), caches[:3])
    with pytest.raises(ShapeError, match=r"^Network: expected at most 7 caches, got 14"):
        network.backward(np.zeros((7, 5)), caches * 2)


def test_training_reaches_every_layer():
    network = Network([Flatten(), Dropout(0.5), Dense(3)], (4, 4, 1))
    X = np.ones((2, 4, 4, 1), np.float32)
    one, other = (network.forward(X, training=True, rng=np.random.default_rng(s))[0] for s in (0, 1))
    assert not np.array_equal(one, other)
    with pytest.raises(ShapeError, match=r'^Dropout "dropout1": expected an rng in training'):
        network.forward(X, training=True)


@pytest.mark.parametrize("name", ENGINES)
def test_any_memory_order_and_precision_is_taken(name):
    network, X = small(), images()
    with engine.use(name):
        logits, _ = network.forward(X)
        for other in (
            np.asfortranarray(X),
            X.astype(np.float64),
            X[::-1].copy()[::-1],
            X.astype(np.longdouble),
        ):
            np.testing.assert_allclose(network.forward(other)[0], logits, rtol=1e-4, atol=1e-5)


def test_double_precision_is_kept_by_the_reference():
    assert small().forward(images().astype(np.float64))[0].dtype == np.float64
    assert small().forward(images())[0].dtype == np.float32


# Prediction


@pytest.mark.parametrize("name", ENGINES)
def test_predictions_are_the_softmax_of_the_logits(name):
    network, X = small(), images()
    expected = functional.softmax(network.forward(X)[0])
    with engine.use(name):
        probabilities = network.predict(X)
    assert probabilities.shape == (7, 5)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("name", ENGINES)
def test_the_batch_size_changes_nothing(name):
    network, X = small(), images()
    with engine.use(name):
        whole = network.predict(X)
        for size in (1, 2, 7, 100):
            np.testing.assert_allclose(network.predict(X, batch_size=size), whole, atol=1e-6)


@pytest.mark.parametrize("name", ENGINES)
def test_pixels_are_preprocessed(name):
    network = small()
    network.preprocessing = Preprocessing((0.4, 0.5), (0.2, 0.3))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 12, 10, 2), dtype=np.uint8)
    X = ((pixels / 255 - [0.4, 0.5]) / [0.2, 0.3]).astype(np.float32)
    with engine.use(name):
        np.testing.assert_allclose(network.predict(pixels), network.predict(X), atol=1e-5)
        network.preprocessing = Preprocessing((0.0, 0.0), (1.0, 1.0))
        np.testing.assert_allclose(network.predict(pixels), network.predict(pixels / 255), atol=1e-5)


@pytest.mark.parametrize("name", ENGINES)
def test_new_weights_give_new_predictions(name):
    network, X = small(), images()
    with engine.use(name):
        network.predict(X)
        network.flat[...] = 0
        np.testing.assert_allclose(network.predict(X), 1 / 5)


def test_one_picture_is_a_batch_of_one():
    network, X = small(), images()
    np.testing.assert_allclose(network.predict(X[2]), network.predict(X)[2:3], atol=1e-6)


def test_no_pictures_give_no_predictions():
    assert small().predict(images()[:0]).shape == (0, 5)
    assert small().predict(np.zeros((0, 12, 10, 2), np.uint8)).shape == (0, 5)


# What does not fit


@pytest.mark.parametrize(
    ("shape", "got", "remedy"),
    [
        ((64, 1, 28, 28), "(64, 1, 28, 28)", ": channels come last"),
        ((1, 28, 28), "(1, 28, 28)", ": channels come last"),
        ((64, 28, 28), "(64, 28, 28)", ": the channel axis is missing, X[..., np.newaxis]"),
        ((28, 28), "(28, 28)", ": the channel axis is missing, X[..., np.newaxis]"),
        ((64, 32, 32, 1), "(64, 32, 32, 1)", ": resize the pictures to 28×28"),
        ((64, 28, 28, 3), "(64, 28, 28, 3)", ""),
        ((64, 784), "(64, 784)", ""),
        ((), "()", ""),
        ((0,), "(0,)", ""),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_a_wrong_input_is_refused_with_the_remedy(shape, got, remedy, dtype):
    network = Network([Conv2D(6, 5, padding=2), Flatten(), Dense(10)], (28, 28, 1))
    with pytest.raises(ShapeError) as failure:
        network.predict(np.zeros(shape, dtype))
    assert str(failure.value) == f'Conv2D "conv1": expected A_prev (N, 28, 28, 1), got {got}{remedy}'


@pytest.mark.parametrize("dtype", [np.int64, bool, str])
def test_numbers_that_are_neither_pixels_nor_floats_are_refused(dtype):
    with pytest.raises(
        ShapeError, match=r'^Conv2D "conv1": expected A_prev in float32, got .*: uint8 pixels'
    ):
        small().predict(np.zeros((2, 12, 10, 2), dtype))
    with pytest.raises(ShapeError, match=r"uint8 pixels go to predict"):
        small().forward(np.zeros((2, 12, 10, 2), np.uint8))


def test_a_gradient_of_another_shape_is_refused():
    network = small()
    _, caches = network.forward(images())
    with pytest.raises(ShapeError, match=r'^Dense "dense1": expected dZ \(N, 5\), got \(7, 4\)'):
        network.backward(np.zeros((7, 4), np.float32), caches)


def test_a_layer_that_does_not_fit_is_named():
    with pytest.raises(ShapeError, match=r'^Conv2D "conv2": expected an input of at least 5×5.*, got 4×4'):
        Network([Conv2D(2, 3), MaxPool2D(2), Conv2D(2, 5)], (10, 10, 1))
    with pytest.raises(ShapeError, match=r'^Dense "dense1": .*put Flatten before it'):
        Network([Conv2D(2, 3), Dense(5)], (10, 10, 1))


def test_a_layer_that_does_not_keep_its_word_is_named():
    class Liar(Layer):
        def forward(self, A_prev, *, training=False, rng=None):
            return A_prev[:, 1:], None

    with pytest.raises(ShapeError, match=r'^Liar "liar1": expected Z \(N, 4, 4, 1\), got \(2, 3, 4, 1\)'):
        Network([Liar()], (4, 4, 1)).forward(np.zeros((2, 4, 4, 1), np.float32))


def test_a_layer_that_forgets_a_gradient_is_named():
    class Forgetful(Dense):
        def backward(self, dZ, cache):
            dA_prev, gradients = super().backward(dZ, cache)
            return dA_prev, {"W": gradients["W"]}

    network = Network([Forgetful(3)], (4,))
    logits, caches = network.forward(np.ones((2, 4), np.float32))
    with pytest.raises(ShapeError, match=r'^Forgetful "forgetful1": expected gradients of .* got \['):
        network.backward(logits, caches)


def test_after_a_failure_the_layers_are_free():
    own = layers()
    with pytest.raises(ShapeError):
        Network(own, (4, 4, 2))
    assert Network(own, (12, 10, 2)).shapes == small().shapes


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], r"at least one layer"),
        ([ReLU], r"layer 1: expected a Layer, got .*: write ReLU\(…\)"),
        ([ReLU(), "relu"], r"layer 2: expected a Layer, got 'relu'"),
        ([ReLU()] * 2, r"layer 2: expected a layer that is not in use"),
        (small().layers, r'layer 1: expected a layer that is not in use, got Conv2D "conv1"'),
    ],
)
def test_what_is_no_free_layer_is_refused(wrong, message):
    with pytest.raises(ShapeError, match=message):
        Network(wrong, (12, 10, 2))


@pytest.mark.parametrize("input_shape", [(0, 28, 1), (28.5, 28, 1), ("28", 28, 1), (28, -28, 1)])
def test_a_wrong_input_shape_is_refused(input_shape):
    with pytest.raises(ShapeError, match=r"^Network: input_shape: expected a whole number of at least 1"):
        Network([ReLU()], input_shape)


@pytest.mark.parametrize("seed", [-1, 0.5, "0"])
def test_a_wrong_seed_is_refused(seed):
    with pytest.raises(ShapeError, match=r"^Network: seed: expected a whole number of at least 0"):
        small(seed)


@pytest.mark.parametrize(
    "names", [["a"], list("aabcd"), [1, 2, 3, 4, 5], "abcde", ["a", "b", "c", "d", None]]
)
def test_wrong_class_names_are_refused(names):
    with pytest.raises(ShapeError, match=r"^Network: expected 5 different class names"):
        small().classes = names
    network = small()
    network.classes = tuple("abcde")
    assert network.classes == list("abcde")


def test_preprocessing_for_other_channels_is_refused():
    with pytest.raises(ShapeError, match=r"^Network: expected preprocessing of 2 channels"):
        small().preprocessing = Preprocessing((0.5,), (0.5,))


def test_probabilities_need_one_row_of_logits():
    with pytest.raises(ShapeError, match=r'^ReLU "relu1": expected Z \(N, classes\), got \(4, 4, 1\)'):
        Network([ReLU()], (4, 4, 1)).predict(np.zeros((1, 4, 4, 1), np.float32))


# On paper, and copied


def test_its_architecture_makes_the_same_network():
    network = small()
    again = Network.from_architecture(network.architecture(), seed=0)
    assert again.architecture() == network.architecture()
    assert np.array_equal(again.flat, network.flat)


def test_its_precision_is_written_down_and_copied():
    network = small()
    assert network.precision == "fast"
    network.precision = "exact"
    assert Network.from_architecture(network.architecture()).precision == "exact"
    assert copy.deepcopy(network).precision == "exact"
    older = {key: value for key, value in network.architecture().items() if key != "precision"}
    assert Network.from_architecture(older).precision == "fast"


def test_a_precision_is_fast_or_exact():
    with pytest.raises(FoveaError, match=r'precision: expected "fast" or "exact", got \'best\''):
        small().precision = "best"
    with pytest.raises(FoveaError, match=r'Conv2D: precision: expected "fast" or "exact"'):
        Conv2D(3, 3, precision="good")


def test_an_unknown_layer_asks_for_its_module():
    architecture = small().architecture()
    architecture["layers"][1]["type"] = "Swish"
    with pytest.raises(FoveaError, match=r"'Swish': import the module that defines it"):
        Network.from_architecture(architecture)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_has_memory_of_its_own(copied):
    network = small()
    network.classes = list("abcde")
    other = copied(network)
    assert np.array_equal(other.flat, network.flat)
    assert other.classes == network.classes
    other.parameters["conv1.W"][...] = 0
    assert not other.flat[:72].any()
    assert not other.layers[0].parameters["W"].any()
    assert network.parameters["conv1.W"].any()


@pytest.mark.parametrize("name", ENGINES)
def test_a_users_layer_runs_between_others(name):
    @dataclass(eq=False)
    class Halve(Layer):
        def forward(self, A_prev, *, training=False, rng=None):
            return A_prev / 2, None

        def backward(self, dZ, cache):
            return dZ / 2, {}

    own = layers()
    own.insert(2, Halve())
    network, plain, X = Network(own, (12, 10, 2)), small(), images()
    for parameter, source in zip(network.parameters.values(), plain.parameters.values(), strict=True):
        parameter[...] = source
    plain.parameters["conv1.W"][...] /= 2
    with engine.use(name):
        np.testing.assert_allclose(network.predict(X), plain.predict(X), atol=1e-6)


@pytest.mark.parametrize("name", ENGINES)
def test_with_flips_a_picture_and_its_mirror_image_get_the_same_answer(name):
    network, X = small(), images()
    with engine.use(name):
        plain, both = network.predict(X), network.predict(X, flips=True)
        assert np.array_equal(both, network.predict(X[:, :, ::-1], flips=True))
        assert not np.allclose(both, plain)
        level = np.repeat(X[:, :, :1], X.shape[2], axis=2)  # its own mirror image
        assert np.array_equal(network.predict(level, flips=True), network.predict(level))


def test_constant_weights_cannot_be_written_and_are_copies():
    network = small()
    constant = network.constant()
    for array in (constant.flat, constant.parameters["conv1.W"], constant.layers[0].parameters["W"]):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    kept = constant.parameters["conv1.W"].copy()
    network.parameters["conv1.W"][...] = 0
    assert np.array_equal(constant.parameters["conv1.W"], kept)
    copy.copy(constant).parameters["conv1.W"][...] = 0  # a copy's own can be written
