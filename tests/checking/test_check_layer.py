"""check_layer finds every way in which a layer can be wrong."""

from dataclasses import dataclass

import numpy as np
import pytest

from fovea import check_layer
from fovea.checking.trial import CheckFailed, error_of, poisoned_memory, spread
from fovea.errors import FoveaError
from fovea.layers import Conv2D, Layer

SHAPE = (4, 3, 2)


class Twice(Layer):
    """A correct layer, to be broken below."""

    def parameter_shapes(self, input_shape):
        return {"g": (1,)}

    def initialise(self, input_shape, rng):
        self.parameters["g"][...] = 2

    def forward(self, A_prev, *, training=False, rng=None):
        return A_prev * self.parameter("g", A_prev), A_prev

    def backward(self, dZ, cache):
        return dZ * self.parameter("g", dZ), {"g": np.array([(dZ * cache).sum()])}


def broken(**methods):
    return type("Broken", (Twice,), methods)()


def test_the_correct_one_passes():
    check_layer(Twice(), SHAPE)
    check_layer(Twice(), SHAPE, batch=1)


def wrong_gradient(self, dZ, cache):
    dA_prev, gradients = Twice.backward(self, dZ, cache)
    dA_prev[-1, -1, -1, -1] *= 1 + 1e-5
    return dA_prev, gradients


def wrong_parameter_gradient(self, dZ, cache):
    dA_prev, gradients = Twice.backward(self, dZ, cache)
    return dA_prev, {"g": gradients["g"] / len(dZ)}


def missing_gradient(self, dZ, cache):
    return Twice.backward(self, dZ, cache)[0], {}


def double_precision(self, dZ, cache):
    dA_prev, gradients = Twice.backward(self, dZ, cache)
    return dA_prev.astype(np.float64), gradients


def writes_its_input(self, A_prev, *, training=False, rng=None):
    A_prev *= 2
    return A_prev, A_prev


def writes_the_gradient(self, dZ, cache):
    gradients = Twice.backward(self, dZ, cache)[1]
    dZ *= self.parameter("g", dZ)
    return dZ, gradients


def leaves_a_value_out(self, A_prev, *, training=False, rng=None):
    Z = np.empty_like(A_prev)
    np.multiply(A_prev[:, :-1], self.parameter("g", A_prev), out=Z[:, :-1])
    return Z, A_prev


def keeps_the_input(self, A_prev, *, training=False, rng=None):
    self.kept = A_prev
    return Twice.forward(self, A_prev)


def gradient_of_what_was_kept(self, dZ, cache):
    return Twice.backward(self, dZ, self.kept)


def reads_memory_as_if_contiguous(self, A_prev, *, training=False, rng=None):
    straight = np.lib.stride_tricks.as_strided(
        A_prev, A_prev.shape, np.empty(A_prev.shape, A_prev.dtype).strides
    )
    backwards = any(s < 0 for s in A_prev.strides)
    return Twice.forward(self, A_prev if backwards else straight.copy())[0], A_prev


def depends_on_its_batch(self, A_prev, *, training=False, rng=None):
    return A_prev - A_prev.mean(0), A_prev


def single_precision_inside(self, A_prev, *, training=False, rng=None):
    return Twice.forward(self, A_prev.astype(np.float16).astype(A_prev.dtype))[0], A_prev


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"backward": wrong_gradient}, r"dA_prev.*by central differences|dA_prev.*along a random direction"),
        ({"backward": wrong_parameter_gradient}, r"dg\[0\]: expected .* by central differences"),
        ({"backward": missing_gradient}, r"gradients: expected \['g'\], got \[\]"),
        ({"backward": double_precision}, r"dA_prev: expected float32 .*, got float64"),
        ({"forward": writes_its_input}, r"A_prev: expected unchanged values"),
        ({"backward": writes_the_gradient}, r"dZ: expected unchanged values"),
        (
            {"forward": leaves_a_value_out},
            r"Z: expected every value to be written, got nan at \(0, 3, 0, 0\)",
        ),
        ({"forward": keeps_the_input, "backward": gradient_of_what_was_kept}, r"the same call, with another"),
        ({"forward": reads_memory_as_if_contiguous}, r"Z: expected the values of contiguous arrays"),
        ({"forward": depends_on_its_batch}, r"Z: expected the values of the same image in a batch"),
        (
            {"output_shape": lambda self, shape: (1,)},
            r"Z: expected float64 \(3, 1\), got float64 \(3, 4, 3, 2\)",
        ),
        ({"output_shape": lambda self, shape: list(shape)}, r"output_shape as a tuple"),
    ],
)
def test_what_is_wrong_is_named(methods, message):
    with pytest.raises(CheckFailed, match=r"^Broken") as failure:
        check_layer(broken(**methods), SHAPE, engines=("reference",))
    failure.match(message)


