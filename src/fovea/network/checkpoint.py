"""The model file: one safetensors file with everything needed for prediction.

    tensors     "conv1.W", "conv1.b", …       float32, as the network has them: parameters and statistics
    metadata    fovea_format    "1"
                architecture    input shape, layers, and the outputs' names if they have any, in JSON
                classes         the names of the classes, or null, in JSON
                preprocessing   mean and std of each channel, in JSON
                facts           what its task keeps beside the weights, in JSON; left out if there is nothing
                input_size      height and width, in JSON: a copy, from the architecture, for other programs

The file alone is enough to predict, and nothing in it is ever executed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fovea.errors import DISTRIBUTION, DataError, FoveaError, mismatch
from fovea.files import jsons
from fovea.files.tensors import write_tensors
from fovea.network import Network
from fovea.network.parameters import Layout
from fovea.network.preprocessing import Preprocessing
from fovea.network.soundness import check_weights
from fovea.ranges import short

FORMAT = 1


def save(network: Network, path: Path | str) -> None:
    """Write `network` to `path`, whole or not at all. Raises DataError if that fails."""
    metadata = {
        "fovea_format": str(FORMAT),
        "architecture": jsons.dumps(network.architecture()),
        "classes": jsons.dumps(network.classes, ensure_ascii=False),
        "preprocessing": jsons.dumps(network.preprocessing.to_dict()),
        "input_size": jsons.dumps(network.input_shape[:2]),
    }
    if network.facts:
        metadata["facts"] = jsons.dumps(network.facts, ensure_ascii=False)
    write_tensors(path, {**network.parameters, **network.statistics}, metadata)


def restore(path: Path, metadata: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> Network:
    """The network of a model file, from the metadata and tensors read from `path`, which only appears in
    errors. Raises DataError for an incomplete or damaged file. `fovea.load` reads the file, too."""
    _check_format(path, metadata)
    try:
        network = Network.from_architecture(_json(path, metadata, "architecture"), seed=None)
        _check_tensors(path, {**network.layout, **network.statistic_layout}, tensors)
        network.classes = _json(path, metadata, "classes")
        network.preprocessing = Preprocessing.from_dict(_json(path, metadata, "preprocessing"))
        network.facts = _facts(path, metadata)
    except DataError:
        raise
    except FoveaError as error:
        raise DataError(f"{path}: {error}") from error
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise DataError(mismatch(str(path), "a network that can be built", repr(error))) from error
    for views in (network.parameters, network.statistics):
        for name, view in views.items():
            view[...] = tensors[name]
    check_weights(network, str(path))
    return network


def _check_format(path: Path, metadata: Mapping[str, str]) -> None:
    found = metadata.get("fovea_format")
    if found != str(FORMAT):
        raise DataError(
            mismatch(
                str(path),
                f"fovea_format {FORMAT}",
                found,
                f"a newer Fovea wrote it: pip install -U {DISTRIBUTION}",
            )
        )


def _json(path: Path, metadata: Mapping[str, str], key: str) -> Any:
    if key not in metadata:
        raise DataError(mismatch(str(path), f"{key} in its metadata", "none"))
    return jsons.loads(metadata[key], f"{path}: {key}")


def _facts(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    facts = _json(path, metadata, "facts") if "facts" in metadata else {}
    if not isinstance(facts, dict):
        raise DataError(mismatch(f"{path}: facts", "values by name", short(facts)))
    return facts


def _check_tensors(path: Path, layout: Layout, tensors: Mapping[str, np.ndarray]) -> None:
    for name, (_, shape) in layout.items():
        if name not in tensors:
            raise DataError(mismatch(str(path), f"a tensor {name} {shape}", "none"))
        tensor = tensors[name]
        if tensor.shape != shape or tensor.dtype != np.float32:
            raise DataError(
                mismatch(f"{path}: tensor {name}", f"float32 {shape}", f"{tensor.dtype} {tensor.shape}")
            )
    extra = sorted(set(tensors) - set(layout))
    if extra:
        raise DataError(mismatch(str(path), "the tensors of its architecture", f"{', '.join(extra)} as well"))
