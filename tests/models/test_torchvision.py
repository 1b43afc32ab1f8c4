"""Weights in torchvision's names come in and go out; those that do not fit are named."""

import copy
import re

import numpy as np
import pytest
import safetensors.numpy
from numpy.testing import assert_allclose

import fovea
from fovea import engine, models
from fovea.errors import DataError, FoveaError, ShapeError
from fovea.models import adapted, torchvision, vgg
from fovea.network import runner

torch = pytest.importorskip("torch", reason="PyTorch is an extra: peers")
from safetensors.torch import load_file, save_file  # noqa: E402
from torch import nn  # noqa: E402

from tests.models import torch_models  # noqa: E402

ENGINES = ("reference", "halide") if engine.available() else ("reference",)
SIZES = {"vgg11": 224, "vgg11_bn": 224, "efficientnet_lite0": 75}  # all others are given pictures of 64×64


@pytest.fixture(autouse=True)
def with_few_filters(monkeypatch):
    monkeypatch.setattr(vgg, "STAGES", {**vgg.STAGES, "vgg11": torch_models.NARROW})
    monkeypatch.setattr(vgg, "UNITS", torch_models.UNITS)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of each model's weights, made when it is wanted."""
    folder, made = tmp_path_factory.mktemp("torch"), {}

    def file(name):
        if name not in made:
            made[name] = torch_models.made(name)
            save_file(made[name].state_dict(), folder / f"{name}.safetensors")
        return made[name], folder / f"{name}.safetensors"

    return file


def there(X):
    return torch.from_numpy(np.ascontiguousarray(X.transpose(0, 3, 1, 2)))


@pytest.mark.parametrize("name", torch_models.MODELS)
def test_a_model_answers_as_in_pytorch_and_has_its_gradients(name, files):
    model, file = files(name)
    side = SIZES.get(name, 64)
    network = fovea.load(file, input_shape=(side, side, 3))
    X = np.random.default_rng(0).standard_normal((2, side, side, 3))
    model.double()
    x = there(X).requires_grad_()
    z = model(x)
    dZ = np.random.default_rng(1).standard_normal((2, 10))
    model.zero_grad()
    z.backward(torch.from_numpy(dZ))
    with fovea.engine("reference"):
        Z, caches = network.forward(X)
        dX, gradients = network.backward(dZ, caches)
    assert_allclose(Z, z.detach().numpy(), rtol=0, atol=1e-9 * np.abs(Z).max())
    expected = x.grad.numpy().transpose(0, 2, 3, 1)
    assert_allclose(dX, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
    # Gradients have the shape of the weights, and their way into our layouts is the weights' own.
    names = torchvision.names_of(models.MODELS[name])
    theirs = {key: p.grad.numpy() for key, p in model.named_parameters()}
    largest = max(np.abs(g).max() for g in theirs.values())
    twin = torchvision.read(
        "gradients", statistics_too(theirs, model), models.MODELS[name], network.input_shape
    )
    for key, gradient in gradients.items():
        assert_allclose(gradient, twin.parameters[key], rtol=0, atol=1e-6 * largest, err_msg=names[key])
    model.float()


def statistics_too(gradients, model):
    """The gradients, and what else is in a file, as float32."""
    buffers = {name: buffer.numpy() for name, buffer in model.named_buffers()}
    return {n: a.astype(np.float32) for n, a in (buffers | gradients).items() if a.dtype.kind == "f"}


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "mobilenet_v2", "efficientnet_lite0"])
def test_kernels_answer_as_pytorch(name, files):
    if "halide" not in ENGINES:
        pytest.skip("Halide has no wheel here")
    model, file = files(name)
    network = fovea.load(file, input_shape=(64, 64, 3))
    X = np.random.default_rng(0).standard_normal((2, 64, 64, 3)).astype(np.float32)
    with torch.no_grad():
        expected = torch.softmax(model(there(X)), 1).numpy()
    assert_allclose(network.predict(X), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ENGINES)
def test_a_step_of_training_has_pytorchs_gradients_and_statistics(name, files):
    model, file = files("resnet18")
    model = copy.deepcopy(model).train()
    X = np.random.default_rng(0).standard_normal((8, 64, 64, 3)).astype(np.float32)
    labels = np.arange(8) % 10
    loss = nn.functional.cross_entropy(model(there(X)), torch.from_numpy(labels))
    loss.backward()
    with fovea.engine(name):
        network = fovea.load(file, input_shape=(64, 64, 3))
        network.precision = "exact"
        plan = runner.plan(network, 8, training=True)
        got, _ = plan.loss_and_gradients(X, labels)
    assert got == pytest.approx(loss.item(), rel=1e-4)
    theirs = {key: p.grad.numpy() for key, p in model.named_parameters()}
    resnet = models.MODELS["resnet18"]
    twin = torchvision.read("twin", statistics_too(theirs, model), resnet, network.input_shape)
    for key, (start, shape) in network.layout.items():
        gradient = plan.gradients[start : start + int(np.prod(shape))].reshape(shape)
        # Some of a million ReLUs and maxima turn out otherwise by rounding, and turn gradients on or off.
        expected = twin.parameters[key]
        assert np.linalg.norm(gradient - expected) <= 1e-2 * np.linalg.norm(expected) + 1e-5, key
    for key, learned in network.statistics.items():
        assert_allclose(learned, twin.statistics[key], rtol=1e-3, atol=1e-4, err_msg=key)


