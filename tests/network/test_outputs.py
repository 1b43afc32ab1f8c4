"""Networks with several outputs, by name: forward, backward, prediction, files, copies."""

import copy
import json
import pickle

import numpy as np
import pytest

import fovea
from fovea import Network
from fovea.errors import DataError, FoveaError, ShapeError
from fovea.layers import Add, BatchNorm, Concat, Conv2D, Dense, Flatten, MaxPool2D, ReLU
from fovea.losses import CrossEntropy, Loss, MeanSquaredError
from fovea.network import runner

NAMES = ("fine", "classes", "boxes")


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


def layers():
    """ "fine" is an output that others take in; "flat" is one in `concatenated` alone."""
    return {
        "stem": Conv2D(4, 3, padding="same"),
        "fine": ReLU(),
        "down": (MaxPool2D(2), "fine"),
        "classes": (Conv2D(3, 1), "down"),
        "boxes": (Conv2D(2, 3), "down"),
    }


def network(**more):
    return Network(layers(), (6, 6, 2), outputs=NAMES, **more)


def images(n=3):
    return np.random.default_rng(1).normal(size=(n, 6, 6, 2))


def upstream(own, n=3, seed=2):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(n, *shape)) for name, shape in own.output_shape.items()}


# What comes out


def test_what_comes_out_has_names_in_the_order_given():
    own, X = network(), images()
    Z, caches = own.forward(X)
    assert own.outputs == tuple(Z) == NAMES
    assert own.output_numbers == (1, 3, 4)
    assert own.output_shape == {"fine": (6, 6, 4), "classes": (3, 3, 3), "boxes": (1, 1, 2)}
    steps = {layer.name: A for layer, A, _ in own.forward_steps(X)}
    assert all(np.array_equal(Z[name], steps[name]) for name in NAMES)
    assert len(caches) == 5


def test_an_output_without_a_name_stays_as_it_is():
    own = Network([Flatten(), Dense(3)], (2, 2, 1))
    assert (own.outputs, own.output_numbers, own.output_shape) == ((), (1,), (3,))
    assert "outputs" not in own.architecture()
    assert own.ends_in_classes


def test_one_output_may_have_a_name_and_is_a_dict_then():
    own = Network([Flatten(), Dense(3)], (2, 2, 1), outputs=["dense1"])
    Z, caches = own.forward(np.ones((2, 2, 2, 1)))
    assert list(Z) == ["dense1"]
    assert own.output_shape == {"dense1": (3,)}
    assert not own.ends_in_classes
    _, gradients = own.backward({"dense1": np.ones((2, 3))}, caches)
    assert np.array_equal(gradients["dense1.b"], [2, 2, 2])


def test_layers_are_sorted_whatever_order_they_come_in():
    shuffled = dict(reversed(layers().items()))
    shuffled["stem"], shuffled["fine"] = (shuffled["stem"], "input"), (shuffled["fine"], "stem")
    own = Network(shuffled, (6, 6, 2), outputs=NAMES)
    expected = network()
    for name, array in expected.parameters.items():
        own.parameters[name][...] = array
    X = images()
    for name, Z in expected.forward(X)[0].items():
        assert np.array_equal(own.forward(X)[0][name], Z)


def test_run_gives_each_output_of_any_number_of_pictures():
    own, X = network(), images(5).astype(np.float32)
    whole, parts = own.run(X), own.run(X, batch_size=2)
    Z, _ = own.forward(X)
    for name in NAMES:
        assert whole[name].dtype == np.float32
        assert np.array_equal(whole[name], Z[name])
        assert np.allclose(whole[name], parts[name], atol=1e-6)
    assert own.run(X[0])["boxes"].shape == (1, 1, 1, 2)
    assert own.run(X[:0])["boxes"].shape == (0, 1, 1, 2)
    both = own.run(X, flips=True)["classes"]
    assert np.allclose(both, (whole["classes"] + own.run(X[:, :, ::-1])["classes"]) / 2)


# Backward


