"""Views of a scene: thumbnails of all layers, one layer's maps, one value, the evidence for a class.

Each function returns a JSON object, and arrays by name. A layer has up to four views:

    value     its output
    input     the gradient of the loss by its input
    weights   the gradient by its weights, those of one filter or unit, `column`
    bias      the gradient by its biases
"""

from typing import Any, TypeAlias

import numpy as np

from fovea import seeing
from fovea.apps.look import presets
from fovea.apps.look.scene import Scene
from fovea.errors import FoveaError, mismatch
from fovea.geometry import Window
from fovea.layers import Conv2D, Layer
from fovea.network import Network, summary
from fovea.tracing import Sum, Trace

Answer: TypeAlias = tuple[dict[str, Any], dict[str, np.ndarray]]

SMALL = 48  # pixels: the largest side of maps in the overview of all layers
FEW = 16  # maps of each layer in the overview
LONG = 1024  # values of a flat layer in the overview
MANY = 64  # maps of one layer in an answer
MOST_TERMS, FEW_TERMS = 5000, 24  # a sum with more terms is answered with its largest only

_PARAMETERS = {"weights": "W", "bias": "b"}
_ATTENTION = {"gradcam": seeing.grad_cam, "saliency": seeing.saliency}


def rows(network: Network) -> list[dict[str, Any]]:
    """A description of each layer; "of" names its inputs, if they are not just the layer before."""
    layers = zip(network.layers, summary.rows(network), network.input_shapes, strict=True)
    classes = network.ends_in_classes  # else there is no loss for gradients to be of
    described = [_row(layer, row, shape, backward=classes) for layer, row, shape in layers]
    names = [*(layer.name for layer in network.layers), "the picture"]  # PICTURE is −1
    for number, sources in enumerate(network.sources):
        before = tuple(sources) == (number - 1,)
        described[number]["of"] = [] if before else [names[source] for source in sources]
    return described


def overview(scene: Scene) -> Answer:
    """Thumbnails of all layers: int8 maps, ±127 for ± the layer's largest value; and the prediction."""
    arrays, largest = {}, {}
    for name, A in scene.outputs.items():
        A = np.nan_to_num(A)
        most = largest[name] = float(np.abs(A).max(initial=0))
        arrays[name] = np.rint(_small(A) * (127 / most if most > 0 else 0)).astype(np.int8)
    p = scene.forward.probabilities
    return {"largest": largest, "probabilities": None if p is None else p.tolist()}, arrays


def layer(scene: Scene, name: str, view: str, *, start: int, column: int, label: int | None) -> Answer:
    """The "maps" (H, W, c) or (n,) of a view, MANY channels from about `start` on; and a convolution's
    filters "W", "b". `label` is the class for the loss of a gradient."""
    viewed = layer_of(scene.network, name)
    A = _array(scene, viewed, view, column, label)
    maps = A.ndim == 3
    start = min(max(start, 0), A.shape[-1] - 1) // MANY * MANY if maps else 0
    chosen = slice(start, start + MANY) if maps else slice(None)
    arrays = {"maps": A[..., chosen]}
    if view == "value" and isinstance(viewed, Conv2D):
        arrays |= {key: parameter[..., chosen] for key, parameter in viewed.parameters.items()}
    least, most = float(A.min(initial=0)), float(A.max(initial=0))
    total = A.shape[-1] if maps else 1
    return {"layer": name, "view": view, "start": start, "total": total, "least": least, "most": most}, arrays


def trace(scene: Scene, name: str, view: str, index: Any, *, column: int, label: int | None) -> Answer:
    """The arithmetic of one value of a view, "step", from `fovea.trace`; and for an output of the layer its
    receptive field, "field", (top, left, bottom, right)."""
    layer_of(scene.network, name)
    position = tuple(index) if isinstance(index, list) else index
    path, field = _path(scene, view, label), None
    if view == "value":
        step = path.forward(name, position)
        field = seeing.receptive_field(scene.network, name, step.at[: max(1, len(step.at) - 1)]).box
    elif view == "input":
        step = path.backward_input(name, position)
    else:
        position = (*position, column) if view == "weights" and isinstance(position, tuple) else position
        step = path.backward_weight(name, _PARAMETERS[view], position)
    few = isinstance(step, Sum) and step.products.size > MOST_TERMS
    return {"view": view, "step": step.to_json(FEW_TERMS if few else None), "field": field}, {}


