import numpy as np
import pytest

from fovea.apps.look.edits import edited
from fovea.errors import ShapeError
from tests import tiny


@pytest.fixture
def network(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    return tiny.network()


def test_the_changed_filter_is_changed_and_all_else_as_it_was(network):
    before = network.flat.copy()
    W = np.arange(9.0).reshape(3, 3, 1)
    other = edited(network, {"conv1": {"2": {"weights": W.tolist(), "bias": 7}}})
    assert (other.parameters["conv1.W"][..., 2] == W).all()
    assert other.parameters["conv1.b"].tolist() == [
        *network.parameters["conv1.b"][:2],
        7,
        network.parameters["conv1.b"][3],
    ]
    assert (
        other.parameters["conv1.W"][..., [0, 1, 3]] == network.parameters["conv1.W"][..., [0, 1, 3]]
    ).all()
    assert (other.parameters["dense1.W"] == network.parameters["dense1.W"]).all()
    assert (network.flat == before).all()


def test_without_changes_it_is_the_network_itself(network):
    assert edited(network, {}) is network
    assert edited(network, None) is network


@pytest.mark.parametrize("number", ["4", "-1", "1.0", "x", "", "²", "99999999999"])
def test_filters_that_there_are_not(network, number):
    with pytest.raises(ShapeError, match='"conv1": expected a filter from 0 to 3'):
        edited(network, {"conv1": {number: {"bias": 1}}})


@pytest.mark.parametrize("weights", [
    1, [1], [[1, 2], [3, 4]], [[[1], [2]], [[3]]], "x", {}, [[["a"]] * 3] * 3, [[[float("nan")]] * 3] * 3,
    [[[2e6]] * 3] * 3,
])  # fmt: skip
def test_what_is_no_filter(network, weights):
    with pytest.raises(ShapeError, match="filter 0: weights"):
        edited(network, {"conv1": {"0": {"weights": weights}}})
