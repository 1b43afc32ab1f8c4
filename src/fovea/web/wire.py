"""The format of answers to the browser: a JSON object and arrays, in the safetensors format.

A reply is the length of a header (8 bytes, little-endian), the header in JSON, and the arrays' bytes. The
answer is in the header's `__metadata__`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fovea.files import jsons

TYPE = "application/octet-stream"
_NAMES = {np.dtype(np.float32): "F32", np.dtype(np.int8): "I8", np.dtype(np.uint8): "U8"}


def pack(answer: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The reply; floating-point arrays become float32."""
    header: dict[str, Any] = {"__metadata__": {"answer": jsons.dumps(finite(answer))}}
    pieces, end = [], 0
    ready = {
        n: np.ascontiguousarray(a, np.float32 if a.dtype.kind == "f" else None) for n, a in arrays.items()
    }
    # float32 arrays first: arrays of bytes have any length, and those after them would be misaligned.
    for name, array in sorted(ready.items(), key=lambda item: -item[1].itemsize):
        start, end = end, end + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": array.shape, "data_offsets": (start, end)}
        pieces.append(array.tobytes())
    text = jsons.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # so that the arrays begin at a multiple of 8 bytes
    return b"".join([len(text).to_bytes(8, "little"), text, *pieces])


def finite(value: Any) -> Any:
    """`value` with None instead of NaN and infinity, which JSON does not have."""
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Mapping):
        return {name: finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value
