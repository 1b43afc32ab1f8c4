"""What filters are, whoever computes them; and what they say to wrong arguments."""

import re

import numpy as np
import pytest

import fovea
from fovea import filters
from fovea.errors import DataError, FoveaError, ShapeError
from fovea.geometry.borders import MODES
from tests.filters.pictures import SHAPES, TYPES, picture


def step(dtype=np.float32):
    """Ten on the left of nothing, as the course draws it."""
    image = np.zeros((6, 6), dtype)
    image[:, :3] = 10
    return image


def test_the_courses_vertical_edge(engine):
    answer = filters.vertical(step())
    np.testing.assert_array_equal(answer, np.tile([0, 0, 30, 30, 0, 0], (6, 1)))
    np.testing.assert_array_equal(filters.horizontal(step()), np.zeros((6, 6)))
    np.testing.assert_array_equal(filters.horizontal(step().T), answer.T)


@pytest.mark.parametrize("name", ["prewitt", "sobel", "scharr"])
def test_a_step_is_answered_at_the_step_alone(name, engine):
    operator = getattr(filters, name)
    np.testing.assert_allclose(operator(step(), 1), np.tile([0, 0, -10, -10, 0, 0], (6, 1)), atol=1e-5)
    np.testing.assert_allclose(operator(step(), 0), np.zeros((6, 6)), atol=1e-5)
    np.testing.assert_allclose(operator(step()), np.abs(operator(step(), 1)) / np.sqrt(2), rtol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 2, 2.0, -0.7, -2.5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_direction_of_a_slope_is_where_it_rises(angle, dtype, engine):
    y, x = np.mgrid[:20, :30]
    slope = (np.cos(angle) * x + np.sin(angle) * y).astype(dtype)
    strength, direction = filters.gradient(slope)
    np.testing.assert_allclose(direction[1:-1, 1:-1], angle, atol=1e-5 if dtype == "float32" else 1e-12)
    np.testing.assert_allclose(strength[1:-1, 1:-1], np.sqrt(2), rtol=1e-5)  # 2 a pixel, divided by √2
    np.testing.assert_array_equal(filters.magnitude(slope), strength)
    np.testing.assert_array_equal(filters.direction(slope), direction)


def test_the_direction_is_exact_to_the_last_digits_but_one(engine):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(50, 60)).astype(np.float32)
    g_y, g_x = filters.sobel(image.astype(float), 0), filters.sobel(image.astype(float), 1)
    np.testing.assert_allclose(filters.direction(image), np.arctan2(g_y, g_x), atol=1e-5)


@pytest.mark.parametrize(
    "name", ["vertical", "horizontal", "laplacian", "roberts", "sobel", "scharr", "prewitt"]
)
@pytest.mark.parametrize("dtype", TYPES)
def test_a_constant_picture_has_no_edges(name, dtype, engine):
    for shape in SHAPES:
        assert not getattr(filters, name)(np.full(shape, 1, dtype)).any()


@pytest.mark.parametrize("name", ["gaussian", "box", "sharpen", "emboss"])
@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "constant"])
def test_a_constant_picture_stays_itself(name, mode, engine):
    for shape in SHAPES:
        image = np.full(shape, 77, np.uint8)
        np.testing.assert_array_equal(getattr(filters, name)(image, convention="opencv", mode=mode), image)
        answer = getattr(filters, name)(image, mode=mode)
        np.testing.assert_allclose(answer, np.float32(77 / 255), rtol=1e-6)


@pytest.mark.parametrize("convention", filters.CONVENTIONS)
def test_both_engines_agree(convention):
    if not fovea.engine.available():
        pytest.skip("Halide is not installed")
    for dtype in TYPES:
        image = picture((70, 33, 3), dtype)
        for name in ("vertical", "roberts", "scharr", "laplacian", "gaussian", "box", "sharpen", "emboss"):
            answers = []
            for engine in fovea.engine.NAMES:
                with fovea.engine(engine):
                    answers.append(getattr(filters, name)(image, convention=convention))
            own, reference = answers
            assert own.dtype == reference.dtype
            if own.dtype.kind == "f":
                np.testing.assert_allclose(own, reference, rtol=0, atol=1e-6 * np.abs(reference).max())
            else:
                np.testing.assert_array_equal(own, reference)


def test_views_are_filtered_as_copies_are(engine):
    image = picture((40, 60, 3), "uint8")
    for view in (image[::2, ::-3], image[:, :, 1], image.transpose(1, 0, 2), image[5:]):
        before = view.copy()
        np.testing.assert_array_equal(filters.sobel(view), filters.sobel(before))
        np.testing.assert_array_equal(view, before)


