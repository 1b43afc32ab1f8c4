"""Export of a network as an ONNX model, opset 17.

Its input "images" is float32 (N, C, H, W) for any N: pixels from 0 to 255, because the preprocessing is part
of the model. Its output "probabilities" (N, classes) is that of `Network.predict`. With `numbers` the input
is that of `forward`, and with `logits` the output. Named outputs keep their names, and get no softmax;
neither does an output that is not a row of classes.

Metadata, in JSON: classes, or null; preprocessing, mean and std of each channel; outputs, if they have names
in the network; fovea_format; and fovea_numbers, the name of the first layer's input.
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
    """The ONNX model of `network`. `numbers`: its input is preprocessed already. `logits`: no softmax at the
    end.

    Raises DataError for a layer that ONNX has no operators for, and for weights that are not finite.
    """
    for key, array in {**network.parameters, **network.statistics}.items():
        if not np.isfinite(array).all():
            raise DataError(mismatch(f"{key}", "finite numbers", "NaN or infinity", "train it again"))
    exporter = Exporter()
    input_name = _free(network, "images" if len(network.input_shape) == 3 else "input")
    values = {
        PICTURE: Value(
            input_name if numbers else _preprocess(exporter, network, input_name), network.input_shape
        )
    }
    for number, (layer, sources) in enumerate(zip(network.layers, network.sources, strict=True)):
        values[number] = add_layer(exporter, layer, [values[s] for s in sources], network.shapes[number])
    outputs = [values[number] for number in network.output_numbers]
    names: Sequence[str] = network.outputs
    if names:
        exporter.outputs(dict(zip(names, outputs, strict=True)))
    else:
        names = [_only_output(exporter, network, outputs[0], logits)]
    shapes = unpack_outputs(network.outputs, network.output_shape)
    infos = [_value_info(input_name, network.input_shape), *map(_value_info, names, shapes)]
    graph = helper.make_graph(exporter.nodes, "fovea", infos[:1], infos[1:], exporter.constants)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR,
        producer_name="fovea", producer_version=fovea.__version__, doc_string=_description(network, numbers),
    )  # fmt: skip
    helper.set_model_props(model, {
        "fovea_format": FORMAT,
        "fovea_numbers": values[PICTURE].layer,
        "classes": jsons.dumps(network.classes, ensure_ascii=False),
        "preprocessing": jsons.dumps(network.preprocessing.to_dict()),
        **({"outputs": jsons.dumps(network.outputs)} if network.outputs else {}),
    })  # fmt: skip
    return model


def _only_output(exporter: Exporter, network: Network, value: Value, logits: bool) -> str:
    """Add the model's only output, which has no name in the network; returns its name in the model."""
    output, row = exporter.in_order(value).layer, network.ends_in_classes
    name = _free(network, "output" if not row else "logits" if logits else "probabilities")
    softmax = row and not logits
    axis = {"axis": 1} if softmax else {}
    return exporter.add("Softmax" if softmax else "Identity", [output], name, name, **axis)


def _free(network: Network, name: str) -> str:
    """`name`, with "_" appended until no layer has it: tensors are named after layers."""
    used = {layer.name for layer in network.layers}
    while name in used:
        name += "_"
    return name


def _preprocess(exporter: "Exporter", network: Network, input_name: str) -> str:
    """Add u · scale + offset for every channel, as in `fovea.network.preprocessing`; returns the output's
    name."""
    axes = (1, -1, 1, 1) if len(network.input_shape) == 3 else (1, -1)
    scale, offset = (p.reshape(axes) for p in (network.preprocessing.scale, network.preprocessing.offset))
    scaled, numbers = _free(network, "scaled"), _free(network, "numbers")
    exporter.add("Mul", [input_name, exporter.constant("preprocessing.scale", scale)], scaled, scaled)
    return exporter.add("Add", [scaled, exporter.constant("preprocessing.offset", offset)], numbers, numbers)


def _value_info(name: str, shape: Shape) -> onnx.ValueInfoProto:
    channels_first = (shape[2], *shape[:2]) if len(shape) == 3 else shape
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *channels_first])


def _description(network: Network, numbers: bool) -> str:
    H, W, C = network.input_shape if len(network.input_shape) == 3 else (1, 1, network.input_shape[0])
    colours = {1: "grey", 3: "red, green, blue"}.get(C, f"{C} channels")
    pixels = "preprocessed as the metadata say" if numbers else "from 0 to 255"
    return f"Pictures of {H}×{W} pixels, {colours}, {pixels}." if len(network.input_shape) == 3 else ""
