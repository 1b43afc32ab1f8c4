import numpy as np
import pytest

from fovea.seeds import Draw, generator


def test_values_of_purposes_are_those_that_earlier_runs_used():
    values = {purpose: draw.value for purpose, draw in Draw.__members__.items()}
    assert values == {
        "ORDER": 0, "AUGMENT": 1, "LAYERS": 2, "SPLIT": 3, "MIRROR": 4, "EXAMPLES": 5, "RATE_SEARCH": 6,
        "CURVE": 7, "PAINTING": 8, "CROP": 9, "PARTS": 1,
    }  # fmt: skip


@pytest.mark.parametrize("place", [(), (3,), (3, 7)])
def test_a_generator_depends_on_seed_purpose_and_place_alone(place):
    expected = np.random.default_rng([11, 5, *place]).random(4)
    np.testing.assert_array_equal(generator(11, Draw.EXAMPLES, *place).random(4), expected)
    assert (generator(12, Draw.EXAMPLES, *place).random(4) != expected).all()
    assert (generator(11, Draw.SPLIT, *place).random(4) != expected).all()