def test_an_error_only_in_training_is_found():
    def forward(self, A_prev, *, training=False, rng=None):
        return Twice.forward(self, A_prev * (2 if training else 1))[0], A_prev

    with pytest.raises(CheckFailed, match=r"^Broken in training: "):
        check_layer(broken(forward=forward), SHAPE, engines=("reference",))


def test_the_adjoint_finds_what_differences_at_small_sizes_cannot():
    """An error that only inputs of a real size meet."""

    def backward(self, dZ, cache):
        dA_prev, gradients = Twice.backward(self, dZ, cache)
        dA_prev[:, 16:] = 0
        return dA_prev, gradients

    check_layer(broken(backward=backward), (4, 4, 2), engines=("reference",))
    with pytest.raises(CheckFailed, match=r"^Broken: dA_prev: expected the adjoint's product"):
        check_layer(broken(backward=backward), (4, 4, 2), real_shape=(17, 4, 2), engines=("reference",))


def test_an_engine_that_rounds_too_much_is_named():
    def forward(self, A_prev, *, training=False, rng=None):
        rounded = A_prev.astype(np.float16).astype(np.float32) if A_prev.dtype == np.float32 else A_prev
        return Twice.forward(self, rounded)[0], A_prev

    with pytest.raises(
        CheckFailed, match=r"^Broken on reference: Z: expected the values of float64 within 1e-05"
    ):
        check_layer(broken(forward=forward), (5, 5, 2), engines=("reference",))


def test_a_layer_that_no_file_could_bring_back_is_refused():
    class Nameless(Twice):
        def __init__(self, n):
            self.n = n

    with pytest.raises(FoveaError, match=r"^Nameless: expected hyperparameters that it can be built from"):
        check_layer(Nameless(3), SHAPE)


def test_a_layer_in_a_network_is_left_as_it_is():
    from fovea import Network

    network = Network([Conv2D(2, 3)], (5, 5, 1))
    before, parameters = network.flat.copy(), network.layers[0].parameters
    check_layer(network.layers[0], (5, 5, 1), engines=("reference",))
    assert np.array_equal(network.flat, before)
    assert network.layers[0].parameters is parameters
    assert network.layers[0].name == "conv1"


def test_an_input_that_does_not_fit_is_the_layers_own_error():
    with pytest.raises(FoveaError, match=r"^Conv2D: expected an input of at least 5×5"):
        check_layer(Conv2D(2, 5), (4, 4, 1))


def test_failures_are_assertions_too():
    assert issubclass(CheckFailed, AssertionError)


def test_spread_values_have_no_ties_and_no_zero():
    values = np.sort(np.abs(spread(np.random.default_rng(0), (10, 10))), axis=None)
    assert values[0] == pytest.approx(0.01)
    assert np.diff(values).min() == pytest.approx(0.01, rel=1e-4)


def test_the_error_is_relative_to_the_largest_value():
    assert error_of(np.array([4.0, 0.1]), np.array([4.0, 0.0])) == pytest.approx(0.025)
    assert error_of(np.zeros(3), np.zeros(3)) == 0
    assert error_of(np.zeros(3), np.zeros(2)) == np.inf
    assert not error_of(np.array([np.nan]), np.array([1.0])) <= 1


def test_poisoned_memory_is_full_of_nan_and_only_within_the_block():
    with poisoned_memory():
        assert np.isnan(np.empty((3, 2), np.float32)).all()
        assert (np.empty_like(np.zeros(3, np.int32)) == np.iinfo(np.int32).max).all()
    assert not hasattr(np.empty, "__wrapped__")
    assert np.empty.__module__ == "numpy"


@dataclass(eq=False)
class _Base(Twice):
    """Only a base: not a layer that a file may name."""
