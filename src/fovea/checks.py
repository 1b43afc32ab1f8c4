"""What both engines ask of their arguments: the same checks, and so the same errors, for either.

Every function takes a call's arguments and `who` is calling, and raises ShapeError on the first that does not
fit; those with a window return it. The type aliases name the shapes as they are written in all signatures.
"""

from typing import Annotated, TypeAlias

import numpy as np

from fovea.errors import EngineError, ShapeError, mismatch
from fovea.geometry import Padding, Pair, Window, pair

Volume: TypeAlias = Annotated[np.ndarray, "(N, H, W, C)"]
Filters: TypeAlias = Annotated[np.ndarray, "(f_H, f_W, C_in, C_out)"]
Matrix: TypeAlias = Annotated[np.ndarray, "(n_in, n_out)"]
Rows: TypeAlias = Annotated[np.ndarray, "(N, n)"]
Vector: TypeAlias = Annotated[np.ndarray, "(n,)"]
Targets: TypeAlias = Annotated[np.ndarray, "(N,) whole numbers, or (N, classes) shares"]
Array: TypeAlias = Annotated[np.ndarray, "any shape"]


def conv2d(
    A_prev: Volume,
    W: Filters,
    b: Vector | None,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
    who: str = "conv2d",
) -> Window:
    """A_prev (N, H, W, C_in), W (f_H, f_W, C_in / groups, C_out), b (C_out,) or None."""
    floats(who, W=W, A_prev=A_prev, b=b)
    _shape(who, "W", W, ("f_H", "f_W", "C_in" if groups == 1 else "C_in / groups", "C_out"),
           "filters have four axes")  # fmt: skip
    in_groups(who, groups, C_out=W.shape[3])
    _volume(who, "A_prev", A_prev, W.shape[2] * groups, W, groups)
    if b is not None:
        _shape(who, "b", b, W.shape[3:], "one bias for each filter")
    return Window.of(A_prev.shape[1:3], W.shape[:2], stride, padding, who, dilation=dilation)


def conv2d_backward(
    dZ: Volume,
    A_prev: Volume,
    W: Filters,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
    who: str = "conv2d_backward",
) -> Window:
    """As `conv2d`, and dZ (N, n_H, n_W, C_out) of the output's shape."""
    window = conv2d(A_prev, W, None, stride, padding, dilation, groups, who)
    floats(who, A_prev=A_prev, dZ=dZ)
    _shape(who, "dZ", dZ, (len(A_prev), *window.output, W.shape[3]), "dZ has the shape of conv2d's output")
    return window


def conv2d_transpose(
    A_prev: Volume,
    W: Filters,
    b: Vector | None,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
    dZ: Volume | None = None,
    who: str = "conv2d_transpose",
) -> Window:
    """A_prev (N, H, W, C_in), W (f_H, f_W, C_out / groups, C_in), b (C_out,) or None, dZ of the output's
    shape or None. The window is that of the convolution that it turns about: its input is the output here."""
    floats(who, W=W, A_prev=A_prev, b=b, dZ=dZ)
    _shape(who, "W", W, ("f_H", "f_W", "C_out" if groups == 1 else "C_out / groups", "C_in"),
           "filters have four axes; C_in comes last")  # fmt: skip
    in_groups(who, groups, C_in=W.shape[3])
    _volume(who, "A_prev", A_prev, W.shape[3])
    C_out = W.shape[2] * groups
    if b is not None:
        _shape(who, "b", b, (C_out,), "one bias for each channel of the output")
    how = {"output_padding": output_padding, "dilation": dilation}
    window = Window.onto(A_prev.shape[1:3], W.shape[:2], stride, padding, who, **how)
    if dZ is not None:
        shape = (len(A_prev), *window.input, C_out)
        _shape(who, "dZ", dZ, shape, "dZ has the shape of conv2d_transpose's output")
    return window


