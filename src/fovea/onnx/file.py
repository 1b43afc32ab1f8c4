"""Files of ONNX: a model, and the numbers that it may keep in other files beside it."""

import os
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import TensorProto

from fovea import files, memory
from fovea.errors import DataError, mismatch
from fovea.files import write_whole

_MOST = 2**31 - 1  # bytes, protobuf's limit


def read(path: Path | str) -> onnx.ModelProto:
    """The model at `path`, all its numbers in it. Raises DataError for any other file, and for numbers that
    should lie in files that are missing, too short, or outside the model's folder."""
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
    except Exception as error:  # protobuf's DecodeError, which has no home of its own in onnx
        raise DataError(mismatch(str(path), "an ONNX file", "something else, or a part of one")) from error
    if not whole:
        raise DataError(mismatch(str(path), "an ONNX file", "something else, or a part of one"))
    for tensor in _tensors(model.graph):
        if tensor.data_location == TensorProto.EXTERNAL:
            _fetch(tensor, path)
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


def _fetch(tensor: TensorProto, path: Path) -> None:
    """Put the tensor's bytes, which lie in another file, into it."""
    told = {entry.key: entry.value for entry in tensor.external_data}
    who = f'{path}: constant "{tensor.name}"'
    folder, location = path.parent.resolve(), told.get("location", "")
    place = (folder / location).resolve()  # links followed
    if not location or not place.is_relative_to(folder):
        raise DataError(mismatch(who, "its numbers in the model's folder", f"{location!r}"))
    try:
        start, length = int(told.get("offset", 0)), int(told.get("length", -1))
    except ValueError as error:
        raise DataError(mismatch(who, "offset and length as whole numbers", str(error))) from error
    if start < 0:
        raise DataError(mismatch(who, "an offset of at least 0", start))
    try:
        with files.open_regular(place, "a file of numbers") as file:
            there = max(os.fstat(file.fileno()).st_size - start, 0)
            wanted = there if length < 0 else min(length, there)
            memory.check(wanted, who, "for its numbers")
            file.seek(start)
            content = file.read(wanted)
    except OSError as error:
        raise DataError(f"{who}: {location} cannot be read ({error.strerror or error})") from error
    if len(content) < length:
        raise DataError(mismatch(who, f"{length} bytes in {location}", len(content), "the file is cut short"))
    tensor.raw_data = content
    tensor.data_location = TensorProto.DEFAULT
    del tensor.external_data[:]
