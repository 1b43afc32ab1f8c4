import pytest

from fovea.errors import DataError
from fovea.settings import Settings, suggestion

FLAGS = Settings("filter", 'settings such as "pad=4,flip"', DataError)
VALUES = Settings("rates", 'factors such as "conv1=2"', DataError, alone=False)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        (" , ,", {}),
        ("flip", {"flip": True}),
        ("pad=4,flip", {"pad": "4", "flip": True}),
        (" pad = 4 , flip,", {"pad": "4", "flip": True}),
        ("a=b=2", {"a=b": "2"}),
        ("cafe\u0301=1", {"caf\xe9": "1"}),
    ],
)
def test_settings_are_names_with_or_without_values(text, found):
    assert FLAGS.read(text) == found


@pytest.mark.parametrize(
    ("settings", "text", "message"),
    [
        (FLAGS, "flip,pad=", "filter: expected settings such as \"pad=4,flip\", got 'pad='"),
        (FLAGS, "=4", "filter: expected settings such as \"pad=4,flip\", got '=4'"),
        (FLAGS, " =4", "filter: expected settings such as \"pad=4,flip\", got '=4'"),
        (VALUES, "conv1", "rates: expected factors such as \"conv1=2\", got 'conv1'"),
        (FLAGS, "pad=4,flip,pad=4", "filter: expected each name once, got 'pad' twice"),
        (FLAGS, "flip,flip=1", "filter: expected each name once, got 'flip' twice"),
    ],
)
def test_other_settings_are_refused(settings, text, message):
    with pytest.raises(DataError) as error:
        settings.read(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("value", "number"), [("0.5", 0.5), ("1e-3", 0.001), (" 2 ", 2.0), (3, 3.0), (0, 0.0)]
)
def test_a_value_is_a_number_or_its_text(value, number):
    assert VALUES.number("conv1", value) == number


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ("much", "'much'"), ("-1", "-1.0"), ("nan", "nan"), ("inf", "inf"), (float("nan"), "nan"),
        (-2, "-2"), (True, "none"), (None, "None"), ([1], "[1]"),
    ],
)  # fmt: skip
def test_other_values_are_refused(value, got):
    with pytest.raises(DataError) as error:
        VALUES.number("conv1", value)
    assert str(error.value) == f"rates: conv1: expected a number of at least 0, got {got}"


def test_a_number_too_large_for_float32_is_refused():
    with pytest.raises(DataError, match="conv1: expected a number of at least 0 that float32 can hold"):
        VALUES.number("conv1", "1e39")


def test_an_unknown_name_is_refused_with_a_suggestion():
    FLAGS.check_known("pad", ["pad", "flip"])
    with pytest.raises(DataError) as error:
        FLAGS.check_known("filp", ["pad", "flip"])
    assert str(error.value) == "filter: expected some of pad, flip, got 'filp': did you mean flip?"
    with pytest.raises(DataError) as error:
        FLAGS.check_known("zoom", ["pad", "flip"])
    assert str(error.value) == "filter: expected some of pad, flip, got 'zoom'"


def test_long_lists_of_names_are_cut():
    with pytest.raises(DataError, match=r"expected some of n0, n1, .*, n19 and so on, got 'zoom'"):
        FLAGS.check_known("zoom", [f"n{n}" for n in range(1000)])


def test_a_suggestion_is_the_most_similar_name():
    assert suggestion("momentun", ["weight_decay", "momentum"]) == "did you mean momentum?"
    assert suggestion("x", ["weight_decay", "momentum"]) == ""