def test_gradients_are_the_differences_of_the_sum_over_all_outputs():
    own, X = network(), images()
    dZ = upstream(own)

    def value(X):
        return sum(float((Z * dZ[name]).sum()) for name, Z in own.forward(X)[0].items())

    dX, gradients = own.backward(dZ, own.forward(X)[1])
    rng, step = np.random.default_rng(3), 1e-6
    for _ in range(10):
        direction = rng.normal(size=X.shape)
        difference = (value(X + step * direction) - value(X - step * direction)) / (2 * step)
        assert np.isclose((dX * direction).sum(), difference, rtol=1e-5)
    # Parameters are float32: a longer step, within the same pieces of ReLU and maximum.
    for name, gradient in gradients.items():
        array, kept = own.parameters[name], own.parameters[name].copy()
        values = []
        for sign in (1, -1):
            array[...] = kept + sign * np.float32(2**-12)
            values.append(value(X))
            array[...] = kept
        assert np.isclose(gradient.sum(), (values[0] - values[1]) * 2**11, rtol=0.02, atol=0.02), name


def test_it_is_the_network_that_puts_its_outputs_side_by_side():
    own, X = network(), images()
    more = {f"flat_{name}": (Flatten(), name) for name in NAMES}
    single = Network({**layers(), **more, "all": (Concat(), *more)}, (6, 6, 2))
    single.memory[...] = own.memory
    Z, caches = own.forward(X)
    joined, joined_caches = single.forward(X)
    assert np.array_equal(joined, np.concatenate([Z[name].reshape(3, -1) for name in NAMES], axis=1))
    dZ = upstream(own)
    dX, gradients = own.backward(dZ, caches)
    side_by_side = np.concatenate([dZ[name].reshape(3, -1) for name in NAMES], axis=1)
    dX_joined, gradients_joined = single.backward(side_by_side, joined_caches)
    assert np.allclose(dX, dX_joined, rtol=1e-12)
    assert all(np.allclose(gradients[name], gradients_joined[name], rtol=1e-12) for name in gradients)


def test_an_output_without_a_gradient_counts_as_zero():
    own, X = network(), images()
    caches = own.forward(X)[1]
    dZ = {"boxes": upstream(own)["boxes"]}
    zeros = {name: np.zeros((3, *shape)) for name, shape in own.output_shape.items()}
    dX, gradients = own.backward(dZ, caches)
    dX_zeros, gradients_zeros = own.backward({**zeros, **dZ}, caches)
    assert np.array_equal(dX, dX_zeros)
    assert all(np.array_equal(gradients[name], gradients_zeros[name]) for name in gradients)


def test_the_first_layers_alone_go_back_from_their_own_outputs_or_from_the_last_of_them():
    own, X = network(), images()
    caches = own.forward(X)[1][:2]
    dA = upstream(own)["fine"]
    one, other = own.backward(dA, caches), own.backward({"fine": dA}, caches)
    assert np.array_equal(one[0], other[0])
    assert list(one[1]) == ["stem.W", "stem.b"]


@pytest.mark.parametrize(
    ("dZ", "message"),
    [
        (np.zeros((3, 1, 1, 2)), r"dZ as a dict by output \(fine, classes, boxes\), got ndarray"),
        ({}, r"dZ as a dict by output \(fine, classes, boxes\), got none"),
        ({"box": np.zeros((3, 1, 1, 2))}, r"dZ of its outputs \(fine, classes, boxes\), got 'box'"),
        ({"stem": np.zeros((3, 6, 6, 4))}, r"dZ of its outputs .* got 'stem'"),
        ({"boxes": np.zeros((3, 2))}, r"dZ \(N, 1, 1, 2\) of boxes.* got \(3, 2\)"),
        ({"boxes": np.zeros(())}, r".* of boxes.* got \(\)"),
        (
            {"boxes": np.zeros((3, 1, 1, 2)), "classes": np.zeros((2, 3, 3, 3))},
            r".* N the same .*\(2, 3, 3, 3\)",
        ),
    ],
)
def test_gradients_that_do_not_fit_are_refused(dZ, message):
    own = network()
    with pytest.raises(ShapeError, match="^Network: expected " + message):
        own.backward(dZ, own.forward(images())[1])


def test_a_dict_is_no_gradient_of_an_output_without_a_name():
    own = Network([Flatten(), Dense(3)], (2, 2, 1))
    with pytest.raises(ShapeError, match=r'Dense "dense1": expected dZ \(N, 3\), got dict'):
        own.backward({"dense1": np.zeros((1, 3))}, own.forward(np.zeros((1, 2, 2, 1)))[1])


