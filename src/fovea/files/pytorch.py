"""Files of PyTorch's `torch.save`, .pth and .pt, read without PyTorch: named tensors and nothing else.

There are two formats. Both keep a pickle of the object, in which each storage (a flat array) is a persistent
id ("storage", type, key, device, count), and each tensor a storage with an offset, a shape and strides.

    zip, since 1.6     NAME/data.pkl, the storages NAME/data/KEY, NAME/byteorder; none compressed
    before             five pickles: a magic number, 1001, the system, the object, the keys of the storages;
                       then each storage: a count of 8 bytes, and its numbers

The object is a state dict, names to tensors, or a checkpoint with one among other things. Tensors are checked
against their storages, and storages against the file. `files.pickles` reads pickles without running them.
Formats: https://github.com/pytorch/pytorch/blob/main/torch/serialization.py
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fovea import memory
from fovea.errors import DataError, FoveaError, mismatch
from fovea.files.pickles import Function, Refused, Unpickler, is_key
from fovea.files.whole import open_regular

_ZIP, _PICKLE, _TAR = b"PK\x03\x04", b"\x80", (257, b"ustar")
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_MOST_PICKLE = 16 << 20  # bytes of the pickle: some hundred per tensor
_MOST_AXES = 32
_MOST = 1 << 48  # numbers of a tensor, for sums that cannot overflow
_REMEDY = "in PyTorch, save model.state_dict()"
_CHECKPOINT = "state_dict", "model_state_dict", "model"  # where checkpoints keep the state dict
_WRAPPERS = "module.", "_orig_mod."  # before each name, by DataParallel and torch.compile
_SAVE_AGAIN = "save it on a little-endian machine"
_LISTED, _SHOWN = 5, 120  # other things that an error names, and characters of a text

# Storages by their types; bfloat16 is the upper half of float32, which NumPy has no type for.
_BFLOAT16 = np.dtype([("bfloat16", "<u2")])
_DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": _BFLOAT16,
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}


@dataclass(frozen=True)
class _Storage:
    """Numbers `start` to `start + count` of the storage that the file calls `key`, which has `whole`."""

    key: str
    dtype: np.dtype
    whole: int
    start: int
    count: int


class _Tensor:
    """Part of a storage; made by the functions that a pickle may ask for, which check it."""

    def __init__(self) -> None:
        self.storage, self.offset = _Storage("", np.dtype("<f4"), 0, 0, 0), 0
        self.shape: tuple[int, ...] = (0,)
        self.strides: tuple[int, ...] = (1,)

    def restore(self, state: object) -> None:
        """Tensors of the first versions: storage, offset, shape, strides. Parameters: whether they learn,
        and hooks, which PyTorch does not save."""
        if isinstance(state, tuple) and len(state) == 4:
            self.set(*state)
        elif not (isinstance(state, tuple) and len(state) == 3):
            raise ValueError("a tensor with another state")

    def set(self, storage: object, offset: object, shape: object, strides: object) -> None:
        """Raises ValueError for a tensor that reaches beyond its storage, or repeats its numbers."""
        lengths, steps = _whole_numbers(shape), _whole_numbers(strides)
        (first,) = _whole_numbers((offset,))
        if not isinstance(storage, _Storage) or len(lengths) != len(steps) or len(lengths) > _MOST_AXES:
            raise ValueError("a tensor without storage or strides")
        last = first + sum((length - 1) * step for length, step in zip(lengths, steps, strict=True))
        if prod(lengths) and (last >= storage.count or prod(lengths) > storage.count):
            raise ValueError(f"a tensor {lengths} that reaches beyond its storage of {storage.count:,}")
        self.storage, self.offset, self.shape, self.strides = storage, first, lengths, steps

    @property
    def dtype(self) -> np.dtype:
        """Its type once it is read: float32 in place of the two of half precision."""
        half = self.storage.dtype in (_BFLOAT16, np.dtype("<f2"))
        return np.dtype(np.float32) if half else self.storage.dtype

    def read(self, values: np.ndarray | None) -> np.ndarray:
        """The tensor out of its storage: a view of `values`, or a copy where the type changes."""
        if values is None or not prod(self.shape):
            return np.zeros(self.shape, self.dtype)
        step = values.itemsize
        part = values[self.storage.start + self.offset :]
        strides = [stride * step for stride in self.strides]
        found = np.lib.stride_tricks.as_strided(part, self.shape, strides, writeable=False)
        if found.dtype == _BFLOAT16:
            return (found["bfloat16"].astype(np.uint32) << 16).view(np.float32)
        return found if found.dtype == self.dtype else found.astype(self.dtype)


def _tensor(storage: object, offset: object, shape: object, strides: object, *others: object) -> _Tensor:
    """`torch._utils._rebuild_tensor_v2` and its predecessor. The others are whether it learns, hooks, and
    flags such as "neg", which no state dict has."""
    if len(others) > 3 or any(others[2:]):
        raise ValueError("a tensor with flags")
    tensor = _Tensor()
    tensor.set(storage, offset, shape, strides)
    return tensor


def _parameter(data: object, *others: object) -> object:
    """A parameter is its tensor. The others are whether it learns, and hooks."""
    if not isinstance(data, _Tensor) or len(others) > 2:
        raise ValueError("a parameter without a tensor")
    return data


def _ordered(items: object = ()) -> dict[Any, Any]:
    """An OrderedDict, from pairs as Python 2 wrote them."""
    if not isinstance(items, list | tuple) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 and is_key(pair[0]) for pair in items
    ):
        raise ValueError("an OrderedDict of something else than pairs")
    return dict(items)


_FUNCTIONS: dict[str, Callable[..., object]] = {
    "collections.OrderedDict": _ordered,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.nn.parameter.Parameter": _parameter,
    "torch.Size": lambda lengths: _whole_numbers(lengths),
}
_KNOWN: dict[str, object] = {
    **{name: Function(name, function) for name, function in _FUNCTIONS.items()},
    **{f"torch.{name}": dtype for name, dtype in _DTYPES.items()},
    **{f"torch.cuda.{name}": dtype for name, dtype in _DTYPES.items()},
    # The first versions made an empty tensor of a class, and restored its state.
    **{
        f"torch.{name}": Function(f"torch.{name}", _Tensor)
        for name in (storage.replace("Storage", "Tensor") for storage in _DTYPES)
    },
}


def is_torch(path: Path | str) -> bool:
    """Whether the file begins as PyTorch's do, whatever its name is; False for one that cannot be read."""
    try:
        with open_regular(path, "a model file") as file:
            head = file.read(512)
    except (OSError, DataError):
        return False
    where, mark = _TAR
    # A safetensors file begins with a number of 8 bytes, which may look like a pickle's start, and "{".
    pickled = head.startswith(_PICKLE) and head[8:9] != b"{"
    return head.startswith(_ZIP) or pickled or head[where : where + len(mark)] == mark


