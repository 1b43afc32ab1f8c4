import pytest

from fovea.errors import DataError, EngineError, FoveaError, ShapeError, TrainingError, mismatch


@pytest.mark.parametrize("kind", [DataError, EngineError, FoveaError, ShapeError, TrainingError])
def test_an_error_is_one_line_whatever_names_are_in_it(kind):
    error = kind(mismatch("a\nb\r\x1b[2J\u2028é.png", "a picture", "none"))
    assert str(error) == r"a\nb\r\x1b[2J\u2028é.png: expected a picture, got none"
    assert str(kind(f"file: {error}")) == f"file: {error}"  # once is enough
