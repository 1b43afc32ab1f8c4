"""ONNX: networks as other programs write and read them. It needs the library onnx, of the extra `onnx`.

    network = fovea.onnx.load("resnet18.onnx")      to run, to look into, to train on
    fovea.onnx.save(network, "mine.onnx")           for any program that runs ONNX
    fovea.onnx.Backend                              Fovea under ONNX's own interface, `onnx.backend.base`

`from_model` and `to_model` do the same with models in memory. Everything here raises DataError for a model
that cannot be used, and FoveaError where the library is missing.

    bounds      what a model may cost
    versions    what an operator means in which operator set
    graph       a model, read once: its operators in order, its constants as arrays
    operators/  operator → a function on arrays: what the backend runs, and importing computes constants with
    backend     operators one after another
    importing   a model as a network; importers/ has the table, operator → layers
    metadata    what a file of Fovea's says of itself, where its graph agrees
    building    that network in the making
    exporting   a network as a model; exporters has the table, layer → operators
    file        models on the disk
    layouts     channels first there and channels last here: the one place that knows both
"""

from importlib import import_module
from typing import TYPE_CHECKING

from fovea.errors import FoveaError, install, mismatch

if TYPE_CHECKING:
    from fovea.onnx.backend import Backend
    from fovea.onnx.exporting import save, to_model
    from fovea.onnx.importing import from_model, load

__all__ = ["Backend", "from_model", "load", "save", "to_model"]

_HOMES = {
    "Backend": "backend",
    "from_model": "importing",
    "load": "importing",
    "save": "exporting",
    "to_model": "exporting",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'fovea.onnx' has no attribute {name!r}")
    try:
        import onnx  # noqa: F401  (all that is in this package imports it)
    except ImportError as error:
        raise FoveaError(mismatch("fovea.onnx", "the library onnx", "none", install("onnx"))) from error
    return getattr(import_module(f"fovea.onnx.{_HOMES[name]}"), name)