def in_groups(who: str, groups: int, **channels: int) -> None:
    """`groups` is a whole number that divides all `channels`."""
    if not isinstance(groups, int | np.integer) or isinstance(groups, bool) or groups < 1:
        raise ShapeError(mismatch(who, "groups as a whole number of at least 1", repr(groups)))
    for name, count in channels.items():
        if count % groups:
            remedy = f"each group has as many: {name} is a multiple of groups"
            raise ShapeError(mismatch(who, f"groups that divide {name} = {count}", groups, remedy))


def pool(
    A_prev: Volume,
    size: int | Pair,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
    dA: Volume | None = None,
    who: str = "pool",
) -> Window:
    """A_prev (N, H, W, C), dA (N, n_H, n_W, C) of the output's shape or None; no `stride` means `size`.

    A window that sees nothing but padding has neither a maximum nor an average, and is refused.
    """
    floats(who, A_prev=A_prev, dA=dA)
    _volume(who, "A_prev", A_prev, "C")
    window = pooled(A_prev.shape[1:3], size, stride, padding, dilation, ceil_mode, who)
    if dA is not None:
        shape = (len(A_prev), *window.output, A_prev.shape[3])
        _shape(who, "dA", dA, shape, "dA has the shape of the pool's output")
    return window


def pooled(
    input: Pair,
    size: int | Pair,
    stride: int | Pair | None,
    padding: Padding,
    dilation: int | Pair,
    ceil_mode: bool,
    who: str,
) -> Window:
    """The window of a pool over (height, width) pixels. Raises ShapeError."""
    if not isinstance(ceil_mode, bool | np.bool_):
        raise ShapeError(mismatch(f"{who}: ceil_mode", "True or False", repr(ceil_mode)))
    stride = size if stride is None else stride
    window = Window.of(input, size, stride, padding, who, dilation=dilation, ceil_mode=bool(ceil_mode))
    (f_H, f_W), (top, bottom, left, right), (more_H, more_W) = window.size, window.pads, window.beyond
    pads, apart = (top, bottom - more_H, left, right - more_W), ""
    if max(pads[:2]) >= window.extent[0] or max(pads[2:]) >= window.extent[1] or window.blind:
        if window.dilation != (1, 1):
            apart = f", its pixels {window.dilation[0]}×{window.dilation[1]} apart"
        raise ShapeError(
            mismatch(who, f"a padding smaller than the window of {f_H}×{f_W}{apart}", pads,
                     "a window must see at least one pixel")
        )  # fmt: skip
    return window


UPSAMPLING = ("nearest", "bilinear")


def upsample(A_prev: Volume, factor: int | Pair, mode: str, who: str = "upsample2d") -> Pair:
    """A_prev (N, H, W, C); returns `factor` as a pair."""
    floats(who, A_prev=A_prev)
    _volume(who, "A_prev", A_prev, "C")
    if mode not in UPSAMPLING:
        raise ShapeError(mismatch(f"{who}: mode", " or ".join(map(repr, UPSAMPLING)), repr(mode)))
    return pair(factor, who, "factor")


def upsample_backward(dA: Volume, factor: int | Pair, mode: str, who: str = "upsample2d_backward") -> Pair:
    """dA (N, f_H · H, f_W · W, C); returns `factor` as a pair."""
    floats(who, dA=dA)
    _volume(who, "dA", dA, "C")
    factors = upsample(dA, factor, mode, who)
    if dA.shape[1] % factors[0] or dA.shape[2] % factors[1]:
        expected = f"dA (N, H, W, C) with H and W multiples of {factors[0]} and {factors[1]}"
        raise ShapeError(mismatch(who, expected, dA.shape, "dA has the shape of upsample2d's output"))
    return factors


def dense(A_prev: Rows, W: Matrix, b: Vector | None, who: str = "dense") -> None:
    """A_prev (N, n_in), W (n_in, n_out), b (n_out,) or None."""
    floats(who, W=W, A_prev=A_prev, b=b)
    _shape(who, "W", W, ("n_in", "n_out"), "weights are a matrix")
    flatten = "flatten it with A_prev.reshape(len(A_prev), -1)" if A_prev.ndim > 2 else f"W is {W.shape}"
    _shape(who, "A_prev", A_prev, ("N", W.shape[0]), flatten)
    if b is not None:
        _shape(who, "b", b, W.shape[1:], "one bias for each unit")