def read_torch(path: Path | str) -> dict[str, np.ndarray]:
    """The tensors of a file of `torch.save`, by name; read-only, half precision as float32.

    Raises DataError, in one line: for a file that is cut short or damaged, for one that asks for anything
    but tensors, which is named, and for one that is no state dict and has none.
    """
    who = str(path)
    try:
        with open_regular(path, "a model file") as file:
            head = file.read(512)
            file.seek(0)
            where, mark = _TAR
            if head[where : where + len(mark)] == mark:
                raise _Other("a tar file, of a PyTorch before 0.1.6", "save it again with a newer one")
            reader = _read_zip if head.startswith(_ZIP) else _read_pickles
            return reader(file, who)
    except _Other as error:
        expected = "a state dict, which has tensors by their names"
        raise DataError(mismatch(who, expected, error.got, error.remedy)) from error
    except Refused as error:
        got = f"a file that asks for {error}"
        remedy = f"nothing of it was run; {_REMEDY}"
        raise DataError(mismatch(who, "tensors and nothing else", got, remedy)) from error
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except FoveaError:
        raise
    except (OSError, ValueError, MemoryError) as error:
        if memory.is_short(error):
            raise memory.shortage(who) from error
        remedy = "it is cut short or damaged"
        raise DataError(mismatch(who, "a whole PyTorch file", _cut(error), remedy)) from error