def test_a_results_memory_is_not_taken_while_anything_refers_to_it():
    image = picture((1100, 1000), "uint8")
    first = filters.sobel(image, 1)[3:, ::2]
    kept = first.copy()
    for _ in range(4):
        filters.sobel(255 - image, 1)
    np.testing.assert_array_equal(first, kept)


@pytest.mark.skipif(not fovea.engine.available(), reason="Halide is not installed")
def test_a_results_memory_is_taken_again_when_nothing_does():
    from fovea.kernels import result_pool

    result_pool._free.clear()
    image = picture((1100, 1000), "uint8")
    with fovea.engine("halide"):
        place = filters.sobel(image, 1).ctypes.data
        assert filters.sobel(image, 0).ctypes.data == place


# As a layer


@pytest.mark.parametrize("name", filters.names())
def test_a_layer_answers_as_the_filter_does(name, engine):
    pictures = np.stack([picture((12, 17, 2), "float32", seed) for seed in (1, 2)])
    answers = filters.as_layer(name, channels=2).forward(pictures)[0]
    for image, answer in zip(pictures, answers, strict=True):
        expected = filters.apply(image, filters.weights(name), mode="constant")
        np.testing.assert_allclose(answer, expected, atol=1e-5)


def test_filters_of_several_sizes_share_a_layer(engine):
    kernels = ("sobel-vertical", [[1, 2]], np.ones((4, 5)))
    layer = filters.as_layer(*kernels, channels=3)
    assert layer.parameters["W"].shape == (5, 5, 3, 9)
    image = picture((9, 11, 3), "float32")
    answer = layer.forward(image[np.newaxis])[0][0]
    for number, kernel in enumerate(kernels):
        kernel = filters.weights(kernel) if isinstance(kernel, str) else kernel
        expected = filters.apply(image, kernel, mode="constant")
        np.testing.assert_allclose(answer[:, :, 3 * number : 3 * number + 3], expected, atol=1e-5)


def test_a_layer_goes_into_a_network_and_learns():
    layer = filters.as_layer("sobel-vertical", padding="valid")
    Z, cache = layer.forward(np.ones((1, 5, 5, 1), np.float32))
    assert Z.shape == (1, 3, 3, 1)
    dA_prev, gradients = layer.backward(Z, cache)
    assert dA_prev.shape == (1, 5, 5, 1)
    assert gradients["W"].shape == (3, 3, 1, 1)


# Colour


def test_grey_is_pillows():
    from PIL import Image

    image = picture((20, 30, 3), "uint8")
    np.testing.assert_array_equal(filters.grey(image), np.asarray(Image.fromarray(image).convert("L")))
    np.testing.assert_allclose(filters.grey(image / 255), filters.grey(image) / 255, atol=0.002)
    np.testing.assert_array_equal(filters.grey(image[:, :, :1]), image[:, :, 0])


# Wrong arguments


