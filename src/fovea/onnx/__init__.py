"""ONNX: export and import of networks. Needs the library onnx, which the extra `onnx` installs.

    network = fovea.onnx.load("resnet18.onnx")      to run, inspect or train further
    fovea.onnx.save(network, "mine.onnx")           for any program that runs ONNX
    fovea.onnx.Backend                              Fovea under ONNX's own interface, `onnx.backend.base`

`from_model` and `to_model` do the same with models in memory. Everything here raises DataError for a model
that cannot be used, and FoveaError if the library is missing.

    bounds      limits on a model's size and computations
    versions    the versions of operators in the operator sets
    graph       a parsed model: operators in order, constants as arrays
    operators/  operator → a function on arrays, for the backend and for constant expressions
    backend     runs a model operator by operator
    importing   model → network; importers/ has the table, operator → layers
    metadata    the metadata of files that Fovea wrote, checked against the graph
    building    the network under construction
    exporting   network → model; exporters/ has the table, layer → operators
    file        model files
    layouts     conversions between channels first and channels last
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
