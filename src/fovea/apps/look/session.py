"""The session behind a page that shows a network at work: a method for each request.

An answer is a JSON object, and arrays by name. Every request about a picture contains its scene (see
`fovea.apps.look.scene`); there is no state between requests.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from fovea import data, images, weights
from fovea.apps.look import presets
from fovea.apps.look.scene import Scene, Scenes
from fovea.apps.look.step_by_step import LEAST_AND_MOST
from fovea.apps.look.studio import Studio
from fovea.apps.look.uploads import size_of
from fovea.apps.look.views import Answer, rows
from fovea.apps.look.watch import Watch
from fovea.data import Dataset, Splits
from fovea.errors import DataError, FoveaError, mismatch
from fovea.files import expanded
from fovea.models import MODELS
from fovea.names import visible
from fovea.network import Network, summary
from fovea.network.outputs import pack_outputs, unpack_outputs
from fovea.training.trained import any_of, arguments_of, class_names, record_of

MOST_PICTURES = 100  # of the data set in an answer


class Look:
    """A model, with a data set and a run.

    `data` is by default the data set that the model was trained on, if it still exists; `run` is by default
    `model`, if that is the folder of a run. Raises FoveaError if one of them does not exist, and for a
    network whose input is not a picture.
    """

    def __init__(self, model: str, data: str | None = None, run: str | None = None) -> None:
        self.title = visible(Path(model).name)
        self.watch = Watch(run if run is not None else model) if run is not None or _is_run(model) else None
        self.network = self._first(model)
        _check(self.network, model)
        self.scenes, self.studio = Scenes(), Studio()
        self.data = _load(data, model, self.network)

    def _first(self, model: str) -> Network:
        """The model's network; the last one of a run that has no best one yet."""
        if model in MODELS and not weights.are_here(model) and not Path(model).exists():
            self.title += ", untrained"
        try:
            return any_of(model)
        except DataError:
            if self.watch is None or not self.watch.version() or self.watch.folder.best.exists():
                raise
            return self.watch.network()

    def warm(self, progress: Callable[[int, int], object] = lambda done, total: None) -> None:
        """Compile all kernels, so that the first answer is as fast as the others; `progress(done, total)`
        counts layers, forward and backward."""
        network, caches = self.network, []
        X, total = np.zeros((1, *network.input_shape), np.float32), 2 * len(network.layers)
        for done, (_, _, cache) in enumerate(network.forward_steps(X), start=1):
            caches.append(cache)
            progress(done, total)
        shapes = unpack_outputs(network.outputs, network.output_shape)
        dZ = pack_outputs(network.outputs, [np.zeros((1, *shape), np.float32) for shape in shapes])
        for done, _ in enumerate(network.backward_steps(dZ, caches), start=len(caches) + 1):
            progress(done, total)

    # ---- The model and its data

    def describe(self) -> Answer:
        """The network's layers, its classes, the data set's parts."""
        network = self.network
        layers = rows(network)
        parts = {name: len(part) for name, part in self._parts().items()}
        return {
            "title": self.title,
            "input_shape": network.input_shape,
            "parameters": sum(layer["parameters"] for layer in layers),
            "classes": [*map(visible, class_names(network))] if network.ends_in_classes else [],
            "dark": sum(network.preprocessing.mean) / len(network.preprocessing.mean) < 0.5,
            "layers": layers,
            "data": self._described_data(parts),
            "presets": {
                size: presets.fitting((size, size)) for size in range(1, LEAST_AND_MOST["size"][1] + 1)
            },
            "run": self.watch is not None,
        }, {}

    def _described_data(self, parts: dict[str, int]) -> dict[str, Any] | None:
        if self.data is None:
            return None
        classes = [*map(visible, self.data.classes)]
        return {"name": visible(Path(self.data.name).name), "parts": parts, "classes": classes}

    def pictures(self, part: str, start: int, count: int, label: int | None = None) -> Answer:
        """Some of the data set's pictures, resized for the network: "pictures" uint8 (n, H, W, C)."""
        parts = self._parts()
        if part not in parts:
            names = ", ".join(parts) or "there is no data set"
            raise DataError(mismatch("pictures", f"a part of the data set ({names})", repr(part)))
        chosen = parts[part]
        numbers = np.arange(len(chosen)) if label is None else np.flatnonzero(chosen.labels == label)
        numbers = numbers[max(start, 0) :][: min(max(count, 0), MOST_PICTURES)]
        pixels, readable = chosen.read(numbers)
        numbers = numbers[readable]
        total = len(chosen) if label is None else int((chosen.labels == label).sum())
        answer = {"numbers": numbers.tolist(), "labels": chosen.labels[numbers].tolist(), "total": total}
        return answer, {"pictures": pixels[readable]}

    def picture(self, file: bytes) -> Answer:
        """An uploaded picture, resized for the network: "picture" uint8 (H, W, C). Raises DataError."""
        height, width = size_of(file)
        H, W, C = self.network.input_shape
        return {"width": width, "height": height}, {
            "picture": images.read(BytesIO(file), (H, W), C, self.network.preprocessing.crop)
        }

    # ---- The network at work

    def scene(self, request: Any) -> Scene:
        """The scene of a request. Raises FoveaError."""
        return self.scenes.get(request, self._weights)

    def training(self, seen: str = "") -> Answer:
        """The progress of the run, and "filters" (f_H, f_W, C_in, filters) of its first convolution; its
        "picture" (H, W, 3), if it has one, whose version is not `seen`."""
        if self.watch is None:
            raise DataError(mismatch("training", "a run to watch", "none", "start fovea look with --run"))
        report, filters = self.watch.report(), self.watch.filters()
        report["picture"], picture = self.watch.picture(seen)
        arrays = {} if picture is None else {"picture": picture}
        if filters is not None:
            report["layer"], arrays["filters"] = filters
        return report, arrays

    def _parts(self) -> dict[str, Dataset]:
        """The data set's parts, with "new" for pictures that the run did not have."""
        if self.data is None:
            return {}
        return self.data.parts | ({} if self.data.new is None else {"new": self.data.new})

    def _weights(self, name: str) -> tuple[Network, str]:
        """The network named in a scene, and the version of its weights."""
        if name == "model":
            return self.network, name
        if name != "run" or self.watch is None:
            raise FoveaError(mismatch("weights", '"model"' + ' or "run"' * bool(self.watch), repr(name)))
        network = self.watch.network()
        if network.architecture() != self.network.architecture():
            raise DataError(mismatch("run", "the network that the page shows", "another one"))
        return network, f"run {self.watch.version()}"


def _is_run(model: str) -> bool:
    return expanded(model).is_dir()


def _check(network: Network, model: str) -> None:
    shape = network.input_shape
    if len(shape) != 3 or shape[2] not in (1, 3):
        expected = "a network whose input is a picture of 1 or 3 channels"
        raise DataError(mismatch(f"model {model}", expected, f"an input of {summary.times(shape)}"))


def _load(given: str | None, model: str, network: Network) -> Splits | None:
    """The data set `given`, or else the model's own if it still exists, split as in the model's run. Raises
    DataError if the files of the run are damaged."""
    height, width, channels = network.input_shape
    source = given if given is not None else arguments_of(model).get("data")
    if not source:
        return None
    record, size = record_of(model), (height, width)
    try:
        splits = data.load(
            source,
            size=size,
            channels=channels,
            record=record,
            draw=record is None,
            crop=network.preprocessing.crop,
        )
    except DataError:
        if given is not None:
            raise
        return None
    if splits.skipped:
        splits.skipped.warn()
    return splits
