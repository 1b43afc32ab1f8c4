"""A learned style: the scales γ and shifts β of a painter's instance normalisations, in a small file.

    tensors     "contract0_norm.gamma", …     float32 (C,)
    metadata    fovea_style     "1"
                painter         the painter's name
                filters         the digest of its filters, for which the style was learned
                about           how it was learned, in JSON
                checksum        of all else

Nothing in a file is ever executed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fovea import weights
from fovea.errors import DataError, mismatch
from fovea.files import expanded, jsons
from fovea.files.tensors import checksum, read_tensors, write_tensors
from fovea.ranges import short

PAINTER = "multistyle26"
SUFFIX = ".safetensors"
FORMAT, MARK, CHECKSUM = "1", "fovea_style", "checksum"


@dataclass(frozen=True, eq=False)
class LearnedStyle:
    """A style for `Painter`, alone or in a mixture: {3: 0.5, LearnedStyle.read("mine.safetensors"): 0.5}.

    scales: "contract0_norm.gamma" → float32 (C,), for γ and β of each normalisation. about: how it was
    learned, in JSON's types.
    """

    scales: Mapping[str, np.ndarray]
    about: Mapping[str, Any]

    def write(self, path: Path | str) -> None:
        """Write the file, whole or not at all. Raises DataError if that fails."""
        text = {
            MARK: FORMAT,
            "painter": PAINTER,
            "filters": digest(),
            "about": jsons.dumps(self.about, ensure_ascii=False),
        }
        write_tensors(path, self.scales, {**text, CHECKSUM: checksum(self.scales, text)})

    @classmethod
    def read(cls, path: Path | str) -> "LearnedStyle":
        """The style in a file. Raises DataError for one of another kind or painter, and for a damaged one."""
        text, scales = read_tensors(expanded(path))
        if text.get(MARK) != FORMAT:
            got = f"version {short(text[MARK])}" if MARK in text else "another safetensors file"
            raise DataError(mismatch(f"{path}", f"a learned style of version {FORMAT}", got))
        if text.get("painter") != PAINTER or text.get("filters") != digest():
            got = f"one for {short(text.get('painter'))} with other filters"
            remedy = "learn it again with fovea learn-style"
            raise DataError(mismatch(f"{path}", f"a style for the filters of {PAINTER}", got, remedy))
        if text.pop(CHECKSUM, None) != checksum(scales, text):
            raise DataError(mismatch(f"{path}", "the contents of its checksum", "others: it is damaged"))
        _check(f"{path}", scales)
        return cls(scales, jsons.loads(text.get("about", "{}"), f"{path}: about"))


def _check(who: str, scales: Mapping[str, np.ndarray]) -> None:
    """Raise DataError unless `scales` are finite, and those of the painter."""
    expected = {name: array[0] for name, array in arrays(PAINTER).items() if is_scale(name)}
    for name in sorted({*expected, *scales}):
        wanted, got = (
            "none" if a is None else f"{a.dtype} {a.shape}" for a in (expected.get(name), scales.get(name))
        )
        if wanted != got:
            raise DataError(mismatch(f"{who}: tensor {name}", wanted, got))
        if not np.isfinite(scales[name]).all():
            raise DataError(mismatch(f"{who}: tensor {name}", "finite numbers", "NaN or infinity"))


def is_scale(name: str) -> bool:
    """True for γ and β of a normalisation, which are a painter's style; False for its filters."""
    return "_norm." in name


@cache
def arrays(painter: str) -> dict[str, np.ndarray]:
    """A painter's arrays, by name: filters, and of multistyle26 γ and β (styles, C) of its trained styles."""
    return weights.load(painter)[1]


@cache
def digest() -> str:
    """SHA-256 of the painter's filters, in hexadecimal digits."""
    found = hashlib.sha256()
    for name, array in sorted(arrays(PAINTER).items()):
        if not is_scale(name):
            found.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