def preset(network: Network, name: str, filter: str) -> Answer:
    """The known filter `filter` for the convolution `name`: "weights" (f_H, f_W, C_in)."""
    conv = layer_of(network, name)
    if not isinstance(conv, Conv2D):
        raise FoveaError(mismatch(conv.who, "a convolution", type(conv).__name__))
    return {"layer": name}, {
        "weights": presets.whole_filter(filter, conv.parameters["W"].shape[:3], conv.who)
    }


def attention(scene: Scene, method: str, label: int | None) -> Answer:
    """The evidence for a class in the picture, by "gradcam" or "saliency": "attention" float32 (H, W), at
    least 0."""
    if method not in _ATTENTION:
        raise FoveaError(mismatch("attention", f"one of {', '.join(_ATTENTION)}", repr(method)))
    return {"how": method}, {"attention": _ATTENTION[method](scene.network, scene.picture, label)}


def layer_of(network: Network, name: str) -> Layer:
    """The layer of that name. Raises FoveaError."""
    for layer in network.layers:
        if layer.name == name:
            return layer
    names = ", ".join(layer.name for layer in network.layers)
    raise FoveaError(mismatch("layer", f"one of {names}", repr(name)))


def _row(layer: Layer, row: summary.Row, input_shape: tuple[int, ...], *, backward: bool) -> dict[str, Any]:
    window = layer.window(input_shape)
    gradients = [
        *([] if layer.merges else ["input"]),
        *(v for v, key in _PARAMETERS.items() if key in layer.parameters),
    ]
    views = ["value", *(gradients if backward else [])]
    return {
        "name": row.name,
        "type": row.type,
        "input_shape": input_shape,
        "output_shape": row.output_shape,
        "parameters": row.parameters,
        "field": row.receptive_field,
        "window": _moves(window) if window else None,
        "presets": presets.fitting(window.size) if window and isinstance(layer, Conv2D) else None,
        "views": views,
        "middles": {view: _middle(layer, view, input_shape, row.output_shape) for view in views},
    }


def _moves(window: Window) -> dict[str, Any]:
    return {
        "size": window.size,
        "stride": window.stride,
        "pads": window.pads,
        "dilation": window.dilation,
    }


def _middle(layer: Layer, view: str, n_in: tuple[int, ...], n_out: tuple[int, ...]) -> list[int]:
    """The position in the middle of a view, in channel 0."""
    shapes = {"value": n_out, "input": n_in}
    shape = shapes[view] if view in shapes else layer.parameters[_PARAMETERS[view]].shape
    shape = shape[:-1] if view == "weights" else shape
    return [shape[0] // 2, shape[1] // 2, 0] if len(shape) == 3 else [0]


def _path(scene: Scene, view: str, label: int | None) -> Trace:
    """The forward trace for the view "value", else the backward trace."""
    if view not in ("value", "input", *_PARAMETERS):
        raise FoveaError(mismatch("view", f"one of value, input, {', '.join(_PARAMETERS)}", repr(view)))
    if view == "value":
        return scene.forward
    if label is None:
        raise FoveaError(mismatch("label", "a class, for the gradient of its loss", "none"))
    return scene.backward(label)


def _array(scene: Scene, layer: Layer, view: str, column: int, label: int | None) -> np.ndarray:
    """The array of a layer's view, (H, W, C) or (n,)."""
    path = _path(scene, view, label)
    if view == "value":
        return path.A(layer.name)
    if view == "input":
        return path.dA_prev(layer.name)
    gradient = path.gradients.get(f"{layer.name}.{_PARAMETERS[view]}")
    if gradient is None:
        raise FoveaError(mismatch(layer.who, f"a layer with {view}", "one without"))
    if view == "bias":
        return gradient
    if not 0 <= column < gradient.shape[-1]:
        raise FoveaError(mismatch(layer.who, f"a filter or unit from 0 to {gradient.shape[-1] - 1}", column))
    return gradient[..., column]


def _small(A: np.ndarray) -> np.ndarray:
    """The first maps, at most SMALL pixels high and wide; or the first values."""
    if A.ndim != 3:
        return A.reshape(-1)[:LONG]
    step = -(-max(A.shape[:2]) // SMALL)
    return A[::step, ::step, :FEW]
