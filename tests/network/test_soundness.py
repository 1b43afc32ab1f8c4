"""NaN and infinity end a command with an error that names where they come from, and are never written."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest

from fovea import cli, load
from fovea.errors import DataError
from fovea.files import jsons
from fovea.network.soundness import check_picture, check_weights
from tests import tiny

SOURCES = Path(__file__).parents[1] / "src/fovea"


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)
    tiny.write_folder(tmp_path / "photos", 9)


def saved(key, value):
    network = tiny.network()
    network.classes = tiny.CLASSES
    network.parameters[key][..., 0] = value
    network.save("model.safetensors")
    return network


def test_only_one_module_writes_json():
    for path in SOURCES.rglob("*.py"):
        if path.name != "jsons.py":
            called = [
                node.attr for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "json"
            ]  # fmt: skip
            assert "dumps" not in called
            assert "dump" not in called


@pytest.mark.parametrize("content", [float("nan"), [float("inf")], {"a": {"b": -float("inf")}}])
def test_json_has_no_word_for_what_is_no_number(content):
    with pytest.raises(DataError, match="JSON: expected finite numbers"):
        jsons.dumps(content)
    with pytest.raises(DataError, match=r"it: expected JSON, got .*, which JSON does not have"):
        jsons.loads(json.dumps(content), "it")


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "9" * 5000, b"\xff"])
def test_what_is_no_json_is_named(text):
    with pytest.raises(DataError, match="it: expected JSON"):
        jsons.loads(text, "it")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_model_with_weights_that_are_no_numbers_is_not_loaded(value):
    saved("conv1.W", value)
    where = r'model.safetensors: Conv2D "conv1": expected finite numbers in W, got (nan|-?inf) \(9 of 36\)'
    with pytest.raises(DataError, match=where):
        load("model.safetensors")


def test_the_first_layer_that_gives_no_numbers_is_named():
    network = saved("dense1.W", 3e38)
    check_weights(network, "it")  # as far as they go, they are
    with pytest.raises(DataError, match=r'it: Dense "dense1": expected finite numbers, got -?inf'):
        check_picture(network, np.full((8, 8, 1), 200, np.uint8), "it")


COMMANDS = [
    ["predict", "model.safetensors", "photos"],
    ["predict", "model.safetensors", "photos", "--json"],
    ["predict", "model.safetensors", "photos", "--csv", "out"],
    ["predict", "model.safetensors", "photos", "--flips"],
    ["evaluate", "model.safetensors", "photos", "--out", "out"],
    ["evaluate", "model.safetensors", "photos", "--json", "--out", "out"],
    ["inspect", "model.safetensors", "photos/left/001.png", "--out", "out"],
    ["inspect", "model.safetensors", "photos/left/001.png", "--data", "photos", "--out", "out"],
]


@pytest.mark.parametrize("key", ["conv1.W", "dense1.W"])
@pytest.mark.parametrize("value", [np.nan, 3e38])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_commands_name_the_layer_and_leave_nothing(command, key, value, capsys):
    saved(key, value)
    with pytest.raises(SystemExit, match="1"):
        cli.main(command)
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "expected finite numbers" in err
    assert key.split(".")[0] in err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "command",
    [["export"], ["look"], ["summary"], ["train", "photos", "--out", "out", "--model"]],
    ids=lambda c: c[0],
)
def test_nothing_goes_on_from_weights_that_are_no_numbers(command, capsys):
    saved("conv1.b", np.nan)
    before = set(Path().iterdir())
    with pytest.raises(SystemExit, match="1"):
        cli.main([*command, "model.safetensors"])
    assert 'model.safetensors: Conv2D "conv1": expected finite numbers in b' in capsys.readouterr().err
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize("format", ["onnx", "torch"])
def test_a_model_that_overflows_is_not_exported(format, capsys):
    saved("dense1.W", 3e38)
    with pytest.raises(SystemExit, match="1"):
        cli.main(["export", "model.safetensors", "--format", format, "--out", "out"])
    assert 'model.safetensors: Dense "dense1": expected finite numbers' in capsys.readouterr().err
    assert not Path("out").exists()
