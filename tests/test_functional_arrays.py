"""What the operations do with arrays, on either engine: any layout in, nothing modified, NaN out of NaN."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fovea
from fovea import functional as F
from fovea import reference
from fovea.errors import ShapeError
from tests.cases import ENGINES, assert_close

ONE_BY_ONE = (
    "leaky_relu", "clip", "sigmoid", "tanh", "silu", "elu", "hard_sigmoid", "hard_swish", "thresholded_relu",
    "gelu", "gelu_tanh", "mish", "softplus", "softsign", "tanhshrink",
)  # fmt: skip
GATES = ("leaky_relu", "clip", "thresholded_relu")  # a NaN lets the gradient pass


def _plainly(of):
    """`of` of an array; other kinds pass through, to be refused."""
    return lambda a: of(a) if type(a) in (np.ndarray, np.memmap) and a.dtype == np.float32 else a


_square, _share = _plainly(lambda a: np.asarray(a * a)), _plainly(lambda a: np.asarray(1 / (2 + a * a)))
A, DZ = (2, 6, 5, 3), (2, 6, 5, 4)
# name: (the arguments' shapes, the call)
CALLS = {
    "conv2d": ((A, (3, 3, 3, 4), (4,)), lambda *a: F.conv2d(*a, padding=1)),
    "conv2d_backward": ((DZ, A, (3, 3, 3, 4)), lambda *a: F.conv2d_backward(*a, padding=1)),
    "max_pool2d": ((A,), lambda a: F.max_pool2d(a, 2)),
    "max_pool2d_backward": (((2, 3, 2, 3), A), lambda *a: F.max_pool2d_backward(*a, 2)),
    "average_pool2d": ((A,), lambda a: F.average_pool2d(a, 2)),
    "average_pool2d_backward": (((2, 3, 2, 3), A), lambda *a: F.average_pool2d_backward(*a, 2)),
    "upsample2d": ((A,), lambda a: F.upsample2d(a, 2, mode="bilinear")),
    "upsample2d_backward": (((2, 6, 6, 3),), lambda a: F.upsample2d_backward(a, (2, 3))),
    "pad2d": ((A,), lambda a: F.pad2d(a, (1, 2, 0, 3), mode="mirror")),
    "pad2d_backward": (((2, 9, 8, 3),), lambda a: F.pad2d_backward(a, (6, 5), (1, 2, 0, 3), mode="wrap")),
    "resize2d": ((A,), lambda a: F.resize2d(a, (9, 3), mode="bilinear", align_corners=True)),
    "resize2d_backward": (((2, 9, 3, 3),), lambda a: F.resize2d_backward(a, (6, 5), mode="bilinear")),
    "space_to_depth": (((2, 6, 4, 3),), lambda a: F.space_to_depth(a, 2)),
    "depth_to_space": (((2, 6, 4, 12),), lambda a: F.depth_to_space(a, 2, mode="CRD")),
    "take_channels": ((A,), lambda a: F.take_channels(a, (2, 0))),
    "take_channels_backward": (((2, 6, 5, 2),), lambda a: F.take_channels_backward(a, (2, 0), 3)),
    "add": ((A, (2, 3)), F.add),
    "add_backward": ((A,), lambda a: F.add_backward(a, (2, 6, 5, 1), (2, 1, 1, 3))),
    "multiply": ((A, (2, 6, 5, 1)), F.multiply),
    "multiply_backward": ((A, A, (2, 3), (2, 6, 5, 1)), F.multiply_backward),
    "affine": ((A, (3,), (3,)), F.affine),
    "affine_backward": ((A, A, (3,)), F.affine_backward),
    "dense": (((5, 7), (7, 3), (3,)), F.dense),
    "dense_backward": (((5, 3), (5, 7), (7, 3)), F.dense_backward),
    "gram": ((A,), F.gram),
    "gram_backward": (((2, 3, 3), A), F.gram_backward),
    "batch_statistics": ((A,), F.batch_statistics),
    "batch_norm": ((A, (3,), (3,), (3,), (3,)), lambda a, m, v, *b: F.batch_norm(a, m, _square(v), *b)),
    "batch_norm_backward": (
        (A, A, (3,), (3,), (3,)),
        lambda dZ, a, m, v, g: F.batch_norm_backward(dZ, a, m, _square(v), g),
    ),
    "group_norm": ((A, (3,), (3,)), lambda *a: F.group_norm(*a, 3)),
    "group_norm_backward": ((A, A, (3,)), lambda *a: F.group_norm_backward(*a, 3)),
    "layer_norm": ((A, (3,), (3,)), F.layer_norm),
    "layer_norm_backward": ((A, A, (3,)), F.layer_norm_backward),
    "prelu": ((A, (3,)), F.prelu),
    "prelu_backward": ((A, A, (3,)), F.prelu_backward),
    "relu": ((A,), F.relu),
    "relu_backward": ((A, A), F.relu_backward),
    **{name: ((A,), getattr(F, name)) for name in ONE_BY_ONE},
    **{f"{name}_backward": ((A, A), getattr(F, f"{name}_backward")) for name in ONE_BY_ONE},
    "hard_sigmoid_backward": ((A, A), lambda dA, a: F.hard_sigmoid_backward(dA, _share(a))),
    "softmax": (((5, 4),), F.softmax),
    "softmax_backward": (((5, 4), (5, 4)), F.softmax_backward),
    "log_softmax": (((5, 4),), F.log_softmax),
    "log_softmax_backward": (((5, 4), (5, 4)), F.log_softmax_backward),
    "softmax_cross_entropy_backward": (
        ((5, 4),),
        lambda Z: F.softmax_cross_entropy_backward(Z, np.arange(5) % 4),
    ),
}
every_operation = pytest.mark.parametrize("name", CALLS)


@pytest.fixture(params=ENGINES, autouse=True)
def _engine(request):
    with fovea.engine(request.param):
        yield


def arrays_and_call(name):
    shapes, call = CALLS[name]
    rng = np.random.default_rng(7)
    return [rng.standard_normal(shape, np.float32) for shape in shapes], call


def results(value):
    return value if isinstance(value, tuple) else (value,)


@every_operation
def test_results_are_new_float32_arrays(name):
    arrays, call = arrays_and_call(name)
    first, copies = results(call(*arrays)), [np.array(r) for r in results(call(*arrays))]
    call(*(2 * a for a in arrays))  # a later call must not write into an earlier one's result
    for result, copy in zip(first, copies, strict=True):
        assert result.dtype == np.float32
        assert np.array_equal(result, copy)
        assert result.flags.writeable
        assert not any(np.shares_memory(result, a) for a in arrays)


@every_operation
def test_arguments_may_be_read_only_and_stay_as_they_are(name):
    arrays, call = arrays_and_call(name)
    copies = [a.copy() for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    call(*arrays)
    for a, copy in zip(arrays, copies, strict=True):
        assert np.array_equal(a, copy)


@every_operation
@pytest.mark.parametrize("layout", ["fortran", "reversed", "strided", "unaligned"])
def test_arguments_may_lie_in_any_layout(name, layout):
    arrays, call = arrays_and_call(name)
    for got, expected in zip(
        results(call(*(_lay(a, layout) for a in arrays))), results(call(*arrays)), strict=True
    ):
        assert_close(got, expected, 1e-6)


def _lay(a, layout):
    """The same numbers, elsewhere."""
    if layout == "fortran":
        return np.asfortranarray(a)
    if layout == "reversed":
        return np.ascontiguousarray(a[..., ::-1])[..., ::-1]
    if layout == "strided":
        wide = np.full((*a.shape[:-1], 2 * a.shape[-1]), np.nan, a.dtype)
        wide[..., ::2] = a
        return wide[..., ::2]
    memory = np.zeros(a.nbytes + 1, np.uint8)[1:]  # not even a float's address is a multiple of four
    view = memory.view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


@every_operation
def test_a_nan_goes_through(name):
    arrays, call = arrays_and_call(name)
    arrays[0].flat[0] = np.nan
    assert any(np.isnan(r).any() for r in results(call(*arrays)))
    assert not any(np.isnan(r).all() for r in results(call(*arrays)))


def test_a_nan_stays_within_its_windows_and_its_example():
    A_prev = np.ones((2, 6, 6, 1), np.float32)
    A_prev[0, 2, 3, 0] = np.nan
    expected = np.zeros((2, 3, 3, 1), bool)
    expected[0, 1, 1] = True
    for pooled in (F.max_pool2d(A_prev, 2), F.average_pool2d(A_prev, 2)):
        assert np.array_equal(np.isnan(pooled), expected)
    W = np.ones((2, 2, 1, 3), np.float32)
    assert np.array_equal(np.isnan(F.conv2d(A_prev, W, None, stride=2)), np.repeat(expected, 3, axis=3))
    dA_prev = F.max_pool2d_backward(np.ones(expected.shape, np.float32), A_prev, 2)
    assert dA_prev[0, 2:4, 2:4, 0].tolist() == [[0, 1], [0, 0]]


def test_relu_does_not_make_numbers_of_nan():
    """Many numbers at once and the rest one by one: vectors compare NaN in ways of their own."""
    Z = np.where(np.arange(37) % 3 == 0, np.nan, np.arange(37) % 3 - 1.5).astype(np.float32)
    assert np.array_equal(F.relu(Z), np.where(Z <= 0, 0, Z), equal_nan=True)
    assert np.array_equal(F.relu_backward(np.ones_like(Z), Z), np.where(Z <= 0, 0, 1))


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_no_activation_makes_numbers_of_nan(name):
    Z = np.where(np.arange(37) % 3 == 0, np.nan, np.arange(37) % 3 - 1.5).astype(np.float32)
    numbers = (0.3,) if name == "thresholded_relu" else ()
    assert np.array_equal(np.isnan(getattr(F, name)(Z, *numbers)), np.isnan(Z))
    back = getattr(F, f"{name}_backward")
    assert np.array_equal(np.isnan(back(Z, np.ones_like(Z) / 2, *numbers)), np.isnan(Z))
    passed = back(np.ones_like(Z), Z, *numbers)[np.isnan(Z)]
    if name == "hard_sigmoid":
        assert np.allclose(passed, 1 / 6)
    else:
        assert (passed == 1).all() if name in GATES else np.isnan(passed).all()


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_beyond_all_numbers_both_engines_agree(name):
    Z = np.array([np.inf, -np.inf, 3.4e38, -3.4e38, 1e20, -1e20, 1e-40, -1e-40, 0, np.nan] * 4, np.float32)
    A = getattr(reference, name)(Z)
    np.testing.assert_allclose(getattr(F, name)(Z), A, rtol=1e-6, atol=1e-37)
    back = np.ones_like(Z), A if name in ("sigmoid", "tanh", "hard_sigmoid") else Z
    dZ = getattr(reference, f"{name}_backward")(*back)
    np.testing.assert_allclose(getattr(F, f"{name}_backward")(*back), dZ, rtol=1e-6, atol=1e-37)


def test_a_nan_logit_spoils_its_row_and_the_loss():
    for at in range(10):
        Z = np.random.default_rng(at).standard_normal((20, 10), np.float32)
        Z[3, at] = np.nan
        labels = np.arange(20, dtype=np.int32) % 10
        spoilt = np.arange(20) == 3
        assert np.array_equal(np.isnan(F.softmax(Z)).all(axis=1), spoilt)
        assert np.array_equal(np.isnan(F.softmax_cross_entropy_backward(Z, labels)).any(axis=1), spoilt)
        assert np.isnan(F.softmax_cross_entropy(Z, labels))
        labels[3] = -1
        assert np.isfinite(F.softmax_cross_entropy(Z, labels))
        shares = np.where(labels[:, None] < 0, 0, np.eye(10)[labels]).astype(np.float32)
        assert np.isfinite(F.softmax_cross_entropy(Z, shares, smoothing=0.1))
        assert np.isfinite(F.softmax_cross_entropy_backward(Z, shares, smoothing=0.1)).all()
        shares[3] = 0.1
        assert np.isnan(F.softmax_cross_entropy(Z, shares))


@pytest.mark.parametrize(
    "shape", [(), (1,), (17,), (3, 5), (2, 3, 4), (2, 3, 4, 5), (2, 1, 3, 1, 4), (0, 3)], ids=str
)
def test_relu_takes_any_shape(shape):
    Z = np.asarray(np.random.default_rng(8).standard_normal(shape), np.float32)
    assert np.array_equal(F.relu(Z), np.maximum(Z, 0))
    assert np.array_equal(F.relu_backward(Z, Z), np.maximum(Z, 0))


def test_an_empty_batch_is_no_mistake():
    none, W = np.zeros((0, 6, 5, 3), np.float32), np.ones((3, 3, 3, 4), np.float32)
    assert F.conv2d(none, W, None).shape == (0, 4, 3, 4)
    dA_prev, dW, db = F.conv2d_backward(np.zeros((0, 4, 3, 4), np.float32), none, W)
    assert dA_prev.shape == none.shape
    assert not dW.any()
    assert not db.any()
    pooled = np.zeros((0, 3, 2, 3), np.float32)
    for pool in (F.max_pool2d, F.average_pool2d):
        assert pool(none, 2).shape == pooled.shape
    for back in (F.max_pool2d_backward, F.average_pool2d_backward):
        assert back(pooled, none, 2).shape == none.shape
    rows, labels = np.zeros((0, 3), np.float32), np.zeros(0, int)
    assert F.dense(rows, W[0, 0], None).shape == (0, 4)
    assert not F.dense_backward(np.zeros((0, 4), np.float32), rows, W[0, 0])[1].any()
    assert F.softmax(rows).shape == F.softmax_cross_entropy_backward(rows, labels).shape == (0, 3)
    assert F.softmax_cross_entropy(rows, labels) == 0


def test_several_threads_may_compute_at_once():
    rng = np.random.default_rng(9)
    batches = [rng.standard_normal(A, np.float32) for _ in range(16)]
    _, call = CALLS["conv2d"]
    W, b = rng.standard_normal((3, 3, 3, 4), np.float32), rng.standard_normal(4, np.float32)
    name = fovea.engine.current()

    def compute(A_prev):
        with fovea.engine(name):
            return call(A_prev, W, b)

    expected = [compute(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for got, one in zip(pool.map(compute, batches), expected, strict=True):
            assert np.array_equal(got, one)


KINDS = {
    "matrix": lambda a: np.ma.array(a) if a.ndim > 2 else a.view(np.matrix),
    "masked": np.ma.array,
    "subclass": lambda a: a.view(type("Own", (np.ndarray,), {})),
    "recarray": lambda a: a.view(np.recarray),
    "list": lambda a: a.tolist(),
    "none": lambda a: None,
    "scalar": lambda a: a.dtype.type(1),
    "objects": lambda a: a.astype(object),
    "other bytes": lambda a: a.astype(a.dtype.newbyteorder()),
    "fields": lambda a: np.zeros(a.shape, [("a", "f4")]),
    "complex": lambda a: a.astype(np.complex64),
    "half": lambda a: a.astype(np.float16),
    "bool": lambda a: a > 0,
}


@every_operation
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_other_kinds_are_refused_in_the_references_words(name):
    arrays, call = arrays_and_call(name)
    for kind, made in KINDS.items():
        for place, array in enumerate(arrays):
            if kind == "none" and place == 2 and name in ("conv2d", "dense", "affine"):
                continue  # they do without a bias
            given = [*arrays[:place], made(array), *arrays[place + 1 :]]
            with pytest.raises(ShapeError) as refused:
                call(*given)
            with fovea.engine("reference"), pytest.raises(ShapeError) as expected:
                call(*given)
            assert str(refused.value) == str(expected.value), kind


@every_operation
def test_arrays_of_a_mapped_file_give_arrays(name, tmp_path):
    arrays, call = arrays_and_call(name)
    mapped = []
    for number, array in enumerate(arrays):
        mapped.append(np.memmap(tmp_path / f"{number}", np.float32, "w+", shape=array.shape))
        mapped[-1][...] = array
    for result, expected in zip(results(call(*mapped)), results(call(*arrays)), strict=True):
        assert type(result) is np.ndarray
        assert np.array_equal(result, expected)


@pytest.mark.parametrize("name", ["add", "multiply", "multiply_backward", "relu", "relu_backward"])
def test_arrays_without_axes_give_arrays(name):
    numbers = [np.array(i + 2, np.float32) for i in range(len(CALLS[name][0]))]
    for result in results(getattr(F, name)(*numbers)):
        assert type(result) is np.ndarray
        assert result.shape == ()


def test_no_pictures_become_no_pictures():
    assert F.depth_to_space(np.zeros((0, 6, 4, 12), np.float32), 2, mode="CRD").shape == (0, 12, 8, 3)
