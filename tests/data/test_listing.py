"""The pictures below a folder, and the skipped files, all of them counted."""

import os
from pathlib import Path

import numpy as np
import pytest

from fovea import images
from fovea.data import listing
from fovea.data.listing import Skipped, pictures
from fovea.errors import DataError
from fovea.training.run_folder import Folder


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        images.write(root / name, np.zeros((2, 2), np.uint8))


def found(root: Path) -> tuple[list[str], dict[str, list[str]]]:
    """The pictures, and the skipped files by reason, relative to the folder."""
    skipped = Skipped(root)
    files = pictures(root, skipped)
    below = {many: sorted(Path(p).relative_to(root).as_posix() for p in paths)
             for (_, many), paths in skipped.paths.items()}  # fmt: skip
    return [Path(file).relative_to(root).as_posix() for file in files], below


def test_pictures_are_found_at_any_depth_in_order(tmp_path):
    write(tmp_path, "b.png", "a/z.JPG", "a/b/c/d.gif", "c.png/e.png")
    assert found(tmp_path) == (["a/b/c/d.gif", "a/z.JPG", "b.png", "c.png/e.png"], {})


def test_what_systems_keep_there_is_skipped_and_counted(tmp_path):
    hidden = [".git/a.png", ".thumbnails/a.png", "x/.ipynb_checkpoints/a.png"]
    system = ["@eaDir/x/a.jpg", "x/__MACOSX/a.png", "$RECYCLE.BIN/a.png", "lost+found/a.png"]
    write(tmp_path, "x/a.png", *hidden, *system)
    for name in ("x/._a.png", "x/Thumbs.db", "x/a.png:Zone.Identifier", ".DS_Store"):
        (tmp_path / name).write_text("")
    files, below = found(tmp_path)
    assert files == ["x/a.png"]
    assert below == {
        "hidden files and folders": [".DS_Store", ".git", ".thumbnails", "x/._a.png", "x/.ipynb_checkpoints"],
        "folders of the system": ["$RECYCLE.BIN", "@eaDir", "lost+found", "x/__MACOSX"],
        "files that are no pictures": ["x/Thumbs.db", "x/a.png:Zone.Identifier"],
    }


def test_links_are_followed_and_circles_end(tmp_path):
    root = tmp_path / "root"
    write(tmp_path, "pool/1.png", "pool/deep/2.png", "root/a/3.png", ".store/4.png")
    for name, to in (
        ("a/file.png", tmp_path / "pool/1.png"), ("pool", tmp_path / "pool"), ("a/up", root),
        ("b", root / "a"), ("store", tmp_path / ".store"), ("gone.png", tmp_path / "nowhere"),
        ("self.png", root / "self.png"), ("above", tmp_path),
    ):  # fmt: skip
        (root / name).symlink_to(to)
    files, below = found(root)
    assert files == ["a/3.png", "a/file.png", "pool/1.png", "pool/deep/2.png", "store/4.png"]
    assert below == {
        "broken links": ["gone.png", "self.png"],
        "links to folders that are read already": ["a/up", "above", "b"],
    }


def test_two_folders_that_link_to_each_other(tmp_path):
    write(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "a/b").symlink_to(tmp_path / "b")
    (tmp_path / "b/a").symlink_to(tmp_path / "a")
    assert found(tmp_path)[0] == ["a/1.png", "b/2.png"]
    assert found(tmp_path / "a")[0] == ["1.png", "b/2.png"]


@pytest.mark.parametrize(
    "files",
    [
        ["arguments.yaml"], ["state.safetensors", "splits.csv"], ["metrics.json", "bad_images.csv"],
        ["rates.csv", "rates.png"], ["report.html", "filters/conv1.png"],
    ],
)  # fmt: skip
def test_what_fovea_wrote_is_known_by_its_files(tmp_path, files):
    write(tmp_path, "a/1.png", "a/run/confusion_matrix.png")
    for name in files:
        (tmp_path / "a/run" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "a/run" / name).touch()
    assert found(tmp_path) == (["a/1.png"], {"folders that Fovea wrote": ["a/run"]})


def test_a_training_that_was_killed_at_once_is_known_by_its_splits(tmp_path):
    write(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/splits.csv").write_text("file,split,class,digest\na/1.png,train,a,00\n")
    (tmp_path / "b/splits.csv").write_text("file,split,class\n1.png,train,b\n")  # a user's own table
    files, skipped = found(tmp_path)
    assert files == ["a/1.png", "b/1.png"]
    assert skipped["folders that Fovea wrote"] == ["run"]


def test_runs_are_known_by_their_place(tmp_path):
    write(tmp_path, "a/1.png")
    write(Folder.create("classify", "inspect", tmp_path / "runs").path, "photo/input.png")
    assert found(tmp_path) == (["a/1.png"], {"folders that Fovea wrote": ["runs"]})


def test_figures_are_no_data_but_edges_may_be(tmp_path):
    for task in ("classify", "edges"):
        write(tmp_path, f"{task}/a.png")
        Folder(tmp_path / task).write_arguments({"task": task})
    assert len(listing.collect(tmp_path / "edges")) == 1
    with pytest.raises(
        DataError, match="a folder of pictures, got a folder that Fovea wrote for the task cla"
    ):
        listing.collect(tmp_path / "classify")
    write(tmp_path, "page/filters/conv1.png")
    (tmp_path / "page/report.html").touch()
    with pytest.raises(
        DataError, match=r"page: expected a folder of pictures, got a folder that Fovea wrote$"
    ):
        listing.collect(tmp_path / "page")


def test_every_task_of_the_command_line_is_known():
    from fovea.apps import edges
    from fovea.apps.learn_filter import learn
    from fovea.style.task import LearnStyle
    from fovea.tasks import TASKS

    assert {edges.TASK, learn.TASK, LearnStyle.name, *TASKS} == set(listing.RUNS)


def test_the_folder_one_is_in_has_no_name_before_its_files(tmp_path, monkeypatch):
    write(tmp_path, "a/1.png", "2.png")
    monkeypatch.chdir(tmp_path)
    assert listing.collect(".") == ["2.png", str(Path("a/1.png"))]


def test_all_that_is_skipped_is_one_line(tmp_path):
    write(tmp_path, "1.png")
    for number in range(4):
        (tmp_path / f"{number}.txt").touch()
    (tmp_path / ".hidden").touch()
    lines: list[str] = []
    assert listing.collect(tmp_path, lines.append) == [str(tmp_path / "1.png")]
    assert lines == [
        f"{tmp_path}: skipped 1 hidden file or folder (.hidden); "
        "4 files that are no pictures (0.txt, 1.txt, 2.txt, …)"
    ]


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    write(tmp_path, "a/1.png", "b/2.png")
    scan = listing.os.scandir

    def forbidden(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(listing.os, "scandir", forbidden)
    assert found(tmp_path) == (["a/1.png"], {"folders that may not be read": ["b"]})
    with pytest.raises(DataError, match="expected a folder that can be read"):
        found(tmp_path / "b")


@pytest.mark.skipif(os.name == "nt", reason="no pipes there")
def test_a_pipe_in_the_place_of_arguments_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "arguments.yaml")
    assert listing.task_of(tmp_path) == ""
