"""Checks of arrays: type and axes."""

from typing import Annotated, TypeAlias, TypeGuard

import numpy as np

from fovea.errors import EngineError, ShapeError, mismatch

Volume: TypeAlias = Annotated[np.ndarray, "(N, H, W, C)"]
Filters: TypeAlias = Annotated[np.ndarray, "(f_H, f_W, C_in, C_out)"]
Matrix: TypeAlias = Annotated[np.ndarray, "(n_in, n_out)"]
Rows: TypeAlias = Annotated[np.ndarray, "(N, n)"]
Vector: TypeAlias = Annotated[np.ndarray, "(n,)"]
Targets: TypeAlias = Annotated[np.ndarray, "(N,) whole numbers, or (N, classes) shares"]
Array: TypeAlias = Annotated[np.ndarray, "any shape"]


def is_plain(array: object) -> TypeGuard[np.ndarray]:
    """True for plain NumPy arrays, in memory or mapped. Subclasses with other arithmetic, such as np.matrix
    and masked arrays, would give different results on the two engines."""
    return type(array) in (np.ndarray, np.memmap)


def plain(who: str, array: object, name: str, dtype: str = "np.float32") -> np.ndarray:
    """`array`, if it is a plain NumPy array. Raises ShapeError."""
    if not is_plain(array):
        masked = isinstance(array, np.ma.MaskedArray)
        remedy = f"{name}.filled(0) makes one" if masked else f"np.asarray({name}, {dtype}) makes one"
        raise ShapeError(mismatch(who, f"{name} as a NumPy array", type(array).__name__, remedy))
    return array


def same_shape(who: str, **arrays: Array) -> None:
    """Floating-point arrays of equal shapes."""
    floats(who, **arrays)
    (first, model), *others = arrays.items()
    for name, array in others:
        shape_of(who, name, array, model.shape, f"it must have the shape of {first}")


def given(**arrays: Array | None) -> dict[str, Array]:
    """The optional arguments that are not None."""
    return {name: array for name, array in arrays.items() if array is not None}


def floats(who: str, **arrays: Array) -> None:
    """Arrays of float32, or all of float64."""
    model: tuple[str, np.ndarray] | None = None
    for name, array in arrays.items():
        plain(who, array, name)
        if array.dtype not in (np.float32, np.float64):
            remedy = f"convert it with {name}.astype(np.float32)"
            raise ShapeError(mismatch(who, f"{name} in float32 or float64", array.dtype, remedy))
        model = model or (name, array)
        first, like = model
        if array.dtype != like.dtype:
            expected = f"{name} in {like.dtype} as {first} is"
            remedy = f"convert it with .astype(np.{like.dtype})"
            raise ShapeError(mismatch(who, expected, array.dtype, remedy))


def float32(who: str, **arrays: Array | None) -> None:
    """Arrays in float32, as Halide's kernels need, or None. Raises EngineError."""
    for name, array in arrays.items():
        if array is not None and array.dtype != np.float32:
            remedy = 'convert it with .astype(np.float32), or compute under fovea.engine("reference")'
            raise EngineError(mismatch(who, f'{name} in float32 by engine "halide"', array.dtype, remedy))


def volume(
    who: str,
    name: str,
    array: np.ndarray,
    channels: int | str,
    W: np.ndarray | None = None,
    groups: int = 1,
) -> None:
    """`array` (N, H, W, channels), with remedies for the common mistakes."""
    plain(who, array, name)
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
    shape_of(who, name, array, ("N", "H", "W", channels), remedy)


def channels_last(who: str, A_prev: Array, name: str = "A_prev") -> None:
    """A_prev (N, H, W, C) or (N, C)."""
    if A_prev.ndim == 2:
        shape_of(who, name, A_prev, ("N", "C"))
    else:
        volume(who, name, A_prev, "C")


def shape_of(
    who: str, name: str, array: np.ndarray, expected: tuple[int | str, ...], remedy: str = ""
) -> None:
    """`array` has the axes `expected`: a number is a length, a word any length (N may be 0, others not)."""
    plain(who, array, name)
    fits = array.ndim == len(expected) and all(
        n == e if isinstance(e, int) else n > 0 or e in ("N", "n")
        for n, e in zip(array.shape, expected, strict=True)
    )
    if not fits:
        axes = ", ".join(map(str, expected)) + ("," if len(expected) == 1 else "")
        raise ShapeError(mismatch(who, f"{name} ({axes})", array.shape, remedy))