def dense_backward(dZ: Rows, A_prev: Rows, W: Matrix, who: str = "dense_backward") -> None:
    """As `dense`, and dZ (N, n_out)."""
    dense(A_prev, W, None, who)
    floats(who, A_prev=A_prev, dZ=dZ)
    _shape(who, "dZ", dZ, (len(A_prev), W.shape[1]), "dZ has the shape of dense's output")


def batch_statistics(A_prev: Array, who: str = "batch_statistics") -> None:
    """A_prev (N, H, W, C) or (N, C), with two numbers a channel at least."""
    floats(who, A_prev=A_prev)
    _channels_last(who, A_prev)
    if A_prev.size < 2 * A_prev.shape[-1]:
        remedy = "one number has no variance: give two pictures at least"
        raise ShapeError(mismatch(who, "A_prev with two numbers a channel", A_prev.shape, remedy))


def batch_norm(
    A_prev: Array,
    mean: Vector,
    variance: Vector,
    gamma: Vector,
    beta: Vector | None,
    epsilon: float,
    who: str = "batch_norm",
) -> None:
    """A_prev (N, H, W, C) or (N, C), the others (C,), `epsilon` above 0."""
    vectors = {"mean": mean, "variance": variance, "gamma": gamma, "beta": beta}
    floats(who, A_prev=A_prev, **vectors)
    _channels_last(who, A_prev)
    for name, vector in vectors.items():
        if vector is not None:
            _shape(who, name, vector, (A_prev.shape[-1],), "one number for each channel")
    if not 0 < epsilon < np.inf:
        raise ShapeError(mismatch(who, "epsilon above 0", epsilon))


def batch_norm_backward(
    dZ: Array,
    A_prev: Array,
    mean: Vector,
    variance: Vector,
    gamma: Vector,
    epsilon: float,
    of_batch: bool,
    who: str = "batch_norm_backward",
) -> None:
    """As `batch_norm`, and dZ of the shape of A_prev; `of_batch` needs two numbers a channel."""
    batch_norm(A_prev, mean, variance, gamma, None, epsilon, who)
    if of_batch:
        batch_statistics(A_prev, who)
    same_shape(who, A_prev=A_prev, dZ=dZ)


def same_shape(who: str, **arrays: Array) -> None:
    """Floating-point arrays of one shape, whatever it is."""
    floats(who, **arrays)
    (first, model), *others = arrays.items()
    for name, array in others:
        _shape(who, name, array, model.shape, f"it goes with {first}")


def summands(*arrays: Array, who: str = "add") -> None:
    """Two arrays or more, of one shape."""
    if len(arrays) < 2:
        raise ShapeError(mismatch(who, "two arrays or more", len(arrays)))
    same_shape(who, **{f"A_{i}": array for i, array in enumerate(arrays)})


def finite(value: float, who: str) -> float:
    """A finite number."""
    if not (isinstance(value, int | float | np.number) and np.isfinite(value)):
        raise ShapeError(mismatch(who, "a finite number", repr(value)))
    return float(value)


def bounds(low: float, high: float, who: str) -> None:
    """Finite numbers, the first below the second."""
    if not finite(low, f"{who}: low") < finite(high, f"{who}: high"):
        raise ShapeError(mismatch(who, "low to be less than high", f"{low:g} and {high:g}"))


def logits(Z: Rows, who: str = "softmax", name: str = "Z") -> None:
    """Z (N, classes), at least one class."""
    floats(who, **{name: Z})
    _shape(who, name, Z, ("N", "classes"), "one row of logits for each example")


def loss(
    Z: Rows,
    labels: Targets,
    smoothing: float = 0.0,
    weights: Vector | None = None,
    who: str = "softmax_cross_entropy",
) -> None:
    """Z (N, classes); labels (N,), each a class from 0 to classes − 1 or −1 for an example to ignore, or
    shares (N, classes), whose rows sum to 1 or are 0; `smoothing` from 0 to below 1; `weights` (classes,)."""
    logits(Z, who)
    targets(labels, len(Z), Z.shape[1], who)
    if isinstance(labels, np.ndarray) and labels.dtype.kind == "f":
        floats(who, Z=Z, labels=labels)
    share(smoothing, f"{who}: smoothing")
    if weights is not None:
        floats(who, Z=Z, weights=weights)
        _shape(who, "weights", weights, Z.shape[1:], "one weight for each class")
        class_weights(weights, f"{who}: weights")


