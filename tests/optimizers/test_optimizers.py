from dataclasses import asdict

import numpy as np
import pytest

from fovea import optimizers
from fovea.engine import use
from fovea.errors import FoveaError, ShapeError
from fovea.kernels import buffers
from fovea.optimizers import SGD, Adam, clip
from tests.cases import ENGINES

KINDS = [
    SGD(), SGD(momentum=0.0, weight_decay=0.0), SGD(nesterov=True),
    Adam(), Adam(beta1=0.8, weight_decay=1e-2),
]  # fmt: skip
ids = ["sgd", "plain sgd", "nesterov", "adam", "adam with decay"]


def arrays(seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return {
        "conv1.W": rng.standard_normal((3, 3, 2, 4)).astype(dtype),
        "conv1.b": rng.standard_normal(4).astype(dtype),
    }


def steps_of(optimizer, parameters, numbers, rate=0.1):
    for number in numbers:
        optimizer.step(parameters, arrays(seed=100 + number, dtype=parameters["conv1.b"].dtype), rate)
    return parameters


def again(optimizer):
    return optimizers.parse(optimizer.configuration())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("optimizer", KINDS, ids=ids)
def test_steps_are_pytorchs(optimizer, engine):
    torch = pytest.importorskip("torch")
    parameters = arrays()
    theirs = {name: torch.tensor(array, requires_grad=True) for name, array in parameters.items()}
    options = asdict(optimizer)
    options.pop("steps")
    options.pop("_kept")
    if isinstance(optimizer, Adam):
        options = {"betas": (options["beta1"], options["beta2"]), "eps": options["epsilon"],
                   "weight_decay": options["weight_decay"]}  # fmt: skip
    peer = (torch.optim.SGD if isinstance(optimizer, SGD) else torch.optim.Adam)(
        theirs.values(), lr=0.1, **options
    )
    for number in range(6):
        for name, gradient in arrays(seed=100 + number).items():
            theirs[name].grad = torch.tensor(gradient)
        peer.step()
    with use(engine):
        steps_of(again(optimizer), parameters, range(6))
    for name, array in parameters.items():
        np.testing.assert_allclose(array, theirs[name].detach().numpy(), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("optimizer", KINDS, ids=ids)
def test_the_state_resumes_to_the_same_bits(optimizer):
    whole = steps_of(again(optimizer), arrays(), range(7))
    first, second = again(optimizer), again(optimizer)
    parameters = steps_of(first, arrays(), range(3))
    second.load_state(first.state())
    steps_of(first, arrays(), range(2))  # what it does afterwards is not in the state
    steps_of(second, parameters, range(3, 7))
    assert all(np.array_equal(parameters[name], whole[name]) for name in whole)


def test_parameters_change_in_place_and_gradients_do_not():
    parameters, gradients = arrays(), arrays(seed=1)
    held, before = parameters["conv1.W"], gradients["conv1.W"].copy()
    SGD().step(parameters, gradients, 0.1)
    assert parameters["conv1.W"] is held
    assert not np.array_equal(held, arrays()["conv1.W"])
    assert np.array_equal(gradients["conv1.W"], before)


def test_one_flat_array_gives_what_its_parts_give():
    parts, gradients = arrays(), arrays(seed=1)
    flat, flat_gradients = (np.concatenate([a.reshape(-1) for a in d.values()]) for d in (parts, gradients))
    for optimizer, ours, theirs in (
        (SGD(), parts, gradients),
        (SGD(), {"all": flat}, {"all": flat_gradients}),
    ):
        for _ in range(3):
            optimizer.step(ours, theirs, 0.1)
    assert np.array_equal(flat, np.concatenate([a.reshape(-1) for a in parts.values()]))


def test_sgd_without_momentum_walks_down_the_gradient():
    w = np.array([1.0, -2.0])
    with use("reference"):
        SGD(momentum=0.0, weight_decay=0.0).step({"w": w}, {"w": np.array([0.5, 0.25])}, 0.1)
    np.testing.assert_allclose(w, [0.95, -2.025])


def test_adams_first_step_is_the_rate_whatever_the_gradient():
    w = np.zeros(3)
    with use("reference"):
        Adam().step({"w": w}, {"w": np.array([1e-3, -5.0, 1e3])}, 0.1)
    np.testing.assert_allclose(w, [-0.1, 0.1, -0.1], rtol=1e-4)


def test_a_view_with_gaps_is_refused():
    with pytest.raises(ShapeError, match="w as a contiguous array"):
        SGD().step({"w": np.zeros(8, np.float32)[::2]}, {"w": np.zeros(4, np.float32)}, 0.1)


def test_names_and_configurations_are_read_back():
    assert optimizers.parse("adam") == Adam()
    assert optimizers.parse(SGD(momentum=0.5).configuration()) == SGD(momentum=0.5)
    with pytest.raises(FoveaError, match="one of sgd, adam, got 'lion'"):
        optimizers.parse("lion")
    with pytest.raises(FoveaError, match="some of momentum, weight_decay, nesterov, got 'beta1'"):
        optimizers.parse({"name": "sgd", "beta1": 0.9})


def test_what_is_typed():
    assert optimizers.parse("sgd,nesterov, momentum=0.8") == SGD(momentum=0.8, nesterov=True)
    assert optimizers.parse("adam,beta2=0.99") == Adam(beta2=0.99)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sgd,momentun=0.9", "got 'momentun': did you mean momentum"),
        ("sgd,momentum", "momentum: expected a number of at least 0, got none"),
        ("sgd,momentum=much", "got 'much'"),
        ("sgd,weight_decay=-1", "weight_decay: expected a number of at least 0, got -1.0"),
        ("sgd,momentum=0.8,momentum=0.9", "expected each name once, got 'momentum' twice"),
        ("sgd,nesterov=1", "nesterov: expected its name alone"),
        ("adam,beta1=1", "beta1: expected a number from 0 to below 1"),
        ("", "one of sgd, adam, got ''"),
    ],
)
def test_what_cannot_be_meant(text, words):
    with pytest.raises(FoveaError, match=words):
        optimizers.parse(text)


