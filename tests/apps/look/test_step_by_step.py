import numpy as np
import pytest

from fovea.apps.look.step_by_step import steps
from fovea.errors import FoveaError

ASKED = {"operation": "convolution", "input": "edge", "side": 6, "size": 3, "stride": 1, "padding": 0,
         "weights": "vertical"}  # fmt: skip


def test_an_edge_in_the_middle_is_found_there_and_nowhere_else():
    answer, arrays = steps(ASKED)
    assert answer["output"] == [4, 4]
    assert arrays["output"].tolist() == [[0, 30, 30, 0]] * 4
    assert arrays["products"].sum(axis=(1, 2)).tolist() == arrays["output"].ravel().tolist()


def test_corners_are_used_once_and_the_middle_nine_times():
    uses = steps(ASKED)[1]["uses"]
    assert uses[0, 0] == 1
    assert uses[2, 2] == 9


def test_padding_lets_corners_be_used_more():
    answer, arrays = steps(ASKED | {"padding": 1})
    assert answer["output"] == [6, 6]
    assert arrays["uses"][0, 0] == 4
    assert arrays["inside"][0].sum() == 4


def test_strides_skip_positions():
    assert steps(ASKED | {"stride": 2, "side": 7})[0]["output"] == [3, 3]


def test_backward_steps_add_up_as_the_formulas_say():
    _, arrays = steps(ASKED | {"input": "random", "padding": 1, "stride": 2})
    A, W, dZ = (np.pad(arrays["input"], 1), arrays["weights"], arrays["dZ"])
    dA, dW, db = np.zeros_like(A), np.zeros_like(W), 0.0
    for t, (h, w) in enumerate(np.ndindex(dZ.shape)):
        window = (slice(2 * h, 2 * h + 3), slice(2 * w, 2 * w + 3))
        dA[window] += W * dZ[h, w]
        dW += A[window] * dZ[h, w]
        db += dZ[h, w]
        np.testing.assert_allclose(arrays["dA"][t], dA[1:-1, 1:-1], atol=1e-5)
        np.testing.assert_allclose(arrays["dW"][t], dW, atol=1e-4)
        assert arrays["db"][t] == pytest.approx(db)


def test_a_maximum_comes_from_its_winner_and_gives_its_gradient_there():
    _, arrays = steps(ASKED | {"operation": "maximum", "input": "numbers", "side": 4, "size": 2, "stride": 2})
    assert arrays["output"].tolist() == [[5, 7], [9, 5]]
    assert arrays["winner"].tolist() == [3, 3, 1, 3]
    assert np.count_nonzero(arrays["dA"][-1]) == 4
    assert "dW" not in arrays


def test_an_average_shares_its_gradient():
    _, arrays = steps(ASKED | {"operation": "average", "side": 4, "size": 2, "stride": 2})
    assert (arrays["dA"][0][:2, :2] == arrays["dZ"][0, 0] / 4).all()


@pytest.mark.parametrize(("change", "words"), [
    ({"side": 99}, "from 2 to 12"), ({"side": True}, "whole number"), ({"stride": 0}, "from 1"),
    ({"operation": "magic"}, "convolution, maximum"), ({"input": "x"}, "edge, line"),
    ({"input": []}, "edge, line"),
    ({"size": 7}, "window"), ({"weights": "sobel"}, "sobel-vertical"), ({"weights": [[1]]}, "3×3 numbers"),
    ({"weights": None}, "3×3 numbers"), ({"operation": "maximum", "padding": 3}, "padding"),
])  # fmt: skip
def test_invalid_requests_are_errors(change, words):
    with pytest.raises(FoveaError, match=words):
        steps(ASKED | change)
