import pytest

from fovea.names import figure
from fovea.training.measure import LOSS


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.04321, "0.043"),
        (-9999.0, "-9999.000"),
        (123_456.0, "1.235e+05"),
        (1.2e38, "1.2e+38"),
        (3.40282e38, "3.403e+38"),
    ],
)
def test_large_numbers_are_shown_in_four_digits(value, shown):
    assert figure(value) == shown
    assert LOSS.text(value) == f"loss {shown}"
