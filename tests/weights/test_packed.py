"""The weights in the package: their form, their size, and what the form costs."""

import os
import sys
import tarfile
import time
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fovea
from fovea import images, models, weights
from fovea.errors import DataError, FoveaError, ShapeError
from fovea.files import jsons
from fovea.files.tensors import read_tensors
from fovea.models import torchvision

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import pack_weights  # noqa: E402

DATA = os.environ.get("FOVEA_DATA")
SOURCES = Path(DATA or ".").parent / "weights"
needs_data = pytest.mark.skipif(DATA is None, reason="FOVEA_DATA names the folder of data sets")

MOST = {
    "efficientnet_lite0": 5.5e6, "squeezenet1_1": 1.6e6, "vgg19": 13e6, "multistyle26": 0.3e6,
    "arbitrary": 2.8e6,
}  # bytes  # fmt: skip


def test_every_file_is_small_and_the_whole_package_as_it_is_fetched_below_25_mb():
    assert {
        name: weights.path_of(name).stat().st_size <= most for name, most in MOST.items()
    } == dict.fromkeys(weights.packaged(), True)
    package = Path(fovea.__file__).parent
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(len(zlib.compress(path.read_bytes())) for path in files) < 25e6  # as in a wheel


@pytest.mark.parametrize("name", MOST)
def test_every_file_names_its_authors_source_licence_and_changes(name):
    metadata, _ = weights.load(name)
    assert all(metadata[key] for key in ("authors", "source", "licence", "changes"))
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert all(metadata[key] in notice for key in ("authors", "source", "licence"))


@pytest.mark.alone
@pytest.mark.parametrize("name", MOST)
def test_weights_load_in_a_fifth_of_a_second(name):
    def seconds():
        start = time.perf_counter()
        weights.load(name)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(3)) < 0.2


@pytest.mark.parametrize(("shape", "name"), [((3, 3, 40, 300), "W"), ((500, 200), "W")])
def test_codes_stand_for_the_nearest_of_256_numbers_of_each_channel(shape, name):
    W = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    W *= np.logspace(-2, 2, shape[-1], dtype=np.float32)
    stored = {name + part: array for part, array in pack_weights.codes_of(W).items()}
    assert stored["W.codes"].dtype == np.uint8
    got = weights.unpacked(stored, "test")["W"]
    error = np.sqrt(((got - W) ** 2).mean(tuple(range(W.ndim - 1))))
    assert (error < 0.02 * np.sqrt((W**2).mean(tuple(range(W.ndim - 1))))).all()
    quotients = W / stored["W.scale"]
    nearest = np.abs(quotients.reshape(-1, 1)[:999] - stored["W.table"]).min(1)
    assert_allclose(np.abs(quotients - got / stored["W.scale"]).reshape(-1)[:999], nearest, atol=1e-5)


def test_a_channel_of_zeros_stays_zero():
    W = np.random.default_rng(0).standard_normal((400, 200)).astype(np.float32)
    W[:, 7] = 0
    stored = {"W" + part: array for part, array in pack_weights.codes_of(W).items()}
    assert np.abs(weights.unpacked(stored, "test")["W"][:, 7]).max() < 0.05
    assert np.isfinite(weights.unpacked(stored, "test")["W"]).all()


def test_codes_without_a_table_are_an_error():
    with pytest.raises(DataError, match=r"^file: W\.table: expected 256 numbers, got None"):
        weights.unpacked({"W.codes": np.zeros(3, np.uint8)}, "file")


@needs_data
@pytest.mark.parametrize("name", MOST)
def test_the_sources_give_the_same_bytes(name, tmp_path):
    assert pack_weights.pack(name, SOURCES, tmp_path).read_bytes() == weights.path_of(name).read_bytes()


@needs_data
def test_vgg19_loses_nothing_but_digits_of_its_biases():
    _, tensors = read_tensors(SOURCES / "vgg19_palette8.safetensors")
    network = models.build("vgg19")
    for name, module in models.vgg19.torch.items():
        W = tensors[f"{module}.table"][tensors[f"{module}.codes"]].transpose(2, 3, 1, 0)
        assert_array_equal(network.parameters[f"{name}.W"], W[:, :, ::-1] if name == "conv1_1" else W)
        assert_allclose(network.parameters[f"{name}.b"], tensors[f"{module}.bias"], rtol=1e-3, atol=1e-4)


