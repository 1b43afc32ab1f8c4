import numpy as np

from fovea.layers import Flatten


def test_rows_then_pixels_then_channels():
    A_prev = np.zeros((2, 3, 4, 5), np.float32)
    A_prev[1, 2, 1, 3] = 7
    Z, shape = Flatten().forward(A_prev)
    assert Z.shape == (2, *Flatten().output_shape((3, 4, 5))) == (2, 60)
    assert np.argwhere(Z).tolist() == [[1, (2 * 4 + 1) * 5 + 3]]
    assert np.array_equal(Flatten().backward(Z, shape)[0], A_prev)


def test_a_batch_of_none_stays_one():
    assert Flatten().forward(np.zeros((0, 3, 4, 5), np.float32))[0].shape == (0, 60)


def test_nothing_is_copied():
    A_prev = np.zeros((2, 3, 4, 5), np.float32)
    assert np.shares_memory(A_prev, Flatten().forward(A_prev)[0])
