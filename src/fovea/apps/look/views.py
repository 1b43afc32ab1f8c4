"""What can be seen of a scene: all layers in small, one layer's maps, one value, where a class is found.

Each function answers with what JSON can hold, and arrays by name beside it. A layer has up to four views:

    value     what it gives out, forward
    input     the gradient of the loss by what it takes in
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

SMALL = 48  # pixels: how large maps are at most where all layers are shown
FEW = 16  # maps of each layer there
LONG = 1024  # values of a flat layer there
MANY = 64  # maps of one layer in an answer
MOST_TERMS, FEW_TERMS = 5000, 24  # of a sum: all of them, or the largest

_PARAMETERS = {"weights": "W", "bias": "b"}
_ATTENTION = {"gradcam": seeing.grad_cam, "saliency": seeing.saliency}


def rows(network: Network) -> list[dict[str, Any]]:
    """What there is to tell of each layer; "of" names what it takes in, where that is not the one before."""
    layers = zip(network.layers, summary.rows(network), network.input_shapes, strict=True)
    classes = network.ends_in_classes  # else there is no loss for gradients to be of
    found = [_row(layer, row, shape, backward=classes) for layer, row, shape in layers]
    names = [*(layer.name for layer in network.layers), "the picture"]  # PICTURE is −1
    for number, sources in enumerate(network.sources):
        before = tuple(sources) == (number - 1,)
        found[number]["of"] = [] if before else [names[source] for source in sources]
    return found


def overview(scene: Scene) -> Answer:
    """All layers in small: int8 maps, −127 … 127 for ∓ the layer's largest value; and the answer."""
    arrays, largest = {}, {}
    for name, A in scene.outputs.items():
        A = np.nan_to_num(A)
        most = largest[name] = float(np.abs(A).max(initial=0))
        arrays[name] = np.rint(_small(A) * (127 / most if most > 0 else 0)).astype(np.int8)
    p = scene.forward.probabilities
    return {"largest": largest, "probabilities": None if p is None else p.tolist()}, arrays


def layer(scene: Scene, name: str, view: str, *, start: int, column: int, label: int | None) -> Answer:
    """What a view shows: "maps" (H, W, c) or (n,), MANY channels from about `start` on; and a convolution's
    filters "W", "b". `label` is the class whose loss a gradient is of."""
    own = layer_of(scene.network, name)
    A = _array(scene, own, view, column, label)
    maps = A.ndim == 3
    start = min(max(start, 0), A.shape[-1] - 1) // MANY * MANY if maps else 0
    chosen = slice(start, start + MANY) if maps else slice(None)
    arrays = {"maps": A[..., chosen]}
    if view == "value" and isinstance(own, Conv2D):
        arrays |= {
            key: parameter[..., chosen] for key, parameter in layer_of(scene.network, name).parameters.items()
        }
    least, most = float(A.min(initial=0)), float(A.max(initial=0))
    total = A.shape[-1] if maps else 1
    return {"layer": name, "view": view, "start": start, "total": total, "least": least, "most": most}, arrays


def trace(scene: Scene, name: str, view: str, at: Any, *, column: int, label: int | None) -> Answer:
    """What one value of a view is made of, "step", as `fovea.trace` says; and the box of the picture that it
    sees, "field", (top, left, bottom, right), where it is one of the layer's values."""
    layer_of(scene.network, name)
    place = tuple(at) if isinstance(at, list) else at
    path, field = _path(scene, view, label), None
    if view == "value":
        step = path.forward(name, place)
        field = seeing.receptive_field(scene.network, name, step.at[: max(1, len(step.at) - 1)]).box
    elif view == "input":
        step = path.backward_input(name, place)
    else:
        place = (*place, column) if view == "weights" and isinstance(place, tuple) else place
        step = path.backward_weight(name, _PARAMETERS[view], place)
    few = isinstance(step, Sum) and step.products.size > MOST_TERMS
    return {"view": view, "step": step.to_json(FEW_TERMS if few else None), "field": field}, {}


def preset(network: Network, name: str, filter: str) -> Answer:
    """The known filter of that name for a convolution: "weights" (f_H, f_W, C_in)."""
    own = layer_of(network, name)
    if not isinstance(own, Conv2D):
        raise FoveaError(mismatch(own.who, "a convolution", type(own).__name__))
    return {"layer": name}, {"weights": presets.whole_filter(filter, own.parameters["W"].shape[:3], own.who)}


def attention(scene: Scene, how: str, label: int | None) -> Answer:
    """Where in the picture a class is found: "attention" float32 (H, W), at least 0."""
    if how not in _ATTENTION:
        raise FoveaError(mismatch("attention", f"one of {', '.join(_ATTENTION)}", repr(how)))
    return {"how": how}, {"attention": _ATTENTION[how](scene.network, scene.picture, label)}


def layer_of(network: Network, name: str) -> Layer:
    """The layer of that name. Raises FoveaError."""
    for own in network.layers:
        if own.name == name:
            return own
    names = ", ".join(own.name for own in network.layers)
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
    """A position in the middle of what a view shows; of channels the first."""
    shapes = {"value": n_out, "input": n_in}
    shape = shapes[view] if view in shapes else layer.parameters[_PARAMETERS[view]].shape
    shape = shape[:-1] if view == "weights" else shape
    return [shape[0] // 2, shape[1] // 2, 0] if len(shape) == 3 else [0]


def _path(scene: Scene, view: str, label: int | None) -> Trace:
    """The way through the network, and back where a gradient is asked for."""
    if view not in ("value", "input", *_PARAMETERS):
        raise FoveaError(mismatch("view", f"one of value, input, {', '.join(_PARAMETERS)}", repr(view)))
    if view == "value":
        return scene.forward
    if label is None:
        raise FoveaError(mismatch("label", "a class, for the gradient of its loss", "none"))
    return scene.backward(label)


def _array(scene: Scene, own: Layer, view: str, column: int, label: int | None) -> np.ndarray:
    """What `view` shows of a layer, (H, W, C) or (n,)."""
    path = _path(scene, view, label)
    if view == "value":
        return path.A(own.name)
    if view == "input":
        return path.dA_prev(own.name)
    gradient = path.gradients.get(f"{own.name}.{_PARAMETERS[view]}")
    if gradient is None:
        raise FoveaError(mismatch(own.who, f"a layer with {view}", "one without"))
    if view == "bias":
        return gradient
    if not 0 <= column < gradient.shape[-1]:
        raise FoveaError(mismatch(own.who, f"a filter or unit from 0 to {gradient.shape[-1] - 1}", column))
    return gradient[..., column]


def _small(A: np.ndarray) -> np.ndarray:
    """The first maps, at most SMALL pixels high and wide; or the first values."""
    if A.ndim != 3:
        return A.reshape(-1)[:LONG]
    step = -(-max(A.shape[:2]) // SMALL)
    return A[::step, ::step, :FEW]
