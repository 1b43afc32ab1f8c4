"""ONNX: networks as other programs write and read them. It needs the library onnx: pip install fovea[onnx].

    fovea.onnx.Backend                              Fovea under ONNX's own interface, `onnx.backend.base`

Everything here raises DataError for a model that cannot be used, and FoveaError where the library is missing.

    graph       a model, read once: its operators in order, its constants as arrays
    operators/  operator → a function on arrays
    backend     the operators one after another
    layouts     channels first there and channels last here: the one place that knows both
"""

from importlib import import_module
from typing import TYPE_CHECKING

from fovea.errors import FoveaError, mismatch

if TYPE_CHECKING:
    from fovea.onnx.backend import Backend

__all__ = ["Backend"]

_HOMES = {
    "Backend": "backend",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'fovea.onnx' has no attribute {name!r}")
    try:
        import onnx  # noqa: F401  (all that is in this package imports it)
    except ImportError as error:
        remedy = "pip install fovea[onnx]"
        raise FoveaError(mismatch("fovea.onnx", "the library onnx", "none", remedy)) from error
    return getattr(import_module(f"fovea.onnx.{_HOMES[name]}"), name)