def test_without_momentum_nesterovs_steps_are_the_plain_ones():
    plain, ahead = SGD(momentum=0.0), SGD(momentum=0.0, nesterov=True)
    one, other = (steps_of(optimizer, arrays(), range(3)) for optimizer in (plain, ahead))
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("n", [1, 100, 70_000, 200_000])
def test_clipping_keeps_directions_and_bounds_the_norm(n):
    gradients = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    before, norm = gradients.copy(), float(np.linalg.norm(gradients.astype(np.float64)))
    assert clip(gradients, 2 * norm) == pytest.approx(norm, rel=1e-9)
    assert np.array_equal(gradients, before)  # it was short enough
    assert clip(gradients, norm / 4) == pytest.approx(norm, rel=1e-9)
    np.testing.assert_allclose(gradients, before / 4, rtol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("optimizer", KINDS, ids=ids)
def test_flat_arrays_of_earlier_steps_are_known_and_still_looked_at(optimizer, engine):
    """Training gives the same arrays at each step; they may be filled anew, locked, or replaced."""
    whole, optimizer, rate = arrays()["conv1.W"].reshape(-1), again(optimizer), 0.1
    kept, w, dw = again(optimizer), buffers.copy(whole), buffers.zeros(whole.shape)
    with use(engine):
        for number in range(4):
            dw[...] = arrays(seed=number)["conv1.W"].reshape(-1)
            optimizer.step({"w": whole}, {"w": dw.copy()}, rate)
            if number == 2:
                w, dw = buffers.copy(w), buffers.copy(dw)
            kept.step({"w": w}, {"w": dw}, rate)
        np.testing.assert_array_equal(w, whole)
        w.flags.writeable = False
        with pytest.raises(ShapeError, match="read-only"):
            kept.step({"w": w}, {"w": dw}, rate)