class _Other(ValueError):
    """The file is whole, but no state dict."""

    def __init__(self, got: str, remedy: str = _REMEDY) -> None:
        super().__init__(got)
        self.got, self.remedy = got, remedy


def _read_zip(file: BinaryIO, who: str) -> dict[str, np.ndarray]:
    from struct import error as StructError
    from zipfile import ZIP_STORED, BadZipFile, ZipFile

    size = os.fstat(file.fileno()).st_size

    def content(name: str, most: int) -> bytes:
        try:
            entry = archive.getinfo(name)
        except KeyError:
            raise ValueError(f"no {name}") from None
        if entry.compress_type != ZIP_STORED or entry.file_size != entry.compress_size or entry.flag_bits & 1:
            raise ValueError(f"{name} compressed or encrypted")
        if entry.file_size > min(most, size):
            raise ValueError(f"{name} of {entry.file_size:,} bytes where {min(most, size):,} are possible")
        return archive.read(entry)

    try:
        with ZipFile(file) as archive:
            names = archive.namelist()
            found = [name for name in names if name.count("/") == 1 and name.endswith("/data.pkl")]
            if not found:
                raise _Other("another zip file, without data.pkl")
            folder = found[0].removesuffix("data.pkl")
            if any(name.startswith(f"{folder}code/") for name in names):
                raise _Other("a TorchScript program")
            if f"{folder}byteorder" in names and content(f"{folder}byteorder", 16) != b"little":
                raise _Other("big-endian numbers", _SAVE_AGAIN)
            pickle = BytesIO(content(found[0], _MOST_PICKLE))
            chosen = _state_dict(Unpickler(pickle, _KNOWN, _storage).load())

            def values(storage: _Storage) -> np.ndarray:
                count = storage.whole * storage.dtype.itemsize
                whole = content(f"{folder}data/{storage.key}", count)
                if len(whole) != count:
                    raise ValueError(f"storage {storage.key} of {len(whole):,} bytes for {count:,}")
                return np.frombuffer(whole, storage.dtype)

            return _arrays(chosen, values, who, size)
    except (BadZipFile, StructError, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f"a zip file with a fault, {error}") from error


def _read_pickles(file: BinaryIO, who: str) -> dict[str, np.ndarray]:
    """The old format."""
    size = os.fstat(file.fileno()).st_size
    stream = BytesIO(file.read(_MOST_PICKLE))
    if Unpickler(stream).load() != _MAGIC:
        raise _Other("a pickle of another program")
    version, system = Unpickler(stream).load(), Unpickler(stream).load()
    if version != _PROTOCOL or not isinstance(system, dict):
        raise ValueError("another version of the old format")
    if system.get("little_endian") is not True:
        raise _Other("big-endian numbers", _SAVE_AGAIN)
    stored: dict[str, _Storage] = {}

    def storage(identity: object) -> _Storage:
        found = _storage(identity)
        known = stored.setdefault(found.key, found)
        if (known.whole, known.dtype) != (found.whole, found.dtype):
            raise ValueError(f"storage {found.key} with two lengths or types")
        return found

    chosen = _state_dict(Unpickler(stream, _KNOWN, storage).load())
    keys = Unpickler(stream).load()
    if not isinstance(keys, list) or not all(type(key) in (str, int) for key in keys):
        raise ValueError("no list of storages")
    if sorted(map(str, keys)) != sorted(stored):
        raise ValueError("other storages than those of its tensors")
    places, end = {}, stream.tell()
    for key in map(str, keys):
        file.seek(end)
        count = int.from_bytes(file.read(8), "little")
        if count != stored[key].whole:
            raise ValueError(f"storage {key} of {count:,} numbers for {stored[key].whole:,}")
        places[key], end = end + 8, end + 8 + count * stored[key].dtype.itemsize
        if end > size:
            raise ValueError(f"{size:,} bytes where storage {key} ends at {end:,}")

    def values(storage: _Storage) -> np.ndarray:
        file.seek(places[storage.key])
        return np.frombuffer(file.read(storage.whole * storage.dtype.itemsize), storage.dtype, storage.whole)

    return _arrays(chosen, values, who, size)


