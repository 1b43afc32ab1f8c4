"""Every option of every command, with values at the edges: refused in one line, with nothing left behind."""

from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

import fovea.onnx
from fovea import cli
from fovea.cli.common import app
from tests import tiny

EDGES = ["inf", "-inf", "nan", "-1", "1e300", "99999999999999999999", "9" * 5000, "a\nb", "[]", "\x1b[2J"]
ALSO = ["0", "1e-300", "1e9", "true", ""]  # may mean something here and there
TEXTS = {  # options whose values are names, of which some edges are good ones
    "out", "groups", "resume", "weights", "class_name", "data", "model", "csv", "host", "layer", "run",
    "classes", "targets", "txt", "crops",
}  # fmt: skip
ARGUMENTS = {
    "train": ["photos"], "find-rate": ["photos"], "evaluate": ["model.safetensors", "photos"],
    "predict": ["model.safetensors", "photos"], "inspect": ["model.safetensors", "photos/left/001.png"],
    "summary": ["lenet5"], "explain-kernels": ["lenet5"], "look": ["model.safetensors"],
    "export": ["model.safetensors"], "import": ["model.onnx"], "edges": ["photos"],
    "paint": ["photos/left/001.png", "--style", "photos/left/002.png"],
    "learn-style": ["photos/left/001.png", "--pictures", "photos"],
    "convert": ["photos", "--to", "yolo", "--out", "made"],
    "learn-filter": ["photos"], "models": [], "weights": [], "cache": [],
}  # fmt: skip
GROUP = typer.main.get_command(app)
assert isinstance(GROUP, TyperGroup)
COMMANDS = GROUP.commands
OPTIONS = [
    (command, option)
    for command, known in COMMANDS.items()
    for option in known.params
    if option.param_type_name == "option" and not option.is_flag and option.name not in TEXTS
]


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    tiny.write_folder(tmp_path / "photos", 9, scale=2)
    network = tiny.network()
    network.classes = tiny.CLASSES
    network.save("model.safetensors")


def refused(arguments, capsys):
    """The exit code of a command that ends in one line, with nothing left."""
    before = set(Path().rglob("*"))
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    _, err = capsys.readouterr()
    assert ended.value.code in (1, 2), arguments
    assert len(err.splitlines()) == 1, err
    assert err.rstrip("\n").isprintable()
    assert "internal error" not in err
    assert set(Path().rglob("*")) - before <= {Path("cache")}


def test_every_command_is_here():
    assert set(ARGUMENTS) == set(COMMANDS)


@pytest.mark.parametrize(
    ("command", "option"), OPTIONS, ids=[f"{command} {option.opts[0]}" for command, option in OPTIONS]
)
def test_values_at_the_edges_are_refused(command, option, capsys):
    if command == "import":
        fovea.onnx.save(fovea.load("model.safetensors"), "model.onnx")
    for value in EDGES:
        if option.name in ("clip", "learning_rate") and value == "9" * 20:
            continue  # float32 holds it: nothing is ever clipped, and a training ends when it diverges
        refused([command, *ARGUMENTS[command], option.opts[0], value], capsys)


@pytest.mark.parametrize("command", ["edges", "predict", "learn-filter", "inspect"])
@pytest.mark.parametrize("name", ["gone.png", "a\nb.png", "gone"])
def test_pictures_that_are_not_there_are_one_line(command, name, capsys):
    refused([command, *ARGUMENTS[command][:-1], name], capsys)


@pytest.mark.parametrize("command", [*ARGUMENTS][:3])
def test_names_with_a_line_break_are_one_line(command, capsys):
    refused([command, "a\nb", *ARGUMENTS[command][1:]], capsys)
