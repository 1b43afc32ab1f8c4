"""Files of named arrays, in the safetensors format: data only, so that nothing in a file is ever executed.

A file is the length of its header (8 bytes, little-endian), the header in JSON, and the arrays' bytes one
after another. It is written here, because the library writes the metadata in an order that changes from run
to run, and the same arrays should give the same bytes. It is read by the library, which validates every file.
Format: https://github.com/huggingface/safetensors#format
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fovea import memory
from fovea.errors import DataError, mismatch
from fovea.files import jsons, open_regular, write_whole

_NAMES = {
    "float64": "F64",
    "float16": "F16",
    "float32": "F32",
    "int64": "I64",
    "int32": "I32",
    "uint8": "U8",
    "bool": "BOOL",
}


def write_tensors(
    path: Path | str,
    tensors: Mapping[str, np.ndarray],
    metadata: Mapping[str, str],
    *,
    synced: bool = True,
) -> None:
    """Write `tensors` to `path`, whole or not at all, as `write_whole` does. Raises DataError if the file
    cannot be written."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        header[name] = {
            "dtype": _NAMES[tensor.dtype.name],
            "shape": tensor.shape,
            "data_offsets": (start, end),
        }
    text = jsons.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # so that the tensors begin at a multiple of 8 bytes

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for tensor in tensors.values():
                file.write(np.ascontiguousarray(tensor).data)

    try:
        write_whole(path, write, synced=synced)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(
            f"{path}: cannot be written ({reason}); what was there before is untouched"
        ) from error


def checksum(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    """SHA-256, in hexadecimal digits, of `tensors` and `metadata`."""
    digest = hashlib.sha256(jsons.dumps(sorted(metadata.items())).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(jsons.dumps([name, tensor.dtype.name, tensor.shape]).encode())
        digest.update(np.ascontiguousarray(tensor).data)
    return digest.hexdigest()


def read_tensors(path: Path | str) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Metadata and tensors of a safetensors file. Raises DataError for any other file."""
    from safetensors import SafetensorError, safe_open

    try:
        with open_regular(path, "a model file") as whole:
            memory.check(os.fstat(whole.fileno()).st_size, str(path), "for its tensors")
        with safe_open(path, framework="numpy") as file:
            tensors = {}
            for name in sorted(file.keys()):
                tensors[name] = file.get_tensor(name)
            return file.metadata() or {}, tensors
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except DataError:
        raise
    except (OSError, SafetensorError, TypeError, ValueError, KeyError) as error:
        if memory.is_short(error):
            raise memory.shortage(str(path)) from error
        if Path(path).suffix.lower() == ".onnx":
            remedy = f"convert it with fovea import {path}"
            raise DataError(mismatch(str(path), "a model file", "an ONNX file", remedy)) from error
        remedy = "it is cut short, damaged, or of another kind"
        raise DataError(mismatch(str(path), "a whole safetensors file", error, remedy)) from error
