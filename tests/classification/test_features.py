"""Features are a network's own numbers below its last layer; and the cache never changes them."""

import errno
import os

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from fovea import data, engine
from fovea.classification import features as module
from fovea.classification.features import body_of, features
from fovea.data import Dataset
from fovea.errors import DataError, ShapeError
from fovea.files import caching
from fovea.layers import Conv2D, Dense, Dropout, Flatten, GlobalAveragePool2D, ReLU
from fovea.network import Network
from tests import tiny


@pytest.fixture(autouse=True)
def reference(monkeypatch, tmp_path):
    """The reference engine, and an empty cache."""
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(caching, "_failed", set())
    monkeypatch.setattr(caching, "_reported", set())
    monkeypatch.setattr(caching.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()


def computed(body, dataset, **how):
    return features(body, dataset, 5, **how)


def never(*_):
    raise AssertionError("features are computed again")


def test_features_are_what_the_last_layer_reads():
    network, dataset = tiny.network(), tiny.splits().train
    found = computed(body_of(network), dataset, mirrored=True)
    pictures, _ = dataset.read(slice(None))
    weights = network.layers[-1].parameters
    Z = found.pictures @ weights["W"] + weights["b"]
    assert_allclose(Z, network.run(pictures), atol=1e-4)
    Z = found.mirrored @ weights["W"] + weights["b"]
    assert_allclose(Z, network.run(np.ascontiguousarray(pictures[:, :, ::-1])), atol=1e-4)
    assert_array_equal(found.labels, dataset.labels)
    F, labels = found.both()
    assert_array_equal(F, np.concatenate([found.pictures, found.mirrored]))
    assert_array_equal(labels, np.tile(dataset.labels, 2))


def test_only_a_network_that_ends_in_dense_has_a_body():
    ends = Network([Conv2D(3, 8), Flatten()], (8, 8, 1), 0)
    with pytest.raises(ShapeError, match="features: expected a network that ends in Dense, got Flatten"):
        body_of(ends)


def test_they_are_computed_once(monkeypatch):
    body, dataset = body_of(tiny.network()), tiny.splits().train
    first = computed(body, dataset, mirrored=True)
    monkeypatch.setattr(module, "_compute", never)
    again = computed(body, dataset, mirrored=True)
    assert_array_equal(again.pictures, first.pictures)
    assert_array_equal(again.mirrored, first.mirrored)
    assert_array_equal(again.labels, first.labels)


def other_weights(network, dataset):
    network.parameters["conv1.W"][0, 0, 0, 0] += 1
    return network, dataset


def other_preprocessing(network, dataset):
    network.preprocessing = type(network.preprocessing)((0.5,), (0.25,))
    return network, dataset


def other_pictures(network, dataset):
    pictures, labels = tiny.pictures(42, seed=9)
    return network, Dataset(pictures, labels, tiny.CLASSES)


def other_labels(network, dataset):
    pictures, labels = tiny.pictures(42)
    return network, Dataset(pictures, labels[::-1], tiny.CLASSES)


@pytest.mark.parametrize("change", [other_weights, other_preprocessing, other_pictures, other_labels])
def test_stale_features_are_not_used(change):
    network, dataset = tiny.network(), tiny.splits().train
    computed(body_of(network), dataset)
    network, dataset = change(network, dataset)
    found = computed(body_of(network), dataset)
    with engine.use("reference"):
        F, _ = body_of(network).forward(network.preprocessing.apply(dataset.read(slice(None))[0]))
    assert_allclose(found.pictures, F, atol=1e-5)
    assert_array_equal(found.labels, dataset.labels)
    assert len(list((caching.root() / "features").iterdir())) == 2


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-7], lambda b: b[:-4] + b"abcd", lambda b: b"", lambda b: b"no"]
)
def test_damaged_features_are_computed_again(damage):
    body, dataset = body_of(tiny.network()), tiny.splits().train
    first = computed(body, dataset)
    (file,) = (caching.root() / "features").iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert_array_equal(computed(body, dataset).pictures, first.pictures)
    assert file.read_bytes() == whole


def test_a_cache_that_cannot_be_written_costs_nothing_but_a_line(monkeypatch, tmp_path, caplog):
    (tmp_path / "cache").write_text("a file")
    body, dataset = body_of(tiny.network()), tiny.splits().train
    first = computed(body, dataset)
    assert "serves for now" in caplog.text
    monkeypatch.setattr(module, "_compute", never)
    assert_array_equal(computed(body, dataset).pictures, first.pictures)


def test_a_disk_that_fills_loses_only_the_cache(monkeypatch, caplog):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("fovea.files.tensors.write_whole", full)
    body, dataset = body_of(tiny.network()), tiny.splits().train
    found = computed(body, dataset)
    assert np.isfinite(found.pictures).all()
    assert "no features are kept" in caplog.text
    assert not [path for path in caching.root().rglob("*") if path.is_file()]


def test_pictures_that_cannot_be_read_count_for_nothing_also_from_the_cache(tmp_path):
    photos = tiny.write_folder(tmp_path / "photos")
    (photos / "left/001.png").write_bytes(b"no picture")
    body = body_of(tiny.network())
    for _ in range(2):
        dataset = data.load(photos, seed=0).train
        bad = dataset.files.index(str(photos / "left/001.png"))
        found = computed(body, dataset)
        assert list(np.flatnonzero(found.labels < 0)) == [bad]
        assert list(dataset.bad) == [bad]
        F, labels = found.readable()
        assert len(F) == len(labels) == len(dataset) - 1


def test_grey_and_16_bit_pictures_have_features_like_others(tmp_path):
    rng = np.random.default_rng(0)
    for name, mode in (("grey", "L"), ("deep", "I;16"), ("colour", "RGB"), ("clear", "RGBA")):
        for number in range(3):
            (tmp_path / "photos" / name).mkdir(parents=True, exist_ok=True)
            side = 65_536 if mode == "I;16" else 256
            shape = (12, 12, len(mode)) if mode.startswith("RGB") else (12, 12)
            pixels = rng.integers(0, side, shape).astype(np.uint16 if mode == "I;16" else np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    dataset = data.load(tmp_path / "photos", size=8, channels=3).train
    network = Network([Conv2D(4, 3), ReLU(), GlobalAveragePool2D(), Dropout(0.2), Dense(4)], (8, 8, 3), 0)
    found = computed(body_of(network), dataset)
    assert (found.labels >= 0).all()
    assert np.isfinite(found.pictures).all()
    assert (found.pictures.std(axis=0) > 0).any()


def test_features_that_are_not_finite_name_their_layer():
    network = tiny.network()
    network.parameters["conv1.W"][...] = np.inf
    with (
        pytest.raises(DataError, match=r'tiny/0\[0\]: Conv2D "conv1": expected finite numbers'),
        np.errstate(all="ignore"),
    ):
        computed(body_of(network), tiny.splits().train)
