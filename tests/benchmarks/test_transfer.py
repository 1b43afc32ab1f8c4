"""Both sides of the transfer benchmark compute the same, and its checks notice when they do not."""

import numpy as np
import pytest

pytest.importorskip("halide")
pytest.importorskip("torch")

from benchmarks import transfer
from fovea import data
from fovea.classification import linear
from fovea.classification.features import Features, body_of
from fovea.layers import BatchNorm, Conv2D, Dense, Dropout, GlobalAveragePool2D, ReLU6
from fovea.network import Network
from fovea.training import layer_rates
from tests import tiny


@pytest.fixture
def setup(tmp_path):
    """A folder of 60 pictures of 16×16, and a network that freezes its first layers and all BatchNorms."""
    layers = [
        Conv2D(4, 3, stride=2, padding="same", bias=False), BatchNorm(), ReLU6(),
        Conv2D(8, 3, stride=2, padding="same", bias=False), BatchNorm(), ReLU6(),
        Conv2D(8, 3, stride=2, padding="same", bias=False), BatchNorm(), ReLU6(),
        GlobalAveragePool2D(), Dropout(0.2), Dense(len(tiny.CLASSES)),
    ]  # fmt: skip
    splits = data.load(tiny.write_folder(tmp_path / "pictures", 60, scale=2))
    return transfer.setup_of(Network(layers, splits.shape, 0), splits)


def test_each_part_has_a_row_after_both_sides_agree(setup):
    rows = list(transfer.rows(setup, "tiny", turns=1, turn=0.001, patience=0))
    assert [(row.phase, row.peer_name) for row in rows] == [
        ("features", "torch"), ("linear", "torch L-BFGS"), ("fine-tune", "torch"),
    ]  # fmt: skip
    assert all(row.ours > 0 and row.peer > 0 for row in rows)


def test_frozen_layers_do_not_learn_in_pytorch(setup):
    layer_rates.freeze(setup.network, setup.factors)
    epoch = transfer.TorchEpoch(setup)
    before = {name: values.clone() for name, values in epoch.model.state_dict().items()}
    epoch()
    after = epoch.model.state_dict()
    changed = {name for name, values in before.items() if not values.equal(after[name])}
    learning = {name for name, values in epoch.model.named_parameters() if values.requires_grad}
    assert changed == learning
    assert 0 < len(learning) < len(list(epoch.model.parameters()))


def test_epochs_begin_with_the_same_weights(setup):
    layer_rates.freeze(setup.network, setup.factors)
    epoch, before = transfer.OurEpoch(setup), setup.network.memory.copy()
    assert epoch() == epoch()
    np.testing.assert_array_equal(setup.network.memory, before)


def test_results_that_differ_are_found(setup):
    known = transfer.our_features(body_of(setup.network), setup.train, 16)
    with pytest.raises(AssertionError):
        transfer.check_features(known, Features(known.pictures, known.pictures, known.labels))
    F, labels = known.both()
    problem = F, labels, len(tiny.CLASSES), transfer.loss_of(setup)
    (layer,), (other,) = (linear.fit(*problem, strengths=(strength,)) for strength in (4.0, 40.0))
    with pytest.raises(AssertionError):
        transfer.check_linear([layer], [linear.Linear(4.0, other.W, other.b)], *problem)
    with pytest.raises(AssertionError):
        transfer.check_losses([0.5, 0.4], [0.5, 0.41])