def _storage(identity: object) -> _Storage:
    """The storage of a persistent id. In the old format that has a sixth part: None, or the key, start and
    length of a part of the storage."""
    if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
        raise ValueError("a persistent id of something else")
    _, dtype, key, _, whole, *part = identity
    if not isinstance(dtype, np.dtype) or type(key) not in (str, int):
        raise ValueError("a storage without type or key")
    (whole,) = _whole_numbers((whole,))
    start, count = 0, whole
    if part and part[0] is not None:
        if not isinstance(part[0], tuple) or len(part[0]) != 3:
            raise ValueError(f"part of storage {key} without start and length")
        start, count = _whole_numbers(part[0][1:])
        if start + count > whole:
            raise ValueError(f"part of storage {key} beyond its end")
    return _Storage(str(key), dtype, whole, start, count)


def _state_dict(saved: object) -> dict[str, _Tensor]:
    """The tensors by name: `saved` itself, or the state dict in a checkpoint. Raises _Other."""
    if not isinstance(saved, dict):
        raise _Other("a tensor without a name" if isinstance(saved, _Tensor) else "another object")
    inner = next((saved[name] for name in _CHECKPOINT if isinstance(saved.get(name), dict)), saved)
    found = {name: value for name, value in inner.items() if isinstance(value, _Tensor)}
    others = [repr(_cut(name)) for name in inner if name not in found or not isinstance(name, str)]
    if others:
        more = f" and {len(others) - _LISTED} more" if len(others) > _LISTED else ""
        raise _Other(f"other things than tensors, {', '.join(others[:_LISTED])}{more}")
    for wrapper in _WRAPPERS:
        if found and all(name.startswith(wrapper) for name in found):
            found = {name.removeprefix(wrapper): tensor for name, tensor in found.items()}
    return found


def _arrays(
    tensors: Mapping[str, _Tensor], values: Callable[[_Storage], np.ndarray], who: str, size: int
) -> dict[str, np.ndarray]:
    """The tensors as arrays; `values` reads a whole storage of the file, which has `size` bytes."""
    storages: dict[str, _Storage] = {}
    copied = 0
    for tensor in tensors.values():
        known = storages.setdefault(tensor.storage.key, tensor.storage)
        if (known.whole, known.dtype) != (tensor.storage.whole, tensor.storage.dtype):
            raise ValueError(f"storage {known.key} with two lengths or types")
        if tensor.dtype != tensor.storage.dtype:
            copied += prod(tensor.shape) * tensor.dtype.itemsize
    total = sum(storage.whole * storage.dtype.itemsize for storage in storages.values())
    if total > size:
        raise ValueError(f"{size:,} bytes for tensors of {total:,}")
    memory.check(total + copied, who, "for its tensors")
    wholes = {key: values(storage) for key, storage in storages.items() if storage.whole}
    return {name: tensor.read(wholes.get(tensor.storage.key)) for name, tensor in tensors.items()}


def _whole_numbers(numbers: object) -> tuple[int, ...]:
    """As a tuple. Raises ValueError for anything but whole numbers that a file can count."""
    if not isinstance(numbers, tuple | list) or not all(type(n) is int and 0 <= n < _MOST for n in numbers):
        raise ValueError("lengths, strides or offsets that are no whole numbers")
    return tuple(numbers)


def _cut(text: object) -> str:
    text = str(text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