@pytest.mark.parametrize("name", torch_models.MODELS)
def test_what_goes_out_is_what_came_in(name, files, tmp_path):
    model, file = files(name)
    network = fovea.load(file)
    assert network.input_shape == (224, 224, 3)
    assert network.preprocessing == models.MODELS[name].preprocessing
    models.save_torch(network, tmp_path / "again.safetensors")
    again = load_file(tmp_path / "again.safetensors")
    own = {key: tensor for key, tensor in model.state_dict().items() if not key.endswith("_tracked")}
    assert set(again) == set(own)
    assert all(torch.equal(again[key], own[key]) for key in own)
    model.load_state_dict(again)  # which asks for every tensor


def test_a_model_trained_here_goes_out_too(tmp_path):
    network = models.resnet18((32, 32, 3), ["cat", "dog"], seed=3)
    network.save(tmp_path / "ours.safetensors")
    models.save_torch(fovea.load(tmp_path / "ours.safetensors"), tmp_path / "theirs.safetensors")
    again = fovea.load(tmp_path / "theirs.safetensors", input_shape=(32, 32, 3))
    assert np.array_equal(again.memory, network.memory)
    model = torch_models.made("resnet18", 2)
    model.load_state_dict(load_file(tmp_path / "theirs.safetensors"))


def test_weights_of_half_precision_and_of_double_come_in(files, tmp_path):
    _, file = files("squeezenet1_1")
    tensors = safetensors.numpy.load_file(file)
    for kind, bound in ((np.float16, 1e-3), (np.float64, 0)):
        safetensors.numpy.save_file({k: t.astype(kind) for k, t in tensors.items()}, tmp_path / "file")
        got, expected = fovea.load(tmp_path / "file").flat, fovea.load(file).flat
        assert_allclose(got, expected, rtol=bound, atol=bound)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])
@pytest.mark.parametrize("name", ["weights.pth", "weights.pt", "weights", "weights.safetensors"])
def test_a_file_of_pytorch_is_read_by_its_content(name, zipped, files, tmp_path):
    model, file = files("squeezenet1_1")
    torch.save(model.state_dict(), tmp_path / name, _use_new_zipfile_serialization=zipped)
    got, expected = fovea.load(tmp_path / name), fovea.load(file)
    assert got.layout == expected.layout
    assert np.array_equal(got.flat, expected.flat)
    assert got.preprocessing == expected.preprocessing


def test_a_file_of_pytorch_in_half_precision_and_in_parallel(files, tmp_path):
    model, file = files("squeezenet1_1")
    tensors = {f"module.{name}": tensor.half() for name, tensor in model.state_dict().items()}
    torch.save({"epoch": 1, "state_dict": tensors}, tmp_path / "a.pth")
    assert_allclose(fovea.load(tmp_path / "a.pth").flat, fovea.load(file).flat, rtol=1e-3, atol=1e-3)


def test_a_file_of_pytorch_for_another_architecture(files, tmp_path):
    model, _ = files("squeezenet1_1")
    torch.save(model.state_dict(), tmp_path / "a.pth")
    with pytest.raises(
        DataError, match=r"a\.pth: expected weights of resnet18, got weights of squeezenet1_1"
    ):
        fovea.load(tmp_path / "a.pth", model="resnet18")
    torch.save({"a": torch.zeros(3)}, tmp_path / "a.pth")
    with pytest.raises(
        DataError, match=r"a\.pth: expected a model file of Fovea .*, got 1 tensor of neither"
    ):
        fovea.load(tmp_path / "a.pth")


