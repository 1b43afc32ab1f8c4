"""Windows: small cases counted by hand, and laws that hold for all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea.errors import ShapeError
from fovea.geometry import Window, _blind, pair, sides
from fovea.layers import Conv2D, ConvTranspose2D
from tests.cases import cases, drawn

SOME = st.integers(1, 60)


@pytest.mark.parametrize(
    ("input", "size", "stride", "padding", "output"),
    [
        (6, 3, 1, "valid", 4),  # n − f + 1
        (6, 3, 1, 1, 6),  # p = (f − 1)/2 keeps the size
        (6, 3, 1, "same", 6),
        (7, 3, 2, "valid", 3),
        (39, 3, 1, "valid", 37),  # the network for 39×39×3
        (37, 5, 2, "valid", 17),
        (17, 5, 2, "valid", 7),
        (28, 5, 1, 2, 28),  # LeNet-5
        (28, 2, 2, "valid", 14),
        (14, 5, 1, "valid", 10),
        (224, 7, 2, 3, 112),
        (5, 2, 2, "same", 3),
        (5, 5, 1, "valid", 1),
        (5, 2, 4, "valid", 1),
    ],
)
def test_known_sizes(input, size, stride, padding, output):
    assert Window.of((input, input), size, stride, padding).output == (output, output)


@pytest.mark.parametrize(
    ("n", "f", "s", "d", "padding", "output"),
    [
        (7, 3, 1, 2, "valid", 3),  # covers 5
        (7, 3, 1, 2, "same", 7),
        (7, 3, 2, 3, 3, 4),
        (56, 3, 1, 2, 2, 56),
        (5, 1, 1, 9, "valid", 5),  # of one pixel there is nothing to be apart
    ],
)
def test_a_dilated_window_covers_more(n, f, s, d, padding, output):
    assert Window.of((n, n), f, s, padding, dilation=d).output == (output, output)


@pytest.mark.parametrize(
    ("n", "f", "s", "padding", "output"),
    [
        (4, 3, 2, "valid", 2),
        (5, 3, 2, "valid", 2),  # nothing is left over
        (55, 3, 2, "valid", 27),  # SqueezeNet 1.1
        (112, 3, 2, "valid", 56),
        (111, 3, 2, "valid", 55),
        (2, 3, 2, "valid", 1),
        (3, 2, 3, 1, 2),  # the last begins on the input's last pixel
        (2, 1, 2, 1, 2),  # one more would begin behind the input
    ],
)
def test_ceil_mode_adds_the_window_that_begins_in_the_input(n, f, s, padding, output):
    window = Window.of((n, n), f, s, padding, ceil_mode=True)
    assert window.output == (output, output)
    declared = Window.of((64, 64), f, s, padding).pads
    assert window.pads == (
        declared[0],
        declared[1] + window.beyond[0],
        declared[2],
        declared[3] + window.beyond[1],
    )


def test_height_and_width_are_independent():
    window = Window.of((10, 20), (3, 5), (1, 2), (0, 1, 2, 3))
    assert window.pads == (0, 1, 2, 3)
    assert window.output == (10 + 1 - 3 + 1, (20 + 5 - 5) // 2 + 1)


@pytest.mark.parametrize(
    ("n", "f", "s", "pads"),
    [
        (6, 3, 1, (1, 1)),
        (6, 5, 1, (2, 2)),
        (6, 4, 1, (1, 2)),
        (6, 2, 1, (0, 1)),
        (6, 3, 2, (0, 1)),
        (7, 3, 2, (1, 1)),
        (6, 1, 2, (0, 0)),
    ],
)
def test_same_puts_the_odd_pixel_after(n, f, s, pads):
    assert Window.of((n, n), f, s, "same").pads == (*pads, *pads)


@given(SOME, st.integers(1, 11), SOME)
@drawn
def test_same_makes_one_output_for_every_stride_begun(n, f, s):
    window = Window.of((n, n), f, s, "same")
    assert window.output[0] == -(-n // s)
    assert 0 <= window.pads[1] - window.pads[0] <= 1


@given(cases())
@drawn
def test_the_last_window_fits_and_one_more_would_not(case):
    window = case.window
    for n, before, after, f, s, n_out in zip(
        window.input,
        window.pads[::2],
        window.pads[1::2],
        window.size,
        window.stride,
        window.output,
        strict=True,
    ):
        end = (n_out - 1) * s + f
        assert end <= n + before + after < end + s


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((3, 3), 5), "an input of at least 5×5 with its padding, got 3×3: make the window smaller"),
        (((3, 9), (4, 2)), "at least 4×2 with its padding, got 3×9"),
        (((3, 3), 6, 1, 1), "at least 6×6 with its padding, got 5×5"),
        (((3, 3), 0), "window size: expected one or two whole numbers of at least 1, got 0"),
        (((3, 3), 2.0), "window size: expected one or two whole numbers"),
        (((3, 3), (1, 2, 3)), "window size: expected one or two whole numbers"),
        (((3, 3), 2, 0), "stride: expected one or two whole numbers of at least 1, got 0"),
        (((3, 3), 2, (1, -1)), r"stride: expected one or two whole numbers of at least 1, got \(1, -1\)"),
        (((3, 3), 2, None), "stride: expected one or two whole numbers"),
        (((3, 3), 2, 1, "full"), 'padding: expected "valid", "same", a whole number, or four'),
        (((3, 3), 2, 1, -1), "padding: expected .* got -1"),
        (((3, 3), 2, 1, (1, 2)), r"padding: expected .* got \(1, 2\)"),
        (((3, 3), 2, 1, (1, 2, -3, 4)), "padding: expected"),
        (((3, 3), 2, 1, 0.5), "padding: expected"),
        (((3, 3), 2, 1, (0.5, 0, 0, 0)), "padding: expected"),
        (((3, 3), 2, 1, None), "padding: expected"),
        (((0, 3), 1), "input height and width: expected"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(arguments, message):
    with pytest.raises(ShapeError, match=f"here.*{message}"):
        Window.of(*arguments, who="here")


def test_numpys_whole_numbers_will_do():
    import numpy as np

    eight = np.array([8, 8])
    assert Window.of(tuple(eight), np.int64(3), np.int32(2), np.int64(1)).output == (4, 4)
    assert pair([2, 3], "here", "size") == (2, 3)


@pytest.mark.parametrize(
    ("text", "size"), [("96", (96, 96)), ("96x128", (96, 128)), ("8×9", (8, 9)), (None, None)]
)
def test_sides_are_read_height_first(text, size):
    assert sides(text) == size


@pytest.mark.parametrize("text", ["", "x", "0", "3x0", "-4", "1x2x3", "large", "9.5"])
def test_other_sides_are_an_error(text):
    with pytest.raises(ShapeError, match="96x128"):
        sides(text)


@given(*[st.integers(1, 12)] * 4, st.integers(0, 60), st.integers(0, 20))
def test_blind_positions_are_counted_as_a_loop_counts_them(n, f, s, d, before, positions):
    blind = [
        all(not 0 <= k * s - before + i * d < n for i in range(f)) for k in range(positions)
    ]  # fmt: skip
    assert _blind(n, f, s, d, before, positions) == sum(blind)


def test_windows_of_any_number_are_counted_at_once():
    assert Window.of((2**31 - 1, 1), 1).blind == 0
    assert _blind(3, 2, 7, 10**9, 10**9, 10**9) == 10**9 - 2  # only two see one of the three pixels


@pytest.mark.parametrize(
    "arguments",
    [
        ((2**16, 2**16), 1), ((8, 8), 10**9, 1, "same"), ((8, 8), 1, 1, 10**9), ((8, 8), 1, 10**20),
        ((8, 8), True), ((8, 8), 3, 1, True), ((8, 8), [[1], 2]),
    ],
)  # fmt: skip
def test_sizes_have_bounds(arguments):
    with pytest.raises(ShapeError, match=r"2,147,483,647|whole number"):
        Window.of(*arguments)


def test_filters_have_at_most_4096_rows_and_columns():
    assert Conv2D(1, (4096, 1)).kernel_size == (4096, 1)
    for layer in (Conv2D, ConvTranspose2D):
        with pytest.raises(ShapeError, match=r"kernel_size: expected .* at most 4,096, got 4097"):
            layer(1, 4097)
