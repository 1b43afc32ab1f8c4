"""Operators that only move data, or return its shape: in NumPy, for numbers of any type."""

from typing import Any

import numpy as np
from onnx import TensorProto, helper

from fovea.errors import ShapeError, mismatch

TYPES = {
    TensorProto.DataType.Value(name)
    for name in (
        "FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE", "BOOL",
        "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64",
    )
}  # fmt: skip


def flatten(x, *, axis=1):
    return x.reshape(int(np.prod(x.shape[: axis if axis >= 0 else x.ndim + axis])), -1)


def reshape(x, shape, *, allowzero=0):
    """Reshape: 0 keeps an axis, or with `allowzero` means 0; −1 is inferred from the other axes."""
    lengths = [int(n) for n in shape]
    if not allowzero:
        lengths = [x.shape[place] if n == 0 else n for place, n in enumerate(lengths)]
    return x.reshape(lengths)


def transpose(x, *, perm=None):
    return np.ascontiguousarray(x.transpose(perm))


def concat(*arrays, axis):
    return np.concatenate(arrays, axis=axis)


def squeeze(x, given: Any = None, *, axes=None):
    axes = axes if given is None else given
    return np.squeeze(x, None if axes is None else tuple(int(axis) for axis in axes))


def unsqueeze(x, given: Any = None, *, axes: Any = None):
    return np.expand_dims(x, tuple(int(axis) for axis in (axes if given is None else given)))


def pad(
    x, sides: Any = None, value=None, axes: Any = None, *, pads: Any = None, mode: Any = "constant", **more
):
    """Pad; `sides` has the numbers before each axis, then those after each; negative ones crop."""
    sides = [int(n) for n in (sides if pads is None else pads)]
    axes = range(x.ndim) if axes is None else [int(axis) % x.ndim for axis in axes]
    around = [[0, 0] for _ in x.shape]
    for place, axis in enumerate(axes):
        around[axis] = [sides[place], sides[place + len(sides) // 2]]
    cut = tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, around, strict=True))
    fill = value if value is not None else more.get("value", 0)
    options = {"constant_values": x.dtype.type(fill)} if mode == "constant" else {}
    return np.pad(x[cut], [[max(n, 0) for n in pair] for pair in around], mode=mode, **options)


def slice_(
    x,
    start: Any = None,
    end: Any = None,
    axes_in: Any = None,
    steps: Any = None,
    *,
    starts=None,
    ends=None,
    axes=None,
):
    start, end = (start if starts is None else starts), (end if ends is None else ends)
    axes = axes_in if axes is None else axes
    parts = [slice(None)] * x.ndim
    for place, axis in enumerate(range(len(start)) if axes is None else axes):
        step = 1 if steps is None else int(steps[place])
        stop = int(end[place])
        whole = step < 0 and stop < -x.shape[axis]  # down to index 0
        parts[int(axis)] = slice(int(start[place]), None if whole else stop, step)
    return x[tuple(parts)]


def parts(x, lengths: Any = None, *, axis=0, num_outputs=None, outputs=1):
    """Split into parts of `lengths`, or into equal parts, one per output, of which the last may be
    shorter."""
    if lengths is None:
        if num_outputs is None:
            raise ShapeError(mismatch("its parts", "their lengths or their number", "neither"))
        before = [-(-x.shape[axis] // num_outputs)] * (num_outputs - 1)
        lengths = [*before, x.shape[axis] - sum(before)]
    if len(lengths) != outputs or min(lengths) < 0 or sum(lengths) != x.shape[axis]:
        raise ShapeError(mismatch("its parts", f"{outputs} of {x.shape[axis]} in all", list(lengths)))
    return tuple(np.split(x, np.cumsum(lengths[:-1], dtype=int), axis=axis))


def parts_before_18(x, lengths: Any = None, *, axis=0, split=None, outputs=1):
    """Split into parts of `lengths`, or into equal parts."""
    lengths = lengths if split is None else split
    if lengths is None and x.shape[axis] % outputs:
        raise ShapeError(mismatch("its axis", f"a multiple of its {outputs} outputs", x.shape[axis]))
    return parts(x, lengths, axis=axis, num_outputs=outputs, outputs=outputs)


def depth_to_space(x, *, blocksize, mode="DCR"):
    N, C, H, W = x.shape
    b = blocksize
    if mode == "CRD":
        return x.reshape(N, -1, b, b, H, W).transpose(0, 1, 4, 2, 5, 3).reshape(N, C // b**2, H * b, W * b)
    return x.reshape(N, b, b, -1, H, W).transpose(0, 3, 4, 1, 5, 2).reshape(N, C // b**2, H * b, W * b)


def space_to_depth(x, *, blocksize):
    N, C, H, W = x.shape
    b = blocksize
    return x.reshape(N, C, H // b, b, W // b, b).transpose(0, 3, 5, 1, 2, 4).reshape(N, -1, H // b, W // b)


def gather(x, indices, *, axis=0):
    return np.take(x, indices, axis=axis)


def gather_nd(x, indices, *, batch_dims=0):
    """Gather: `indices` (…, k) are positions along k axes of x, after `batch_dims` common axes."""
    before = tuple(np.indices(x.shape[:batch_dims]))
    lengths = indices.shape[batch_dims:-1]
    before = [np.expand_dims(index, tuple(range(batch_dims, batch_dims + len(lengths)))) for index in before]
    return x[(*before, *np.moveaxis(indices, -1, 0))]


def tile(x, repeats):
    return np.tile(x, [int(n) for n in repeats])


def expand(x, shape):
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(int(n) for n in shape))).copy()


def shape(x, *, start=0, end=None):
    return np.array(x.shape[start:end], np.int64)


def constant(*, value=None, value_float=None, value_floats=None, value_int=None, value_ints=None):
    for given, dtype in ((value_float, np.float32), (value_floats, np.float32), (value_int, np.int64)):
        if given is not None:
            return np.array(given, dtype)
    return np.array(value_ints, np.int64) if value is None else value


def constant_of_shape(shape, *, value=None):
    value = np.zeros(1, np.float32) if value is None else value
    return np.full(tuple(int(n) for n in shape), value.reshape(-1)[0], value.dtype)


def cast(x, *, to, **rounding):
    if to not in TYPES:
        raise ShapeError(mismatch("its type", "numbers of 8 bits or more", TensorProto.DataType.Name(to)))
    return x.astype(helper.tensor_dtype_to_np_dtype(to))


def cast_like(x, like, **rounding):
    return x.astype(like.dtype)


def dropout(x, ratio_in: Any = None, training=None, *, ratio: Any = None, seed=None, is_test=None, outputs=1):
    """Dropout; in training with NumPy's legacy generator and `seed`, as in ONNX's reference."""
    given = ratio_in if ratio is None else ratio
    part = 0.5 if given is None else float(given)
    kept = np.ones(x.shape, bool)
    if training is not None and training and part > 0:
        kept = np.random.RandomState(seed).uniform(0, 1.0, x.shape) >= part
        x = (kept * x / (1 - part)).astype(x.dtype)
    return (x, kept) if outputs > 1 else x
