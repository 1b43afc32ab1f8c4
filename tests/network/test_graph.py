"""Networks whose layers take in what any others give out."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fovea
from fovea import Network, Node
from fovea.errors import ShapeError
from fovea.layers import Add, Concat, Conv2D, Dense, Flatten, ReLU
from fovea.network.graph import MOST


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


def block():
    return {
        "stem": Conv2D(4, 3, padding="same"),
        "conv1": Conv2D(4, 3, padding="same"),
        "relu": ReLU(),
        "conv2": Conv2D(4, 3, padding="same"),
        "sum": (Add(), "conv2", "stem"),
        "both": (Concat(), "sum", "relu"),
        "flat": Flatten(),
        "end": Dense(3),
    }


def network(seed=0):
    return Network(block(), (6, 5, 2), seed)


def images(n=3):
    return np.random.default_rng(1).normal(size=(n, 6, 5, 2))


def test_a_layer_takes_in_the_one_before_or_those_it_names():
    own = network()
    assert own.sources == [(-1,), (0,), (1,), (2,), (3, 0), (4, 2), (5,), (6,)]
    assert own.input_shapes[5] == ((6, 5, 4), (6, 5, 4))
    assert own.shapes[5] == (6, 5, 8)


def test_the_output_is_the_formula_written_out():
    own, X = network(), images()
    by = {layer.name: layer for layer in own.layers}

    def run(name, A):
        return by[name].forward(A)[0]

    stem = run("stem", X)
    relu = run("relu", run("conv1", stem))
    both = np.concatenate([run("conv2", relu) + stem, relu], axis=-1)
    assert np.array_equal(own.forward(X)[0], run("end", both.reshape(3, -1)))


def test_gradients_are_differences_also_where_ways_part_and_meet():
    """float64 on the reference: every parameter along a random direction, and the input."""
    own, X, rng = network(), images(), np.random.default_rng(2)
    own.flat[...] = rng.normal(size=own.flat.size) * (own.flat != 0)
    Z, caches = own.forward(X)
    dZ = rng.normal(size=Z.shape)
    dX, gradients = own.backward(dZ, caches)
    v, h = rng.normal(size=X.shape), 1e-6
    slope = np.vdot(dZ, own.forward(X + h * v)[0] - own.forward(X - h * v)[0]) / (2 * h)
    assert slope == pytest.approx(np.vdot(dX, v), rel=1e-6)
    for name, p in own.parameters.items():
        d, before = rng.choice([-1.0, 1.0], p.shape), p.copy()
        p[...] = before + 2**-10 * d  # exact in float32
        after = own.forward(X)[0]
        p[...] = before - 2**-10 * d
        slope = np.vdot(dZ, after - own.forward(X)[0]) / 2**-9
        p[...] = before
        assert slope == pytest.approx(np.vdot(gradients[name], d), rel=2e-2, abs=2e-2), name


def test_entries_may_come_in_any_order():
    in_order, before, nodes = network(), "input", []
    for name, entry in block().items():
        layer, *after = entry if isinstance(entry, tuple) else (entry, before)
        nodes.append(Node(layer, name, tuple(after)))
        before = name
    backwards = Network(nodes[::-1], (6, 5, 2), seed=None)
    assert backwards.layers[-1].name == "end"
    for name, value in in_order.parameters.items():
        backwards.parameters[name][...] = value
    assert np.array_equal(backwards.forward(images())[0], in_order.forward(images())[0])


def test_those_without_a_name_are_named_by_kind_and_count_around_those_with_one():
    own = Network([Node(ReLU(), "relu1"), ReLU(), Node(ReLU(), "last"), ReLU()], (4,))
    assert [layer.name for layer in own.layers] == ["relu1", "relu2", "last", "relu3"]


def test_copies_and_files_have_the_same_graph(tmp_path):
    own = network()
    own.save(tmp_path / "m.safetensors")
    for other in (
        copy.copy(own),
        fovea.load(tmp_path / "m.safetensors"),
        Network.from_architecture(own.architecture(), 0),
    ):
        assert other.sources == own.sources
        assert [layer.name for layer in other.layers] == [layer.name for layer in own.layers]
        assert np.array_equal(other.forward(images())[0], own.forward(images())[0])


def test_a_row_of_layers_is_written_without_names():
    entries = Network([Conv2D(2, 3), ReLU(), Flatten(), Dense(2)], (6, 6, 1)).architecture()["layers"]
    assert all(set(entry) == {"type", "hyperparameters"} for entry in entries)


def test_what_is_seen_through_a_graph():
    """A shortcut beside two 3×3 convolutions sees 5×5; a layer beside the way is not on it."""
    own, picture = network(), images(1)[0].astype(np.float32)
    assert fovea.seeing.receptive_field(own, "sum", (3, 2)).box == (0, 0, 6, 5)
    assert fovea.seeing.receptive_field(own, "stem", (3, 2)).box == (2, 1, 5, 4)
    assert own.summary().splitlines()[7].split()[-2] == "7×7"
    passage = fovea.seeing.effective_field(own, picture, "relu", (3, 2))
    assert passage.shape == (6, 5)
    assert passage.any()


def test_every_number_of_a_graph_can_be_traced():
    own, picture = network(), images(1)[0].astype(np.float32)
    t = fovea.trace(own, picture, label=1)
    at = (3, 2, 1)
    step = t.forward("sum", at)
    assert step.sum == pytest.approx(float(t.A("conv2")[at]) + float(t.A("stem")[at]))
    assert t.forward("both", (3, 2, 6)).value == t.A("relu")[3, 2, 2]
    assert t.backward_input("both", (1, 3, 2, 2)).value == t.dA("both")[3, 2, 6]
    assert t.backward_input("sum", (1, 3, 2, 1)).value == t.dA("sum")[at]
    with pytest.raises(ShapeError, match="its inputs"):
        t.backward_input("sum", (2, 3, 2, 1))


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([Node(ReLU(), "a"), Node(ReLU(), "a")], "one layer named 'a', got 2"),
        ({"a": ReLU(), "b": (ReLU(), "c")}, r"Network, b: expected names of .* \(a, b, input\), got 'c'"),
        ({"a": (Add(), "input", "b"), "b": ReLU()}, "without a cycle, got one among a, b: no layer may"),
        ({"a": (ReLU(), "a")}, "a graph without a cycle"),
        ({"a": ReLU(), "b": (ReLU(), "input")}, "exactly one output layer, got a, b: connect or remove"),
        ({"a": ReLU(), "b": (ReLU(), "a", "input")}, "Network, b: .* one input to a ReLU, got a, input"),
        ({"input": ReLU()}, "a layer's name, got 'input'"),
        ({"a.b": ReLU()}, "a layer's name, got 'a.b': letters, digits, _ and -"),
        ({"a": Add()}, r'Add "a": expected two inputs or more of shapes that broadcast, got \(4, 4, 2\)'),
        ({"a": Conv2D(3, 1), "b": (Add(), "a", "input")}, r"got \(4, 4, 3\) and \(4, 4, 2\)"),
        ({"a": Conv2D(3, 3), "b": (Concat(), "a", "input")}, "of the same rows and columns, got"),
        ({"a": Flatten(), "b": (Concat(), "a", "input")}, "of the same rows and columns, got"),
        ({"a": 3}, "Network, layer 1: expected a Layer, got 3"),
        ({}, "at least one layer, got none"),
    ],
)  # fmt: skip
def test_what_is_no_graph_is_refused(entries, sentence):
    with pytest.raises(ShapeError, match=sentence):
        Network(entries, (4, 4, 2))


def test_layers_of_a_graph_that_was_refused_are_free_again():
    relu = ReLU()
    with pytest.raises(ShapeError):
        Network({"a": relu, "b": (Add(), "a", "c")}, (4,))
    Network([relu], (4,))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_graph_adds_up_its_ways(data):
    """Sums alone: each value of the output is the picture's times the number of ways through the graph."""
    ways, graph = {"input": 1}, {}
    for number in range(data.draw(st.integers(1, 8))):
        names = data.draw(st.lists(st.sampled_from([*ways]), min_size=2, max_size=4))
        graph[f"a{number}"] = (Add(), *names)
        ways[f"a{number}"] = sum(ways[name] for name in names)
    loose = [name for name in graph if not any(name in entry[1:] for entry in graph.values())]
    graph["end"] = (Add(), *loose, "input")
    total = sum(ways[name] for name in loose) + 1
    own, X = Network(graph, (3,)), np.random.default_rng(0).normal(size=(2, 3))
    Z, caches = own.forward(X)
    dX, _ = own.backward(X, caches)
    assert np.allclose(Z, total * X)
    assert np.allclose(dX, total * X)


def test_a_long_row_backwards_is_put_in_order_at_once():
    """A search through all that wait, for each layer, would take a minute."""
    names = [f"r{number}" for number in range(5_000)]
    nodes = [Node(ReLU(), name, (before,)) for name, before in zip(names, ["input", *names], strict=False)]
    network = Network(reversed(nodes), (2,))
    assert [layer.name for layer in network.layers] == names


def test_there_are_at_most_so_many_layers():
    with pytest.raises(ShapeError, match=f"at most {MOST:,} layers, got {MOST + 1:,}"):
        Network([ReLU()] * (MOST + 1), (2,))
    entry = {"type": "no layer is made of these", "hyperparameters": {}}
    with pytest.raises(ShapeError, match=f"at most {MOST:,} layers"):
        Network.from_architecture({"input_shape": [2], "layers": [entry] * (MOST + 1)})


def test_errors_name_some_of_many():
    circle = {f"r{number}": (ReLU(), f"r{(number + 1) % 500}") for number in range(500)}
    with pytest.raises(ShapeError, match=r"one among r0, r1, .*r9 and 490 more"):
        Network(circle, (2,))