@pytest.mark.parametrize(
    ("image", "error", "text"),
    [
        ("cat.jpg", ShapeError, "expected a picture as a NumPy array, got str: fovea.images.read makes one"),
        (None, ShapeError, "got NoneType"),
        ([[1, 2], [3, 4]], ShapeError, "got list"),
        (np.zeros((3, 3), np.int64), ShapeError, "uint8, uint16, float32, float64, got <i8: convert it"),
        (np.zeros((3, 3), bool), ShapeError, "convert it with .astype(np.float32)"),
        (np.zeros((3, 3), ">f4"), ShapeError, "got >f4"),
        (np.zeros((3, 3), complex), ShapeError, "give real numbers"),
        (np.array([["a"]]), ShapeError, "give real numbers"),
        (np.zeros(9), ShapeError, "expected a picture (H, W) or (H, W, C), got (9,)"),
        (np.zeros((2, 3, 3, 1)), ShapeError, "filter the pictures of a batch one by one"),
        (np.zeros((0, 5)), DataError, "expected a picture with at least one pixel, got (0, 5)"),
        (np.zeros((5, 5, 0)), DataError, "at least one pixel"),
        (np.broadcast_to(np.uint8(0), (50_000, 50_000)), DataError, "at most 2,147,483,647 numbers"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_picture(image, error, text):
    for function in (filters.sobel, filters.gaussian, filters.gradient, filters.canny):
        with pytest.raises(error, match=re.escape(text)):
            function(image)
    with pytest.raises(error, match=re.escape(text)):
        filters.apply(image, [[1]])


@pytest.mark.parametrize(
    ("kernel", "text"),
    [
        ([[1, 2], [3]], "rectangle of numbers, (f_H, f_W), got rows of different lengths"),
        ([1, 0, -1], "got shape (3,): write one row as [[1, 0, -1]]"),
        ([], "got shape (0,)"),
        ([[]], "got shape (1, 0)"),
        (3, "got shape ()"),
        (np.zeros((3, 3, 1)), "got shape (3, 3, 1)"),
        ([["a", "b"]], "got <U1 values"),
        ("sobel", "got <U5 values"),
        ([[1j]], "got complex numbers"),
        ([[None]], "got object values"),
        ([[1, np.nan]], "expected a kernel of finite numbers, got NaN or infinity"),
    ],
    ids=str,
)
def test_what_is_no_filter(kernel, text):
    with pytest.raises(ShapeError, match=re.escape(text)):
        filters.apply(np.zeros((5, 5)), kernel)
    if not isinstance(kernel, str):
        with pytest.raises(ShapeError, match=re.escape(text)):
            filters.as_layer(kernel)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda i: filters.sobel(i, 2), "filters.sobel: axis: expected 0, 1 or None, got 2"),
        (lambda i: filters.sobel(i, mode="grid"), "expected one of reflect, mirror, nearest, wrap, constant"),
        (
            lambda i: filters.sobel(i, convention="matlab"),
            'expected "scikit-image" or "opencv", got \'matlab\'',
        ),
        (lambda i: filters.sobel(i, mode="constant", cval="x"), "cval: expected a finite number, got 'x'"),
        (
            lambda i: filters.sobel(i, convention="opencv", mode="constant", cval=0.5),
            "a number that uint8 has",
        ),
        (lambda i: filters.gradient(i, "canny"), "operator: expected one of prewitt, sobel, scharr, roberts"),
        (lambda i: filters.gaussian(i, -1), "sigma: expected one or two numbers from 0 to 1000, got -1"),
        (lambda i: filters.gaussian(i, (1, 2, 3)), "got (1, 2, 3)"),
        (lambda i: filters.gaussian(i, np.nan), "got nan"),
        (
            lambda i: filters.box(i, 0),
            "filters.box: size: expected one or two whole numbers of at least 1, got 0",
        ),
        (lambda i: filters.box(i, 10**6), "filters.box: size: expected at most 9999"),
        (lambda i: filters.weights("sobel"), "expected one of vertical, horizontal, prewitt-horizontal"),
        (lambda i: filters.as_layer(), "at least one filter and one channel, got 0 filters"),
        (lambda i: filters.as_layer("box", channels=0), "channels=0"),
        (lambda i: filters.canny(np.zeros((5, 5, 4))), "lay a transparent picture over white first"),
    ],
)
def test_wrong_arguments_are_named(call, text):
    with pytest.raises(FoveaError, match=re.escape(text)):
        call(np.zeros((5, 5), np.uint8))


def test_a_border_of_any_value(engine):
    image = np.zeros((3, 3), np.uint8)
    white = filters.box(image, mode="constant", cval=1.0)
    np.testing.assert_allclose(
        white, [[5 / 9, 3 / 9, 5 / 9], [3 / 9, 0, 3 / 9], [5 / 9, 3 / 9, 5 / 9]], rtol=1e-6
    )
    white = filters.sharpen(image + 100, convention="opencv", mode="constant", cval=255)
    np.testing.assert_array_equal(white, [[0, 0, 0], [0, 100, 0], [0, 0, 0]])


def test_an_option_that_there_is_not_is_told_as_python_tells_it():
    with pytest.raises(TypeError, match=r"^filters.sobel\(\) got an unexpected keyword argument 'colour'$"):
        filters.sobel(step(), colour=1)


@pytest.mark.skipif(not fovea.engine.available(), reason="Halide is not installed")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*filters.names(), "magnitude", "direction"])
def test_both_engines_pass_on_nan_and_infinity_alike(name, dtype):
    rng = np.random.default_rng(0)
    image = rng.standard_normal((16, 33)).astype(dtype)
    image[3, 4], image[9, 20], image[12, 30] = np.nan, np.inf, -np.inf
    own = getattr(filters, name, None)
    found = []
    for engine in fovea.engine.NAMES:
        with fovea.engine(engine):
            found.append(own(image) if callable(own) else filters.apply(image, filters.weights(name)))
    for test in (np.isnan, np.isposinf, np.isneginf):
        np.testing.assert_array_equal(test(found[0]), test(found[1]))


@pytest.mark.parametrize("own", [np.ma.array, lambda a: a.view(np.recarray), lambda a: a.tolist()])
def test_a_picture_of_another_kind_is_refused(own):
    with pytest.raises(ShapeError, match="expected a picture as a NumPy array"):
        filters.sobel(own(np.zeros((4, 5), np.float32)))