# What is no network


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ("boxes", r"outputs as a tuple of layers' names, got 'boxes': write outputs=\(\"boxes\", "),
        (None, "outputs as a tuple of layers' names, got None"),
        ({"boxes": 1}, "outputs as a tuple of layers' names"),
        (7, "outputs as a tuple of layers' names, got 7"),
        (("fine", "box"), r"different names of layers in outputs \(stem, fine, .*\), got \('fine', 'box'\)"),
        (("fine", 1), "different names of layers in outputs"),
        (("fine", ["boxes"]), "different names of layers in outputs"),
        (("input", "boxes", "classes"), "different names of layers in outputs"),
        (("boxes", "classes", "boxes"), "different names of layers in outputs"),
        (
            ("boxes", "fine"),
            r"layers that lead to an output \(boxes, fine\), got classes, which feeds no layer: "
            "connect or remove them",
        ),
    ],
)
def test_invalid_outputs_are_refused(outputs, message):
    own = layers()
    with pytest.raises(ShapeError, match=f"^Network: expected {message}"):
        Network(own, (6, 6, 2), outputs=outputs)
    assert Network(own, (6, 6, 2), outputs=NAMES)  # the layers are free again


def test_the_error_for_several_unnamed_outputs_suggests_to_name_them():
    with pytest.raises(
        ShapeError, match=r"exactly one output layer, got classes, boxes.* name several in outputs="
    ):
        Network(layers(), (6, 6, 2))


# Classes, predictions, losses


def test_a_network_with_named_outputs_may_have_any_number_of_classes():
    own = network(classes=["cat", "dog"])
    assert own.classes == ["cat", "dog"]
    with pytest.raises(ShapeError, match="expected different class names, got 0 names"):
        own.classes = []
    with pytest.raises(ShapeError, match="one name for several"):
        own.classes = ["cat", "cat"]


def test_there_are_no_probabilities_of_several_outputs():
    with pytest.raises(
        ShapeError, match=r"outputs fine, classes, boxes: expected Z .*call run, which returns outputs of"
    ):
        network().predict(images())


def test_cross_entropy_refuses_several_outputs():
    with pytest.raises(ShapeError, match="cross-entropy: expected one output"):
        runner.plan(network(), 3, training=True, loss=CrossEntropy())
    named = Network([Flatten(), Dense(3)], (2, 2, 1), outputs=("dense1",))
    with pytest.raises(ShapeError, match="cross-entropy: expected one output"):
        runner.plan(named, 3, training=True)
    assert list(runner.plan(named, 3).predict(np.zeros((1, 2, 2, 1), np.uint8))) == ["dense1"]


def test_mean_squared_errors_of_several_outputs_are_added():
    Z = {"a": np.array([[1.0, 3.0]]), "b": np.array([[2.0]])}
    targets = {"a": np.array([[0.0, np.nan]]), "b": np.array([[0.0]])}
    loss, dZ = MeanSquaredError()(Z, targets)
    assert loss == 1 + 4
    assert np.array_equal(dZ["a"], [[2, 0]])
    assert np.array_equal(dZ["b"], [[4]])
    assert MeanSquaredError().counted(targets) == 1
    assert list(MeanSquaredError()(Z, {"b": targets["b"]})[1]) == ["b"]


class Sum(Loss):
    """Half the sum of squares over all outputs, by picture."""

    def __call__(self, Z, targets):
        loss = sum(float((part**2).sum()) for part in Z.values()) / 2 / len(targets)
        return loss, {name: part / len(targets) for name, part in Z.items()}


def test_a_network_of_two_heads_learns_layer_by_layer():
    own = network()
    plan, X = runner.plan(own, 4, training=True, loss=Sum()), images(4)
    losses = []
    for _ in range(20):
        losses.append(plan.loss_and_gradients(X, np.zeros(4))[0])
        own.flat -= 0.02 * plan.gradients
    assert losses[-1] < losses[0] / 2


# Files and copies


def test_a_model_file_keeps_outputs(tmp_path):
    own = network(classes=["cat", "dog"])
    own.save(tmp_path / "model.safetensors")
    again = fovea.load(tmp_path / "model.safetensors")
    assert own.architecture()["outputs"] == list(NAMES)
    assert (again.outputs, again.classes) == (NAMES, ["cat", "dog"])
    X = images()
    for name, Z in own.forward(X)[0].items():
        assert np.array_equal(again.forward(X)[0][name], Z)


