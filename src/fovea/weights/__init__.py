"""Trained weights: those in the package, in a small form; `download` has other people's.

A file of the package holds each array of a network, W for example, in one of two forms:

    W                           float16
    W.codes, W.table, W.scale   W = table[codes] · scale                                                  (1)

with codes uint8 in W's shape, a table of 256 numbers in float32, and a scale in float32 for each index of W's
last axis, its output channels; without a scale, it is 1. The metadata name authors, source, licence and
changes, and have the classes and the preprocessing as a model file has them. `scripts/pack_weights.py` makes
these files.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fovea.errors import DataError, mismatch
from fovea.files.tensors import read_tensors
from fovea.weights.download import cached

CODES, TABLE, SCALE = ".codes", ".table", ".scale"
FOLDER = Path(__file__).parent


def packaged() -> list[str]:
    """The names of the weights in the package."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def are_here(name: str) -> bool:
    """Whether trained weights `name` are in the package, or have been fetched."""
    return name in packaged() or cached(name) is not None


def path_of(name: str) -> Path:
    """The file of the packaged weights `name`."""
    return FOLDER / f"{name}.safetensors"


def metadata(name: str) -> dict[str, str]:
    """The metadata of the packaged weights `name`."""
    return read_tensors(path_of(name))[0]


def load(name: str) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Metadata and float32 arrays of the packaged weights `name`. Raises DataError where the file is missing
    or damaged."""
    metadata, stored = read_tensors(path_of(name))
    return metadata, unpacked(stored, str(path_of(name)))


def unpacked(stored: Mapping[str, np.ndarray], who: str) -> dict[str, np.ndarray]:
    """The float32 arrays of a file's `stored` ones. Raises DataError, in the name of `who`, where codes have
    no table."""
    arrays = {}
    for name, array in stored.items():
        if name.endswith(CODES):
            whole = name.removesuffix(CODES)
            table = stored.get(whole + TABLE)
            if table is None or table.shape != (256,):
                raise DataError(mismatch(f"{who}: {whole}{TABLE}", "256 numbers", table))
            arrays[whole] = table[array]  # (1)
            if (scale := stored.get(whole + SCALE)) is not None:
                arrays[whole] *= scale
        elif not name.endswith((TABLE, SCALE)):
            arrays[name] = array.astype(np.float32)
    return arrays
