import pytest

from fovea.errors import DataError, EngineError, FoveaError, ShapeError, TrainingError, mismatch, reason


@pytest.mark.parametrize("kind", [DataError, EngineError, FoveaError, ShapeError, TrainingError])
def test_an_error_is_one_line_whatever_names_are_in_it(kind):
    error = kind(mismatch("a\nb\r\x1b[2J\u2028é.png", "a picture", "none"))
    assert str(error) == r"a\nb\r\x1b[2J\u2028é.png: expected a picture, got none"
    assert str(kind(f"file: {error}")) == f"file: {error}"  # once is enough


def test_the_reason_of_an_error_is_what_follows_its_name():
    for name in ("a.png", "a\nb.png", "a\u202eb.png"):
        assert reason(FoveaError(f"{name}: cut short"), name) == "cut short"
    assert reason(FoveaError("b.png: cut short"), "a.png") == "b.png: cut short"
