"""Arrays that are needed at the same time lie apart; others share memory, and nobody notices."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fovea
from fovea.layers import Add, AveragePool2D, Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU
from fovea.stages import memory
from fovea.stages.memory import Life

pytest.importorskip("halide")

LIVES = st.lists(
    st.builds(lambda size, first, length: Life(size, first, first + length),
              st.integers(0, 1000), st.integers(0, 12), st.integers(0, 5)),
    max_size=14,
)  # fmt: skip


def most(lives):
    """Bytes needed at the step that needs most."""
    steps = {life.first for life in lives}
    return max((sum(x.size for x in lives if x.first <= step <= x.last) for step in steps), default=0)


@settings(max_examples=200, deadline=None)
@given(LIVES)
def test_what_is_needed_at_the_same_time_lies_apart(lives):
    places, size = memory.arrange(lives)
    assert all(place % 64 == 0 for place in places)
    assert most(lives) <= size <= sum(-(-life.size // 64) * 64 for life in lives)
    assert all(place + life.size <= size for place, life in zip(places, lives, strict=True))
    for (a, x), (b, y) in combinations(list(zip(places, lives, strict=True)), 2):
        if x.first <= y.last and y.first <= x.last and x.size and y.size:
            assert a + x.size <= b or b + y.size <= a


def test_the_gradients_of_a_chain_lie_where_its_activations_were():
    """Twelve layers of equal size: all activations and the last two gradients are needed at once, no more."""
    n, size = 12, 6400
    activations = [Life(size, j, 2 * n + 1 - j if j < n else n + 1) for j in range(n + 1)]
    gradients = [Life(size, 2 * n + 1 - j, 2 * n + 2 - j) for j in range(1, n + 1)]
    assert memory.arrange(activations + gradients)[1] == most(activations + gradients) == (n + 2) * size


def plain(depth=20):
    convs = [[Conv2D(16, 3, padding=1), ReLU()] for _ in range(depth)]
    layers = [layer for pair in convs for layer in pair]
    return fovea.Network([*layers, Flatten(), Dense(4)], (12, 12, 3))


def mixed():
    """Every kind of stage, and changes of layout."""
    return fovea.Network(
        [Conv2D(6, 3), MaxPool2D(2), Conv2D(16, 3, padding=1), ReLU(), AveragePool2D(2, stride=1),
         Dropout(0.3), Conv2D(20, 3), MaxPool2D(3, stride=2), ReLU(), Flatten(), Dense(9), ReLU(), Dense(4)],
        (24, 24, 3),
    )  # fmt: skip


def residual(depth=6):
    """Blocks whose shortcuts keep arrays alive, and whose gradients meet."""
    graph = {"stem": Conv2D(16, 3, padding=1), "sum0": ReLU()}
    for i in range(depth):
        graph |= {f"a{i}": (Conv2D(16, 3, padding=1), f"sum{i}"), f"relu{i}": ReLU()}
        graph |= {f"b{i}": Conv2D(16, 3, padding=1), f"sum{i + 1}": (Add(), f"b{i}", f"sum{i}")}
    network = fovea.Network(graph | {"flat": Flatten(), "end": Dense(4)}, (12, 12, 3))
    network.flat *= 0.1  # so that three steps without normalisation stay finite
    return network


def steps(network, batch_size=20):
    """A few steps and a prediction, of batches that grow and shrink."""
    from fovea.optimizers import SGD
    from fovea.stages import Plan

    plan, optimizer, rng = Plan(network, batch_size, training=True), SGD(), np.random.default_rng(3)
    found = []
    for count in (batch_size, 3, batch_size - 1):
        images = rng.integers(0, 256, (count, *network.input_shape), np.uint8)
        labels = rng.integers(0, 4, count, dtype=np.int32)
        loss, sums = plan.loss_and_gradients(images, labels, rng=np.random.default_rng(count))
        found.append((loss, sums["top1"]))
        found.append(plan.gradients.copy())
        optimizer.step({"all": network.flat}, {"all": plan.gradients}, 0.05)
        found.append(plan.predict(images.astype(np.float32) / 256))
    return plan, found


def apart(lives):
    """As `arrange`, with no sharing."""
    places = np.cumsum([0, *(-(-life.size // 64) * 64 for life in lives)]).tolist()
    return places[:-1], places[-1]


@pytest.mark.parametrize("build", [plain, mixed, residual])
def test_shared_memory_changes_no_bit(build, monkeypatch):
    plan, found = steps(build())
    monkeypatch.setattr(memory, "arrange", apart)
    roomy, expected = steps(build())
    assert plan.memory < roomy.memory
    for got, wanted in zip(found, expected, strict=True):
        assert np.array_equal(got, wanted)
        assert np.isfinite(got).all()


def test_a_deep_network_trains_in_little_more_than_its_activations(monkeypatch):
    from fovea.stages import Plan

    activations = 32 * (12 * 12 * (3 + 20 * 16) + 4) * 4  # bytes
    shared = Plan(plain(), 32, training=True)
    assert shared.memory < 1.25 * activations
    predicting = Plan(plain(), 32).memory
    assert predicting < 0.2 * activations  # two neighbours at a time
    monkeypatch.setattr(memory, "arrange", apart)
    assert shared.memory < 0.65 * Plan(plain(), 32, training=True).memory
