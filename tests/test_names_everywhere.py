"""Names are text everywhere: every command, over names that mean something to one library or another."""

import csv
import json
import os
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import fovea
from fovea import cli, images
from fovea.apps.look.session import Look
from fovea.names import visible

NAMES = [
    "$20_$50", r"\frac{", "{x}", "%s", "%(x)d", "[bold]red[bold]", ":smile:", "<script>", "&amp;",
    '"quotes"', "'a'", "back\\slash", "comma,name", "new\nline", "return\rname", "tab\tname",
    "\x1b[31m", "\u202eabc", "-x", "=1+1", "@x", "~$a", "#", "a=b", "x" * 200, "😀", "CON",
]  # fmt: skip
RUN = "$run [x]\x1b"
BYTES = b"\xff\xfe"  # no UTF-8: a name that only a file can have


@pytest.fixture(scope="module", autouse=True)
def world(tmp_path_factory):
    """A folder with a data set whose classes and files have these names, files to predict, and a run."""
    root = tmp_path_factory.mktemp("names")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOVEA_ENGINE", "reference")
        patch.setenv("FOVEA_CACHE", str(root / "cache"))
        patch.chdir(root)
        pictures = np.random.default_rng(0).integers(0, 256, (len(NAMES), 4, 12, 12), dtype=np.uint8)
        for name, own in zip(NAMES, pictures, strict=True):
            write(root / "data" / name / f"{name}.png", own[0])
            for number, picture in enumerate(own[1:3]):
                write(root / "data" / name / f"{number}.png", picture)
            write(root / "files" / f"{name}.png", own[3])
        for folder in (root / "files", root / "data" / NAMES[0]):
            write(folder / f"{os.fsdecode(BYTES)}.png", pictures[0, 3])
        write(root / "files" / f"{'y' * 251}.png", pictures[0, 3])
        (root / "files" / "bad\x1b[1m\n.png").write_bytes(b"no picture")
        with pytest.raises(SystemExit, match="0"):
            cli.main(["train", "data", "--model", "lenet5", "--epochs", "1", "--out", RUN])
        yield root


def write(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write(path, picture)


@pytest.fixture
def call(capsys):
    """call(*arguments) → the lines of standard output, of a command that ends well. Nothing on the terminal
    may have a meaning to it."""

    def call(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert ended.value.code == 0, err
        for line in (out + err).split("\n"):
            assert all(visible(cell) == cell for cell in line.split("\t"))
        assert "not drawn" not in err
        return out.split("\n")[:-1]

    return call


def table(path):
    with Path(path).open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def test_a_run_is_resumed_and_advises_a_command_that_a_shell_takes(call):
    lines = call("train", "--resume", RUN)
    assert lines[-1].endswith(r"now try: fovea predict $'$run [x]\x1b' PICTURE")


def test_a_run_has_every_figure_and_the_exact_names_in_its_tables(world):
    assert {"results.png", "confusion_matrix.png"} <= {path.name for path in (world / RUN).iterdir()}
    rows = table(world / RUN / "splits.csv")
    assert {row["class"] for row in rows} == set(NAMES)
    assert all((world / "data" / row["file"]).is_file() for row in rows)
    assert set(json.loads((world / RUN / "metrics.json").read_text())["per_class"]) == set(NAMES)


def test_evaluate(world, call):
    lines = call("evaluate", RUN, "data", "--out", "evaluated")
    shown = {line.rpartition("  from ")[0].rpartition("  ")[0].strip() for line in lines}
    assert shown >= set(map(visible, NAMES))
    folder = world / "evaluated"
    assert {"confusion_matrix.png", "worst_mistakes.png"} <= {path.name for path in folder.iterdir()}
    assert {row["class"] for row in table(folder / "mistakes.csv")} <= set(NAMES)
    assert set(json.loads("\n".join(call("evaluate", RUN, "data", "--json")))["per_class"]) == set(NAMES)


def test_predict(world, call):
    files = set(map(str, Path("files").iterdir()))
    lines = call("predict", RUN, "files")
    assert {line.split("\t")[0] for line in lines} == {visible(file) for file in files if "bad" not in file}
    entries = json.loads("\n".join(call("predict", RUN, "files", "--json")))
    assert {entry["file"] for entry in entries} == files
    call("predict", RUN, "files", "--csv", "table.csv")
    rows = table("table.csv")
    assert {row["file"] for row in rows} == files
    assert set(rows[0]) == {"file", "class", "error", *(f"p({name})" for name in NAMES)}
    (error,) = (row["error"] for row in rows if row["error"])
    assert error.startswith("expected a picture"), "the file's name is in its own column"


def test_inspect_writes_a_page_that_shows_names_and_obeys_none(world, call):
    files = [
        f"files/{name}.png" for name in ("<script>", "&amp;", "\x1b[31m", "\u202eabc", os.fsdecode(BYTES))
    ]
    call("inspect", RUN, *files, "--class", "<script>", "--data", "data", "--out", "inspected")
    page = (world / "inspected" / "report.html").read_bytes().decode()
    assert "<script" not in page
    assert all(visible(line) == line for line in page.split("\n"))
    assert "Evidence for <script>" in unescape(page)
    assert r"\udcff\udcfe.png" in page
    for path in (world / "inspected").rglob("*"):
        assert len(os.fsencode(path.name)) < 255
        assert visible(path.name) == path.name


def test_edges_of_every_picture_are_written_and_learned_from(world, call):
    call("edges", "files", "--out", "edges")
    drawn = {path.name for path in (world / "edges").glob("*.png")}
    assert drawn == {path.name for path in (world / "files").iterdir() if "bad" not in path.name}
    call("learn-filter", "files", "--steps", "3", "--out", "learned")
    call("learn-filter", "files", "--targets", "edges", "--steps", "3", "--out", "learned2")


def test_the_page_of_look_shows_names(world):
    told, _ = Look(RUN, "data").describe()
    assert told["title"] == visible(RUN)
    assert sorted(told["classes"]) == sorted(told["data"]["classes"]) == sorted(map(visible, NAMES))


def test_onnx_keeps_the_classes(world, call):
    call("export", RUN, "--out", "a\x1b\n.onnx")
    call("import", "a\x1b\n.onnx", "--out", "b\x1b\n.safetensors")
    assert sorted(fovea.load("b\x1b\n.safetensors").classes) == sorted(NAMES)
    call("predict", "b\x1b\n.safetensors", "files/CON.png")


@pytest.mark.parametrize(
    "arguments",
    [
        ["summary", RUN],
        ["explain-kernels", "lenet5", "--json"],
        ["find-rate", "data", "--model", "lenet5", "--out", "rates\x1b"],
        ["cache"],
    ],
)
def test_other_commands(arguments, call):
    if "explain-kernels" not in arguments:
        assert call(*arguments)


def test_errors_are_one_line(world, capsys):
    for arguments in (["predict", "\x1b\n", "x"], ["predict", RUN, "\x1b\n.png"], ["train", "\x1b\n"],
                      ["inspect", RUN, "files/#.png", "--class", "\x1b\n"]):  # fmt: skip
        with pytest.raises(SystemExit, match="1"):
            cli.main(arguments)
        _, err = capsys.readouterr()
        assert err.count("\n") == 1
        assert visible(err[:-1]) == err[:-1]
