import numpy as np
import pytest

from fovea.errors import ShapeError
from fovea.layers import Shortcut


def test_it_takes_every_other_pixel_and_adds_channels_of_zeros():
    A_prev = np.random.default_rng(0).random((2, 5, 4, 3), np.float32)
    Z, _ = Shortcut(5, 2).forward(A_prev)
    assert Z.shape == (2, 3, 2, 5)
    assert np.array_equal(Z[..., :3], A_prev[:, ::2, ::2])
    assert not Z[..., 3:].any()


def test_with_no_stride_and_no_more_channels_it_is_the_identity():
    A_prev = np.random.default_rng(0).random((2, 3, 4, 3))
    assert np.array_equal(Shortcut(3).forward(A_prev)[0], A_prev)


def test_fewer_channels_are_refused():
    with pytest.raises(ShapeError, match=r"^Shortcut: expected at most 2 channels, got 3"):
        Shortcut(2).output_shape((4, 4, 3))


@pytest.mark.parametrize("hyperparameters", [{"channels": 0}, {"channels": 4, "stride": 0}])
def test_hyperparameters_that_make_no_sense_are_refused(hyperparameters):
    with pytest.raises(ShapeError, match=r"^Shortcut: "):
        Shortcut(**hyperparameters)
