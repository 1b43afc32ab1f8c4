"""When two names are the same, and what becomes of names that are."""

from fovea import names
from fovea.classification import class_weights


def test_accents_and_blanks_make_no_other_class():
    assert names.class_name(" cafe\u0301 ") == names.class_name("caf\u00e9") == "caf\u00e9"
    assert names.class_name(" ") == " "
    assert names.class_name("Cat") != names.class_name("cat")


def test_names_that_occur_twice_get_their_numbers():
    assert names.distinct(["crane", "owl", "crane"]) == ["crane (0)", "owl", "crane (2)"]
    assert len(set(names.distinct(["a", "a", "a (0)", "a (0)"]))) == 4
    assert names.listed(names.repeated("abcabd")) == "'a' (0, 3), 'b' (1, 4)"


def test_weights_go_to_classes_by_names_that_look_alike():
    asked = class_weights.parse("cafe\u0301=2")
    assert class_weights.weights(asked, None, ["caf\u00e9", "tea"]) == [2.0, 1.0]