def test_outputs_of_layers_without_names_of_their_own_come_back():
    own = Network([Conv2D(2, 3), ReLU(), Flatten(), Dense(3)], (5, 5, 1), outputs=("dense1", "relu1"))
    again = Network.from_architecture(json.loads(json.dumps(own.architecture())))
    assert again.outputs == ("dense1", "relu1")
    assert again.output_numbers == (3, 1)


@pytest.mark.parametrize(
    "make", [copy.deepcopy, lambda own: pickle.loads(pickle.dumps(own)), Network.constant]
)
def test_copies_keep_outputs(make):
    own = network(classes=["cat"])
    twin, X = make(own), images()
    assert (twin.outputs, twin.output_shape, twin.classes) == (NAMES, own.output_shape, ["cat"])
    for name, Z in own.forward(X)[0].items():
        assert np.array_equal(twin.forward(X)[0][name], Z)


@pytest.mark.parametrize(
    "outputs", [None, "boxes", 3, {"boxes": 1}, ["box"], [["boxes"]], ["boxes", "boxes"], ["boxes"], [1e400]]
)
def test_files_with_other_outputs_are_refused(outputs, tmp_path, monkeypatch):
    own = network()
    described = {**own.architecture(), "outputs": outputs}
    monkeypatch.setattr(own, "architecture", lambda: described)
    path = tmp_path / "model.safetensors"
    if outputs == [1e400]:
        with pytest.raises(FoveaError):
            own.save(path)
        return
    own.save(path)
    with pytest.raises(DataError, match=r"outputs|lead to an output"):
        fovea.load(path)


# Faces


def test_the_summary_names_the_outputs():
    text = network().summary()
    assert text.endswith("\noutputs: fine 6×6×4, classes 3×3×3, boxes 1×1×2")
    assert "outputs" not in Network([Flatten(), Dense(3)], (2, 2, 1)).summary()


def test_a_trace_goes_back_from_each_output():
    own, X = network(), images(1).astype(np.float32)
    dZ = {name: part[0].astype(np.float32) for name, part in upstream(own, 1).items()}
    t = fovea.trace(own, X[0], dZ=dZ)
    gradients = own.backward({name: part[None] for name, part in dZ.items()}, own.forward(X)[1])[1]
    assert all(np.allclose(t.gradients[name], gradients[name], atol=1e-6) for name in gradients)
    assert (t.probabilities, t.layers) == (None, ["stem", "fine", "down", "classes", "boxes"])
    with pytest.raises(ShapeError, match=r"a network of classes for a label.* pass dZ instead"):
        fovea.trace(own, X[0], label=0)
    with pytest.raises(ShapeError, match=r"trace: expected dZ of its outputs .* got 'box'"):
        fovea.trace(own, X[0], dZ={"box": dZ["boxes"]})
    with pytest.raises(ShapeError, match="trace: expected dZ as a dict by output"):
        fovea.trace(own, X[0], dZ=dZ["boxes"])


def test_what_needs_classes_says_so():
    own, X = network(), images(1)[0].astype(np.float32)
    for see in (fovea.seeing.grad_cam, fovea.seeing.saliency, fovea.seeing.occlusion):
        with pytest.raises(ShapeError, match=r"Z \((N, )?classes"):
            see(own, X)
    assert fovea.seeing.effective_field(own, X, "boxes").shape == (6, 6)
    assert fovea.seeing.effective_field(own, X, "fine").shape == (6, 6)
    with pytest.raises(ShapeError, match="a last layer with one output per class"):
        fovea.models.adapted(own, ["a", "b"])


def test_batch_normalisation_learns_behind_an_output():
    own = Network(
        {"conv": Conv2D(2, 1), "norm": BatchNorm(), "sum": (Add(), "norm", "conv")},
        (3, 3, 1),
        outputs=("conv", "sum"),
    )
    plan = runner.plan(own, 4, training=True, loss=Sum())
    plan.loss_and_gradients(np.random.default_rng(0).normal(size=(4, 3, 3, 1)), np.zeros(4))
    assert own.statistics["norm.mean"].any()
