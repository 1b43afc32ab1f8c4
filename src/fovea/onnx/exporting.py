"""A network as a model of ONNX, opset 17, for any program that runs ONNX.

Its input "images" is float32 (N, C, H, W), any N. It takes pixels, 0 to 255, for the preprocessing is in the
model; its output "probabilities" (N, classes) is what `Network.predict` gives. With `numbers` it takes what
`forward` takes, and with `logits` it gives what `forward` gives. What is no row of classes comes out as is,
and so do outputs with names, by these.

Metadata: classes, in JSON, or null; preprocessing, mean and std of each channel, in JSON; outputs, in JSON,
where they have names in the network; fovea_format; and fovea_numbers, the name of what goes into the first
layer.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

import fovea
from fovea.errors import DataError, mismatch
from fovea.files import jsons
from fovea.layers.base import Shape
from fovea.network import Network
from fovea.network.graph import PICTURE
from fovea.network.outputs import unpack_outputs
from fovea.onnx.building import Value
from fovea.onnx.exporters import add_layer
from fovea.onnx.exporters.exporter import Exporter
from fovea.onnx.file import write
from fovea.onnx.metadata import FORMAT

OPSET, IR = 17, 8  # 2022's: old enough for every runtime


def save(network: Network, path: Path | str, *, numbers: bool = False, logits: bool = False) -> None:
    """Write `to_model(network)` to `path`, whole or not at all. Raises DataError."""
    write(path, to_model(network, numbers=numbers, logits=logits))


def to_model(network: Network, *, numbers: bool = False, logits: bool = False) -> onnx.ModelProto:
    """`numbers`: the input is preprocessed already. `logits`: there is no softmax at the end.

    Raises DataError for a layer that ONNX has no operators for, and for weights that are no numbers.
    """
    for key, array in {**network.parameters, **network.statistics}.items():
        if not np.isfinite(array).all():
            raise DataError(mismatch(f"{key}", "finite numbers", "NaN or infinity", "train it anew"))
    exporter = Exporter()
    begin = _free(network, "images" if len(network.input_shape) == 3 else "input")
    values = {
        PICTURE: Value(begin if numbers else _preprocess(exporter, network, begin), network.input_shape)
    }
    for number, (layer, sources) in enumerate(zip(network.layers, network.sources, strict=True)):
        values[number] = add_layer(exporter, layer, [values[s] for s in sources], network.shapes[number])
    found = [values[number] for number in network.output_numbers]
    names: Sequence[str] = network.outputs
    if names:
        exporter.outputs(dict(zip(names, found, strict=True)))
    else:
        names = [_last(exporter, network, found[0], logits)]
    shapes = unpack_outputs(network.outputs, network.output_shape)
    ends = [_end(begin, network.input_shape), *map(_end, names, shapes)]
    graph = helper.make_graph(exporter.nodes, "fovea", ends[:1], ends[1:], exporter.constants)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR,
        producer_name="fovea", producer_version=fovea.__version__, doc_string=_words(network, numbers),
    )  # fmt: skip
    helper.set_model_props(model, {
        "fovea_format": FORMAT,
        "fovea_numbers": values[PICTURE].layer,
        "classes": jsons.dumps(network.classes, ensure_ascii=False),
        "preprocessing": jsons.dumps(network.preprocessing.to_dict()),
        **({"outputs": jsons.dumps(network.outputs)} if network.outputs else {}),
    })  # fmt: skip
    return model


def _last(exporter: Exporter, network: Network, value: Value, logits: bool) -> str:
    """The name of the one output that has none in the network."""
    output, row = exporter.in_order(value).layer, network.ends_in_classes
    name = _free(network, "output" if not row else "logits" if logits else "probabilities")
    softmax = row and not logits
    axis = {"axis": 1} if softmax else {}
    return exporter.add("Softmax" if softmax else "Identity", [output], name, name, **axis)


def _free(network: Network, name: str) -> str:
    """`name`, or with "_" behind it where a layer is called so: tensors are called as the layers."""
    taken = {layer.name for layer in network.layers}
    while name in taken:
        name += "_"
    return name


def _preprocess(exporter: "Exporter", network: Network, begin: str) -> str:
    """u · scale + offset of every channel, as `fovea.network.preprocessing` has it."""
    axes = (1, -1, 1, 1) if len(network.input_shape) == 3 else (1, -1)
    scale, offset = (p.reshape(axes) for p in (network.preprocessing.scale, network.preprocessing.offset))
    scaled, numbers = _free(network, "scaled"), _free(network, "numbers")
    exporter.add("Mul", [begin, exporter.constant("preprocessing.scale", scale)], scaled, scaled)
    return exporter.add("Add", [scaled, exporter.constant("preprocessing.offset", offset)], numbers, numbers)


def _end(name: str, shape: Shape) -> onnx.ValueInfoProto:
    there = (shape[2], *shape[:2]) if len(shape) == 3 else shape
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *there])


def _words(network: Network, numbers: bool) -> str:
    H, W, C = network.input_shape if len(network.input_shape) == 3 else (1, 1, network.input_shape[0])
    colours = {1: "grey", 3: "red, green, blue"}.get(C, f"{C} channels")
    taken = "preprocessed as the metadata say" if numbers else "from 0 to 255"
    return f"Pictures of {H}×{W} pixels, {colours}, {taken}." if len(network.input_shape) == 3 else ""
