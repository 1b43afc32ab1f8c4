"""ONNX files: a model, and the external files of its constants."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import TensorProto

from fovea import files, memory
from fovea.errors import DataError, mismatch
from fovea.files import write_whole
from fovea.ranges import short

TIMES = 16  # the most bytes read from an external file, per byte of it: constants may share numbers
_MOST = 2**31 - 1  # bytes, protobuf's limit


def read(path: Path | str) -> onnx.ModelProto:
    """The model at `path`, with the contents of its external files. Raises DataError for any other file, and
    for external files that are missing, too short, or outside the model's folder."""
    path = Path(path)
    try:
        content = files.read(path, "an ONNX file", _MOST)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    memory.check(2 * len(content), str(path), "for its model")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
        whole = model.ir_version > 0 and bool(model.graph.node or model.graph.output)
    except MemoryError:
        raise
    except Exception as error:  # protobuf's DecodeError, which onnx does not export
        raise DataError(mismatch(str(path), "an ONNX file", "something else, or a part of one")) from error
    if not whole:
        raise DataError(mismatch(str(path), "an ONNX file", "something else, or a part of one"))
    fetched: Counter[Path] = Counter()
    for tensor in _tensors(model.graph):
        if tensor.data_location == TensorProto.EXTERNAL:
            _fetch(tensor, path, fetched)
    return model


def write(path: Path | str, model: onnx.ModelProto) -> None:
    """Write `model` to `path`, whole or not at all. Raises DataError."""
    try:
        write_whole(path, model.SerializeToString())
    except ValueError as error:  # protobuf's limit
        raise DataError(mismatch(str(path), "a model of less than 2 GB", str(error))) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(
            f"{path}: cannot be written ({reason}); what was there before is untouched"
        ) from error


def _tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from attribute.tensors
            if attribute.HasField("t"):
                yield attribute.t


def _whole(entries: dict[str, str], key: str, who: str) -> int | None:
    """The whole number in the entry `key` of a tensor's external data; None without one. Raises DataError."""
    text = entries.get(key)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise DataError(mismatch(f"{who}: {key}", "a whole number from 0 to 10^18", short(text)))
    return int(text)


def _fetch(tensor: TensorProto, path: Path, fetched: Counter[Path]) -> None:
    """Load the tensor's bytes from its external file; `fetched` counts the bytes read from each file."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    who = f'{path}: constant "{short(tensor.name, str)}"'
    location, folder = entries.get("location", ""), path.parent
    try:
        folder = folder.resolve()
        place = (folder / location).resolve()  # links followed
    except (ValueError, OSError, RuntimeError):  # a NUL, a name that is too long, a cycle of links
        place = None
    if not location or place is None or not place.is_relative_to(folder):
        raise DataError(mismatch(who, "its numbers in the model's folder", short(location)))
    start, length = (_whole(entries, key, who) for key in ("offset", "length"))
    try:
        with files.open_regular(place, "a file of numbers") as file:
            size = os.fstat(file.fileno()).st_size
            available = max(size - (start or 0), 0)
            if available < (length or 0):
                remedy = "the file is cut short"
                raise DataError(
                    mismatch(who, f"{length:,} bytes in {short(location, str)}", f"{available:,}", remedy)
                )
            wanted = available if length is None else length
            fetched[place] += wanted
            if fetched[place] > TIMES * size:
                remedy = "too many constants share the same bytes"
                raise DataError(mismatch(str(place), f"its bytes at most {TIMES} times", "more", remedy))
            memory.check(wanted, who, "for its numbers")
            file.seek(start or 0)
            content = file.read(wanted)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{who}: {short(location, str)} cannot be read ({reason})") from error
    tensor.raw_data = content
    tensor.data_location = TensorProto.DEFAULT
    del tensor.external_data[:]
