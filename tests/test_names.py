"""Equal names in different encodings, and repeated class names."""

import os
import subprocess
from pathlib import Path

import pytest

from fovea import names
from fovea.classification import class_weights
from fovea.errors import DataError, ShapeError, reason
from tests import tiny


def test_accents_and_blanks_make_no_other_class():
    assert names.class_name(" cafe\u0301 ") == names.class_name("caf\u00e9") == "caf\u00e9"
    assert names.class_name(" ") == " "
    assert names.class_name("Cat") != names.class_name("cat")


def test_names_that_occur_twice_get_their_numbers():
    assert names.distinct(["crane", "owl", "crane"]) == ["crane (0)", "owl", "crane (2)"]
    assert len(set(names.distinct(["a", "a", "a (0)", "a (0)"]))) == 4
    assert names.listed(names.repeated("abcabd")) == "'a' (0, 3), 'b' (1, 4)"


def test_a_noun_is_plural_unless_there_is_one():
    assert [names.counted(n, "picture") for n in (0, 1, 2000)] == [
        "0 pictures",
        "1 picture",
        "2,000 pictures",
    ]
    assert names.counted(1, "class") == "1 class"
    assert names.counted(2, "class") == "2 classes"
    assert names.counted(3, "epoch") == "3 epochs"
    assert names.counted(1, "training picture") == "1 training picture"


def test_weights_go_to_classes_by_names_that_look_alike():
    asked = class_weights.parse("cafe\u0301=2")
    assert class_weights.weights(asked, None, ["caf\u00e9", "tea"]) == [2.0, 1.0]


PATHS = [
    "runs/train",
    "a b",
    "$x",
    "it's",
    "-x",
    "[a]*",
    "~x",
    "new\nline",
    "it's \x1b\\",
    "\u202eé",
    "\x85",
    "\udcff",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_in_an_advised_command_is_visible_and_means_itself_in_a_shell(path):
    typed = names.typed(path)
    assert names.visible(typed) == typed
    script = os.fsencode(f"printf %s {typed}")
    found = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    assert os.path.normpath(os.fsdecode(found)) == path


def test_a_line_is_printed_column_by_column(capsys):
    names.say("a\tb\n", "\x1b[31m", Path("c"))
    assert capsys.readouterr().out == "a\\tb\\n\t\\x1b[31m\tc\n"


def test_a_network_has_only_classes_that_a_file_can_hold():
    network = tiny.network()
    with pytest.raises(ShapeError, match="Unicode"):
        network.classes = ["a", "b", "\udcff"]


def test_a_reason_leaves_out_the_file_whatever_its_name():
    assert reason(DataError("a\x1b: cut short"), "a\x1b") == "cut short"
