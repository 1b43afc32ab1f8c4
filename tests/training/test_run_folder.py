import errno
from unicodedata import normalize

import numpy as np
import pytest

from fovea import data, images
from fovea.data import Splits, write_splits
from fovea.errors import DataError, TrainingError
from fovea.training.run_folder import Folder
from tests import tiny


def test_a_taken_name_gets_the_next_number(tmp_path):
    names = [Folder.create("classify", "train", tmp_path).path for _ in range(3)]
    assert names == [tmp_path / "classify" / name for name in ("train", "train2", "train3")]


def test_a_gap_is_filled_and_nothing_is_touched(tmp_path):
    (tmp_path / "classify/train2").mkdir(parents=True)
    (tmp_path / "classify/train2/mine.txt").write_text("mine")
    assert [Folder.create("classify", "train", tmp_path).path.name for _ in range(2)] == ["train", "train3"]
    assert (tmp_path / "classify/train2/mine.txt").read_text() == "mine"


def test_a_file_of_that_name_is_not_touched(tmp_path):
    (tmp_path / "classify").mkdir()
    (tmp_path / "classify/train").write_text("mine")
    assert Folder.create("classify", "train", tmp_path).path.name == "train2"


def test_a_named_folder_may_exist_if_it_is_empty(tmp_path):
    (tmp_path / "run").mkdir()
    folder = Folder.create_at(tmp_path / "run")
    folder.write_arguments({"epochs": 3})
    with pytest.raises(DataError, match=r"a new or empty folder, got one with files in it: name another$"):
        Folder.create_at(tmp_path / "run")
    folder.state.touch()
    with pytest.raises(DataError, match=r"got one with files in it: .* --resume continues the run"):
        Folder.create_at(tmp_path / "run")
    with pytest.raises(DataError, match="File exists"):
        Folder.create_at(folder.arguments)


@pytest.mark.parametrize("make", [lambda path: Folder.create("classify", "train", path), Folder.create_at])
def test_a_place_that_cannot_be_written_is_an_error(make, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot be made .Not a directory.: choose another with --out"):
        make(tmp_path / "file/runs")


def test_arguments_are_read_as_they_were_written(tmp_path):
    given = {
        "data": "Fotos/Ä",
        "epochs": 3,
        "learning_rate": 1e-05,
        "optimizer": {"name": "sgd"},
        "out": None,
    }
    folder = Folder(tmp_path)
    folder.write_arguments(given)
    assert Folder.open(tmp_path).read_arguments() == given


@pytest.mark.parametrize("content", [b"a: [", b"- 1", b"\xff\xfe\x00", b""])
def test_damaged_arguments_are_an_error_that_names_the_file(content, tmp_path):
    (tmp_path / "arguments.yaml").write_bytes(content)
    with pytest.raises(DataError, match=r"arguments.yaml: expected"):
        Folder.open(tmp_path).read_arguments()


@pytest.mark.parametrize("place", ["nothing", "file", "."])
def test_what_is_no_run_is_an_error(place, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"expected a folder with arguments.yaml, got"):
        Folder.open(tmp_path / place)


def test_tables_quote_what_they_must(tmp_path):
    folder = Folder(tmp_path)
    folder.write_bad_images({"b,1.png": 'a "file"', "a\udcff.png": "cut short"})
    assert folder.bad_images.read_bytes() == b'file,reason\na\xff.png,cut short\n"b,1.png","a ""file"""\n'


def test_only_own_temporary_files_are_swept(tmp_path):
    left, mine = tmp_path / ".state.safetensors.x7_k2abc.safetensors", tmp_path / ".mine"
    for path in (left, mine):
        path.write_text("")
    Folder(tmp_path).sweep()
    assert not left.exists()
    assert mine.exists()


def test_the_same_splits_are_recognised(tmp_path):
    folder, splits = Folder(tmp_path), tiny.splits()
    write_splits(splits, folder.splits)
    folder.check_splits(tiny.splits())
    swapped = Splits("tiny", splits.train, splits.test, splits.val)
    with pytest.raises(DataError, match="added, removed or moved"):
        folder.check_splits(swapped)


def test_splits_are_the_same_however_accents_are_written(tmp_path):
    for form in ("NFD", "NFC"):
        for name in ("caf\u00e9", "th\u00e9"):
            for number in range(3):
                path = tmp_path / form / "photos" / normalize(form, f"{name}/\u00e9{number}.png")
                path.parent.mkdir(parents=True, exist_ok=True)
                images.write(path, np.full((2, 2), number, np.uint8))
    folder = Folder(tmp_path)
    write_splits(data.load(tmp_path / "NFD/photos"), folder.splits)
    assert folder.check_splits(data.load(tmp_path / "NFC/photos")) == []


def test_what_goes_wrong_while_writing_has_its_remedy(tmp_path):
    folder = Folder(tmp_path)
    with pytest.raises(TrainingError, match=r"on device: what was saved before is whole$"), folder.writing():
        raise OSError(errno.ENOSPC, "No space left on device")
    folder.write_arguments({})
    folder.state.touch()
    with (
        pytest.raises(TrainingError, match=f"resume with: fovea train --resume {tmp_path}"),
        folder.writing(),
    ):
        raise OSError(errno.EIO, "Input/output error")