def ants_and_bees():
    """Pictures uint8 (n, 224, 224, 3), every fourth of all, and their classes in ImageNet."""
    pictures, classes = [], []
    with tarfile.open(Path(DATA or "") / "ants-bees.tar.gz") as archive:
        files = sorted(m.name for m in archive.getmembers() if m.name.endswith(".jpg"))
        for file in files[::4]:
            content = archive.extractfile(file)
            assert content is not None
            pictures.append(images.read(BytesIO(content.read()), 224, 3, 0.875))
            classes.append(309 if "/bees/" in file else 310)
    return np.stack(pictures), np.array(classes)


@needs_data
@pytest.mark.parametrize(("name", "most"), [("efficientnet_lite0", 0.04), ("squeezenet1_1", 0.015)])
def test_the_small_form_costs_no_accuracy(name, most):
    pictures, classes = ants_and_bees()
    network = models.build(name)
    _, tensors = read_tensors(SOURCES / f"{name}.safetensors")
    source = torchvision.read(name, tensors, models.MODELS[name])
    Z, expected = network.run(pictures, 25), source.run(pictures, 25)
    assert np.sqrt(((Z - expected) ** 2).mean()) < most * expected.std()

    def accuracy(Z):
        return (np.where(Z[:, 309] > Z[:, 310], 309, 310) == classes).mean()

    assert abs(accuracy(Z) - accuracy(expected)) <= 0.003
    assert accuracy(Z) > 0.9


def test_a_network_comes_with_its_weights_by_default():
    network = models.build("efficientnet_lite0")
    assert network.classes is not None
    assert (network.classes[309], network.classes[310]) == ("bee", "ant")
    assert len(set(network.classes)) == 1000
    assert network.preprocessing == models.efficientnet_lite0.preprocessing
    assert models.build("vgg19").output_shape == (14, 14, 512)


def test_for_other_classes_the_last_layer_is_drawn_from_the_seed():
    trained = models.build("squeezenet1_1")
    one, two = (models.build("squeezenet1_1", classes=["cat", "dog"], seed=seed) for seed in (1, 2))
    assert one.classes == ["cat", "dog"]
    for name, array in one.parameters.items():
        same = np.array_equal(array, two.parameters[name])
        assert same == (name != "conv10.W")
        assert name.startswith("conv10.") or np.array_equal(array, trained.parameters[name])
    untrained = models.build("squeezenet1_1", classes=2, seed=1, weights=None)
    assert_array_equal(one.parameters["conv10.W"], untrained.parameters["conv10.W"])


def test_weights_fit_pictures_of_any_size_and_only_those_in_colour():
    assert models.build("efficientnet_lite0", (97, 130, 3)).input_shape == (97, 130, 3)
    with pytest.raises(
        ShapeError, match=r"^the weights of efficientnet_lite0: stem_conv\.W: expected \(3, 3, 1, 32"
    ):
        models.build("efficientnet_lite0", (224, 224, 1))


def test_weights_of_a_file_and_none(tmp_path):
    network = models.build("lenet5", (28, 28, 1), ["a", "b"], seed=5)
    network.save(tmp_path / "a.safetensors")
    again = models.build("lenet5", weights=tmp_path / "a.safetensors")
    assert again.classes == ["a", "b"]
    assert_array_equal(again.memory, network.memory)
    assert not np.array_equal(models.build("lenet5", weights=None).flat, network.flat)
    with pytest.raises(
        ShapeError, match=r"a\.safetensors: conv1\.W: expected \(3, 3, 3, 10\), got \(5, 5, 1, 6\)"
    ):
        models.build("course39", weights=tmp_path / "a.safetensors")
    with pytest.raises(FoveaError, match="there is no such file"):
        models.build("lenet5", weights=tmp_path / "b.safetensors")


def test_the_metadata_are_those_of_a_model_file():
    metadata, _ = weights.load("efficientnet_lite0")
    assert jsons.loads(metadata["classes"], "classes")[0] == "tench"
