import json

from fovea import models
from fovea.models.overview import TOP1, overview


def test_every_architecture_is_listed_with_its_cost():
    found = {one.name: one for one in overview()}
    assert set(found) == set(models.MODELS)
    assert [one.parameters for one in found.values()] == sorted(one.parameters for one in found.values())
    lite = found["efficientnet_lite0"]
    assert (lite.input_shape, lite.parameters, lite.weights) == ((224, 224, 3), 4_652_008, True)
    assert lite.licence == "Apache-2.0"
    assert lite.top1 == 0.751
    assert lite.multiply_adds == 385_187_552
    assert not found["resnet50"].weights
    assert found["resnet50"].top1 == 0.7613
    assert 4.0e9 < found["resnet50"].multiply_adds < 4.2e9  # torchvision: 4.09 GFLOPS


def test_published_accuracies_belong_to_architectures():
    assert set(TOP1) <= set(models.MODELS)


def test_the_command_prints_a_table_or_json(call):
    code, out, err = call("models")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["name", "input", "parameters", "multiply-adds", "weights", "top-1", "licence"]
    assert len(lines) == 1 + len(models.MODELS)
    assert max(map(len, lines)) <= 100
    (row,) = [line for line in lines if line.startswith("efficientnet_lite0")]
    assert row.split()[1:] == ["224×224×3", "4,652,008", "385.2", "M", "here", "75.1%", "Apache-2.0"]
    content = json.loads(call("models", "--json")[1])
    (vgg,) = (one for one in content if one["name"] == "vgg19")
    assert (vgg["weights"], vgg["features_to"]) == (True, "relu5_1")
    assert {one["features_to"] for one in content if one is not vgg} == {None}
    assert "features to relu5_1" in next(line for line in lines if line.startswith("vgg19"))


def test_a_network_of_features_does_not_predict_and_the_error_names_the_remedy(call):
    code, _, err = call("predict", "vgg19", "photo.jpg")
    assert code == 1
    assert "vgg19 ends in features, at relu5_1; fovea train PHOTOS --weights vgg19" in err.replace("\n", " ")