def share(value: float, who: str) -> float:
    """A number from 0 to below 1."""
    if not 0 <= value < 1:  # nor NaN
        raise ShapeError(mismatch(who, "a number from 0 to below 1", value))
    return float(value)


def class_weights(weights: Vector, who: str) -> None:
    """Numbers of at least 0, not all of them 0."""
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if bad.size:
        raise ShapeError(mismatch(who, "finite numbers of at least 0", f"{weights[bad[0]]} at {bad[0]}"))
    if not weights.any():
        raise ShapeError(mismatch(who, "one above 0", "0 for all classes"))


def targets(labels: Targets, N: int, classes: int, who: str = "softmax_cross_entropy") -> None:
    """Labels or shares of `N` examples."""
    kind = labels.dtype.kind if isinstance(labels, np.ndarray) else ""
    if kind == "" or kind not in "iuf" or (kind == "f" and labels.ndim != 2):
        got = f"an array of {labels.dtype}" if kind else type(labels).__name__
        remedy = "give class numbers as np.asarray(labels, np.int32), or rows of shares (N, classes)"
        raise ShapeError(mismatch(who, "labels as an array of whole numbers", got, remedy))
    if kind == "f":
        _shape(who, "labels", labels, (N, classes), "a share for each class")
        sums = labels.sum(axis=1)
        sound = (labels >= 0).all(axis=1) & ((np.abs(sums - 1) < 1e-3) | (sums == 0))
        if not sound.all():
            at = int(np.flatnonzero(~sound)[0])
            got = f"labels[{at}] from {labels[at].min():g} up with the sum {sums[at]:g}"
            remedy = "a row of zeros leaves its example out"
            raise ShapeError(mismatch(who, "rows of shares of at least 0 with the sum 1", got, remedy))
        return
    _shape(who, "labels", labels, (N,), "one class number for each row of Z")
    if labels.size and not -1 <= labels.min() <= labels.max() < classes:
        at = int(np.flatnonzero((labels < -1) | (labels >= classes))[0])
        expected = f"labels from 0 to {classes - 1}, or −1 for an example to ignore"
        raise ShapeError(mismatch(who, expected, f"labels[{at}] = {labels[at]}", f"Z has {classes} classes"))


def optimizer(who: str, *, dw: Vector, step: int = 1, **state: Vector) -> None:
    """Flat arrays of one length; those in `state` (the weights first) are written in place."""
    same_shape(who, **state, dw=dw)
    for name, array in state.items():
        _shape(who, name, array, ("n",), "flat arrays: a view from .reshape(-1) is written through")
        if not (array.flags.writeable and array.flags.c_contiguous):
            got = "a strided view" if array.flags.writeable else "a read-only array"
            raise ShapeError(mismatch(who, f"{name} to be written in place", got, "give a contiguous array"))
    if step < 1:
        raise ShapeError(mismatch(who, "step counted from 1", step))


def warp(
    pictures: Volume,
    matrices: np.ndarray,
    out_size: int | Pair,
    mode: str = "constant",
    who: str = "warp",
) -> Pair:
    """pictures uint8 (N, H, W, C), finite matrices float32 (N, 2, 3); returns `out_size` as a pair."""
    if mode not in ("constant", "reflect"):
        raise ShapeError(mismatch(f"{who}: mode", '"constant" or "reflect"', repr(mode)))
    _moved(who, pictures, matrices, (2, 3), "one affine map for each picture")
    return pair(out_size, who, "out_size")


def recolour(pictures: Volume, matrices: np.ndarray, who: str = "recolour") -> None:
    """pictures uint8 (N, H, W, C), finite matrices float32 (N, C, C + 1)."""
    C = pictures.shape[-1] if isinstance(pictures, np.ndarray) and pictures.ndim else 0
    _moved(who, pictures, matrices, (C, C + 1), "one map of colours for each picture")


