from pathlib import Path

import numpy as np
import pytest

from fovea import models
from fovea.errors import FoveaError, ShapeError
from fovea.models import DESCRIBED, MODELS, course39, lenet5

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


DETECTORS = [model.name for model in DESCRIBED if model.ends]
# The many weights of VGG-16 take seconds to draw.
QUICK = [name for name in MODELS if name not in DETECTORS and not name.startswith("vgg16")]


@pytest.mark.parametrize("name", QUICK)
def test_every_model_runs_forward_and_back(name):
    network = models.build(name, (39, 39, 3) if name == "course39" else (32, 32, 3), 10, seed=3, weights=None)
    X = np.random.default_rng(0).random((2, *network.input_shape), np.float32)
    logits, caches = network.forward(X)
    dX, gradients = network.backward(logits, caches)
    assert logits.shape == (2, 10)
    assert dX.shape == X.shape
    assert np.isfinite(logits).all()
    assert all(gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize("name", QUICK)
def test_every_model_takes_a_shape_classes_and_a_seed(name):
    network = models.build(name, (40, 44, 1), ["cat", "dog"], seed=3, weights=None)
    assert network.input_shape == (40, 44, 1)
    assert network.output_shape == (2,)
    assert network.classes == ["cat", "dog"]
    assert np.array_equal(network.flat, models.build(name, (40, 44, 1), 2, seed=3, weights=None).flat)
    assert not np.array_equal(network.flat, models.build(name, (40, 44, 1), 2, seed=4, weights=None).flat)


def test_lenet5_is_the_papers_but_for_its_activations():
    assert lenet5().shapes == [
        *[(28, 28, 6), (28, 28, 6), (14, 14, 6)],
        *[(10, 10, 16), (10, 10, 16), (5, 5, 16)],
        *[(400,), (120,), (120,), (84,), (84,), (10,)],
    ]
    assert sum(p.size for p in lenet5().parameters.values()) == 61_706


@pytest.mark.parametrize(
    ("name", "count"),
    [
        # He et al. 2015, table 6: 0.27M, 0.46M and 0.85M, here counted in full from its section 4.2:
        # weights 432 + Σ stages, gamma and beta of each convolution, and 64·10 + 10 at the end.
        ("resnet20", 269_722),
        ("resnet32", 464_154),
        ("resnet56", 853_018),
        # num_params of the weights in torchvision's documentation, https://pytorch.org/vision/stable/models
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50", 25_557_032),
        ("vgg11", 132_863_336),
        ("vgg11_bn", 132_868_840),
        ("vgg16", 138_357_544),
        ("vgg16_bn", 138_365_992),
        ("squeezenet1_1", 1_235_496),
        ("mobilenet_v2", 3_504_872),
        ("efficientnet_lite0", 4_652_008),  # the source of its weights
    ],
)
def test_a_model_has_exactly_as_many_parameters_as_published(name, count):
    network = models.build(name, seed=None)
    assert sum(p.size for p in network.parameters.values()) == count


def test_the_documentation_has_every_model_with_its_numbers():
    table = {}
    for line in (ROOT / "docs" / "models.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip(" `") for cell in line.split("|")[1:-1]]
        if cells and cells[0] in MODELS and "×" in cells[1]:
            table[cells[0]] = cells[1:4]
    for name in MODELS:
        network = models.build(name, seed=None)
        shape, count = (
            "×".join(map(str, network.input_shape)),
            sum(p.size for p in network.parameters.values()),
        )
        classes = str(network.output_shape[0]) if network.ends_in_classes else "–"
        if name in DETECTORS:
            classes = str(network.output_shape["classes"][-1])
        assert table[name] == [shape, classes, f"{count:,}"], name


@pytest.mark.parametrize(("name", "layers"), [("resnet20", 20), ("resnet32", 32), ("resnet56", 56)])
def test_a_residual_network_for_32_by_32_is_named_by_its_weighted_layers(name, layers):
    network = models.build(name, seed=None)
    assert sum("W" in layer.parameters for layer in network.layers) == layers
    assert sum(layer.kind == "shortcut" for layer in network.layers) == 2  # where the other stages begin
    assert {shape[:2] for shape in network.shapes if len(shape) == 3} == {(32, 32), (16, 16), (8, 8)}


def test_the_sides_of_a_picture_of_224_go_as_in_the_papers():
    sides = [112, 56, 28, 14, 7]
    for name in ("resnet18", "resnet50", "vgg11"):
        shapes = models.build(name, seed=None).shapes
        assert sorted({shape[0] for shape in shapes if len(shape) == 3} - {224}, reverse=True) == sides
    assert models.build("resnet50", seed=None).shapes[-2] == (2048,)


def test_a_bottleneck_strides_in_its_3_by_3_convolution():
    layers = {layer.name: layer for layer in models.resnet50(seed=None).layers}
    strides = [layers[f"stage2_block1_conv{number}"].stride for number in (1, 2, 3)]
    assert strides == [(1, 1), (2, 2), (1, 1)]


def test_vgg_looks_at_7_by_7_of_larger_pictures_too_and_at_all_of_others():
    def looks_at(*shape):
        network = models.vgg11(shape, 10, seed=None)
        return next(s for s in network.shapes if len(s) == 1)[0]

    assert looks_at(224, 224, 3) == looks_at(448, 224, 1) == 7 * 7 * 512
    assert looks_at(32, 32, 3) == 512
    with pytest.raises(ShapeError, match=r'^MaxPool2D "pool5": expected an input of at least 2×2'):
        models.vgg11((31, 31, 3))


def test_lenet5_takes_pictures_in_colour_and_other_sizes():
    assert lenet5((32, 32, 3)).shapes[5:7] == [(6, 6, 16), (576,)]
    assert lenet5((12, 12, 1)).shapes[5] == (1, 1, 16)
    with pytest.raises(ShapeError, match=r'^MaxPool2D "pool2": expected an input of at least 2×2'):
        lenet5((11, 11, 1))


def test_the_notes_network_has_the_notes_shapes():
    assert [s for s in course39().shapes if len(s) == 3][::2] == [(37, 37, 10), (17, 17, 20), (7, 7, 40)]
    assert course39().shapes[-2:] == [(1960,), (10,)]


def test_an_unknown_model_is_refused_with_those_there_are():
    with pytest.raises(
        FoveaError, match=r"^model: expected one of lenet5, course39, .*resnet18.*, got 'lenet6'"
    ):
        models.build("lenet6")


@pytest.mark.parametrize("classes", [0, [], "cat", 2.5])
def test_wrong_classes_are_refused(classes):
    with pytest.raises(ShapeError, match=r"^lenet5: classes: expected a whole number of at least 1"):
        lenet5(classes=classes)


def test_the_same_name_twice_is_refused():
    with pytest.raises(ShapeError, match=r"2 different class names.* got one name for .* 'cat' \(0, 1\)"):
        lenet5(classes=["cat", "cat"])


def test_quicknet_normalises_after_pooling():
    kinds = [layer.kind for layer in models.quicknet((32, 32, 3)).layers]
    assert kinds[:2] == ["conv", "relu"]
    assert kinds[2:10] == ["conv", "pool", "batchnorm", "relu", "conv", "batchnorm", "relu", "conv"]
    assert sum(p.size for p in models.quicknet().parameters.values()) == 1_972_778


def test_quicknet_needs_pictures_that_three_poolings_leave_something_of():
    assert models.quicknet((8, 9, 1), 2).shapes[-3] == (1, 1, 256)
    with pytest.raises(ShapeError, match="quicknet: expected pictures of at least 8×8, got 7×20"):
        models.quicknet((7, 20, 3))