def test_commands_take_a_file_of_pytorch(call, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOVEA_ENGINE", "reference")  # no kernels are compiled for 224×224 pixels
    model, _ = files("squeezenet1_1")
    torch.save(model.state_dict(), "net.pth")
    fovea.images.write("a.png", np.zeros((40, 40, 3), np.uint8))
    code, out, err = call("predict", "net.pth", "a.png")
    assert (code, err) == (0, "")
    assert "a.png" in out
    assert call("summary", "net.pth")[0] == 0
    torch.save(model, "whole.pth")
    code, _, err = call("predict", "whole.pth", "a.png")
    assert code == 1
    assert re.search(r"got a file that asks for .*SqueezeNet: nothing of it was run", err)
    assert err.count("\n") == 1


# What does not fit


@pytest.fixture
def tensors(files):
    return safetensors.numpy.load_file(files("resnet18")[1])


def refused(tmp_path, tensors, sentence, **how):
    safetensors.numpy.save_file(tensors, tmp_path / "bad.safetensors")
    with pytest.raises(FoveaError, match=sentence) as caught:
        fovea.load(tmp_path / "bad.safetensors", **how)
    return str(caught.value)


def test_every_tensor_that_does_not_fit_is_named(tensors, tmp_path):
    del tensors["layer1.0.bn1.running_mean"], tensors["conv1.weight"]
    tensors["layer9.conv1.weight"] = tensors["layer2.0.conv1.weight"]
    tensors["layer2.0.conv1.weight"] = np.zeros((128, 64, 3, 4), np.float32)
    tensors["fc.bias"] = np.zeros(10, np.int32)
    tensors["layer4.1.bn2.weight"][3] = np.nan
    text = refused(tmp_path, tensors, r"expected the tensors of torchvision's resnet18", model="resnet18")
    for fault in (
        "no layer1.0.bn1.running_mean",
        "no conv1.weight",
        "layer9.conv1.weight as well",
        r"layer2.0.conv1.weight float32 (128, 64, 3, 4) for (128, 64, 3, 3)",
        "fc.bias int32 (10,) for (10,)",
        "layer4.1.bn2.weight with NaN or infinity",
    ):
        assert fault in text
    assert "bad.safetensors" in text


def test_which_model_it_is_follows_from_the_names_alone(tensors, tmp_path):
    assert fovea.load(saved(tmp_path, tensors)).output_shape == (10,)
    del tensors["fc.bias"]
    refused(tmp_path, tensors, r"weights of torchvision's resnet18, .*, got 121 tensors of neither: name the")


def saved(tmp_path, tensors):
    safetensors.numpy.save_file(tensors, tmp_path / "good.safetensors")
    return tmp_path / "good.safetensors"


@pytest.mark.parametrize("name", ["lenet5", "resnet20", "alexnet"])
def test_a_model_that_torchvision_does_not_have_is_refused(name, tensors, tmp_path):
    refused(
        tmp_path, tensors, rf"^model: expected one that torchvision also has .*, got '{name}'", model=name
    )
    network = models.lenet5()
    with pytest.raises(DataError, match=r"^export --format torch: expected a network that torch"):
        models.save_torch(network, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_dense_weights_fit_one_size_of_picture(tmp_path):
    vgg = models.vgg11((32, 32, 3), 2, seed=None)
    models.save_torch(vgg, tmp_path / "vgg.safetensors")
    with pytest.raises(DataError, match=re.escape("classifier.0.weight float32 (24, 10) for (24, 490)")):
        fovea.load(tmp_path / "vgg.safetensors")
    again = fovea.load(tmp_path / "vgg.safetensors", input_shape=(32, 32, 3))
    assert again.layout == vgg.layout


def test_a_model_file_of_ours_says_itself_what_it_is(tmp_path):
    models.lenet5().save(tmp_path / "ours")
    with pytest.raises(
        DataError, match="a model file of Fovea, which has its own architecture: leave out the model"
    ):
        fovea.load(tmp_path / "ours", model="resnet18")


# Other classes


def test_for_other_classes_all_but_the_last_layer_stays(files):
    network = fovea.load(files("resnet18")[1], input_shape=(32, 32, 3))
    pets = adapted(network, ["cat", "dog", "hamster"], seed=1)
    assert pets.classes == ["cat", "dog", "hamster"]
    assert pets.preprocessing == network.preprocessing
    for name in (*network.parameters, *network.statistics):
        if not name.startswith("dense1."):
            views = {**pets.parameters, **pets.statistics}, {**network.parameters, **network.statistics}
            assert np.array_equal(views[0][name], views[1][name])
    assert pets.parameters["dense1.W"].shape == (512, 3)
    assert pets.parameters["dense1.W"].any()
    assert np.array_equal(pets.flat, adapted(network, ["a", "b", "c"], seed=1).flat)
    assert not np.array_equal(pets.flat, adapted(network, ["a", "b", "c"], seed=2).flat)


def test_a_convolution_can_be_the_last_layer(files):
    network = fovea.load(files("squeezenet1_1")[1])
    pets = adapted(network, ["cat", "dog"])
    assert pets.parameters["conv10.W"].shape == (1, 1, 512, 2)
    assert pets.output_shape == (2,)


def test_a_network_whose_end_gives_no_classes_cannot_get_others():
    network = fovea.Network([fovea.layers.Dense(3), fovea.layers.BatchNorm()], (4,))
    with pytest.raises(ShapeError, match=r"^Network: expected a last layer with one output per class"):
        adapted(network, ["a", "b"])