def _moved(who: str, pictures: Volume, matrices: np.ndarray, shape: Pair, remedy: str) -> None:
    for name, array, dtype in (("pictures", pictures, np.uint8), ("matrices", matrices, np.float32)):
        if not isinstance(array, np.ndarray) or array.dtype != dtype:
            got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise ShapeError(mismatch(who, f"{name} as an array of {dtype.__name__}", got))
    _volume(who, "pictures", pictures, "C")
    _shape(who, "matrices", matrices, (len(pictures), *shape), remedy)
    if not np.isfinite(matrices).all():
        raise ShapeError(mismatch(who, "matrices of finite numbers", "NaN or infinity"))


def floats(who: str, **arrays: Array | None) -> None:
    """Arrays of float32, or all of float64; None is left out."""
    first = ""
    for name, array in arrays.items():
        if array is None:
            continue
        if not isinstance(array, np.ndarray):
            remedy = f"np.asarray({name}, np.float32) makes one"
            raise ShapeError(mismatch(who, f"{name} as a NumPy array", type(array).__name__, remedy))
        if array.dtype not in (np.float32, np.float64):
            remedy = f"convert it with {name}.astype(np.float32)"
            raise ShapeError(mismatch(who, f"{name} in float32 or float64", array.dtype, remedy))
        first = first or name
        if array.dtype != arrays[first].dtype:  # type: ignore[union-attr]
            expected = f"{name} in {arrays[first].dtype} as {first} is"  # type: ignore[union-attr]
            remedy = f"convert it with .astype(np.{arrays[first].dtype})"  # type: ignore[union-attr]
            raise ShapeError(mismatch(who, expected, array.dtype, remedy))


def float32(who: str, **arrays: Array | None) -> None:
    """What Halide's kernels compute in. Raises EngineError for any other array; None is left out."""
    for name, array in arrays.items():
        if array is not None and array.dtype != np.float32:
            remedy = 'convert it with .astype(np.float32), or compute under fovea.engine("reference")'
            raise EngineError(mismatch(who, f'{name} in float32 by engine "halide"', array.dtype, remedy))


def _volume(
    who: str,
    name: str,
    array: np.ndarray,
    channels: int | str,
    W: np.ndarray | None = None,
    groups: int = 1,
) -> None:
    """`array` (N, H, W, channels), with the remedy for what people usually give instead."""
    if array.ndim == 3:
        remedy = f"one picture is a batch of one, {name}[np.newaxis]"
    elif array.ndim == 2:
        remedy = f"a grey picture is {name}[np.newaxis, :, :, np.newaxis]"
    elif array.ndim == 4 and array.shape[1] == channels:
        remedy = f"channels come last, {name}.transpose(0, 2, 3, 1)"
    elif groups > 1 and W is not None:
        remedy = f"W is {W.shape}, that is (f_H, f_W, C_in / {groups}, C_out)"
    else:
        remedy = "" if W is None else f"W is {W.shape}, that is (f_H, f_W, C_in, C_out)"
    _shape(who, name, array, ("N", "H", "W", channels), remedy)


def _channels_last(who: str, A_prev: Array) -> None:
    """A_prev (N, H, W, C) or (N, C)."""
    if A_prev.ndim == 2:
        _shape(who, "A_prev", A_prev, ("N", "C"))
    else:
        _volume(who, "A_prev", A_prev, "C")


def _shape(who: str, name: str, array: np.ndarray, expected: tuple[int | str, ...], remedy: str = "") -> None:
    """`array` has the axes `expected`: a number is a length, a word any length (N may be 0, others not)."""
    fits = array.ndim == len(expected) and all(
        n == e if isinstance(e, int) else n > 0 or e in ("N", "n")
        for n, e in zip(array.shape, expected, strict=True)
    )
    if not fits:
        axes = ", ".join(map(str, expected)) + ("," if len(expected) == 1 else "")
        raise ShapeError(mismatch(who, f"{name} ({axes})", array.shape, remedy))
