"""A network: layers, their parameters in one piece of memory, a loop forward and a loop back."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import copy
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Gradients, Layer, Shape, checked_precision, pack_inputs, unpack_inputs
from fovea.memory import room_for
from fovea.names import class_name, is_text, listed, repeated
from fovea.network import architecture
from fovea.network.graph import PICTURE, Entries, Graph
from fovea.network.inputs import batch_of, in_precision, numbers, pixels_or_numbers
from fovea.network.outputs import gradients_of, joined, parted
from fovea.network.parameters import aligned_zeros, hand_out, layout_of, learn_statistics, views_of
from fovea.network.preprocessing import Preprocessing
from fovea.network.runner import Mirrored, prediction_plan
from fovea.ranges import MOST_SEED, check_size, whole


class Network:
    """Layers, each feeding the next; or a graph of named layers.

    In a graph, layers name their inputs (`fovea.network.graph`). Unnamed layers are called by kind and count,
    "conv1", "relu1", "conv2"; each belongs to one network. `layers` is sorted so that every layer comes after
    its inputs, and `sources` has the numbers of those inputs, −1 for the picture.

    The output is that of the one layer that feeds no other. With `outputs`, the names of one layer or
    more, it is a dict by these names, in that order, wherever this class has Z, dZ or `output_shape`.

    `input_shape` is (H, W, C). The first weights are drawn from `seed`; None leaves every parameter 0.
    `classes` names the classes: one for each number of the last axis of the output, and as many as you like
    where the outputs have names. `preprocessing` says how pixels become numbers. Raises ShapeError, which
    names the layer that does not fit.

    `precision` says how predicting and training compute convolutions: "fast" takes Winograd's algorithm where
    it pays, whose errors are up to 5e-5 of the largest number forward and 2e-4 in gradients; "exact" keeps to
    the direct sum, with 1e-5 and 1e-4. A layer may ask otherwise for itself. `forward` and `backward`, which
    go layer by layer, are always exact.

    `parameters` maps "conv1.W" to a view into `flat`, by `layout`: write into the arrays to change them.
    `statistics`, what is learned beside gradients, maps "batchnorm1.mean" to a view into `flat_statistics`,
    by `statistic_layout`. The two flat arrays lie one after the other in `memory`, which is all that the
    network knows.
    """

    def __init__(
        self,
        layers: Entries,
        input_shape: Sequence[int],
        seed: int | None = 0,
        *,
        classes: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
        precision: str = "fast",
        outputs: Sequence[str] = (),
    ) -> None:
        self.input_shape: Shape = tuple(whole(n, "Network", "input_shape", 1, 10**18) for n in input_shape)
        if len(self.input_shape) not in (1, 3):
            raise ShapeError(mismatch("Network", "an input_shape of (H, W, C) or (n,)", self.input_shape))
        check_size(self.input_shape, "Network", "an input")
        self._graph = Graph.of(layers, outputs)
        self.layers, self.sources = self._graph.layers, self._graph.sources
        try:
            self.input_shapes: list[Any] = []  # what each layer takes in, for one image; several if it merges
            self.shapes: list[Shape] = []  # what it gives out
            for layer, sources in zip(self.layers, self.sources, strict=True):
                self.input_shapes.append(pack_inputs(layer, [self._shape(source) for source in sources]))
                self.shapes.append(tuple(layer.output_shape(self.input_shapes[-1])))
                check_size(self.shapes[-1], layer.who, "an output")
            placed = list(zip(self.layers, self.input_shapes, strict=True))
            self.layout, size = layout_of((layer, layer.parameter_shapes(n)) for layer, n in placed)
            self.statistic_layout, more = layout_of((layer, layer.statistic_shapes(n)) for layer, n in placed)
            check_size((size + more,), "Network", "parameters and statistics")
            with room_for(4 * (size + more), "Network", "for its parameters and statistics"):
                self.memory = aligned_zeros(size + more)
            self._lay_out(size)
            self.precision = precision
            self._plans: dict[bool, Any] = {}  # for few pictures at once, and for many
            self._lock = Lock()  # a plan's memory serves one prediction at a time
            self.classes = classes
            self.preprocessing = preprocessing or Preprocessing.none(self.input_shape[-1])
            if seed is not None:
                self.initialise(seed)
        except BaseException:
            for layer in self.layers:
                layer.name = ""  # it is free again
            raise

    def _shape(self, number: int) -> Shape:
        return self.input_shape if number == PICTURE else self.shapes[number]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs; none where the one output has no name."""
        return self._graph.outputs

    @property
    def output_numbers(self) -> tuple[int, ...]:
        """The numbers of the layers that the outputs come from, in order."""
        return self._graph.output_numbers

    @property
    def output_shape(self) -> Any:
        """(classes,) or (H, W, C), for one picture; {name: shape} where outputs have names."""
        return joined(self.outputs, [self.shapes[number] for number in self.output_numbers])

    @property
    def ends_in_classes(self) -> bool:
        """Whether the output is a row of logits, one for each class."""
        return not self.outputs and len(self.shapes[-1]) == 1

    @property
    def parameter_count(self) -> int:
        return sum(array.size for array in self.parameters.values())  # `flat` has gaps between them

    def initialise(self, seed: int, only: Collection[str] | None = None) -> None:
        """Draw the first weights and set the first statistics of all layers, or of those named in `only`. A
        layer's depend on `seed`, its place and its shapes alone."""
        seed = whole(seed, "Network", "seed", 0, MOST_SEED)
        largest = max((prod(shape) for _, shape in self.layout.values()), default=0)
        size = self.memory.nbytes + 16 * largest  # two arrays in float64
        with room_for(size, "Network", "to draw its weights"):
            self._draw(seed, only)

    def _draw(self, seed: int, only: Collection[str] | None) -> None:
        for place, (layer, input_shape) in enumerate(zip(self.layers, self.input_shapes, strict=True)):
            if only is not None and layer.name not in only:
                continue
            for view in (*layer.parameters.values(), *layer.statistics.values()):
                view[...] = 0
            # A spawn key keeps these numbers apart from all that [seed, …] gives elsewhere.
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(place,)))
            layer.initialise(input_shape, rng)

    def forward(
        self, X: np.ndarray, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Any, list[Any]]:
        """X (N, H, W, C) → logits (N, classes), and every layer's cache; {name: Z} where outputs have names.

        In float32; the reference engine keeps float64. Layers like Dropout draw from `rng` in training.
        """
        found, caches, wanted = {}, [], set(self.output_numbers)
        for number, (_, Z, cache) in enumerate(self.forward_steps(X, training, rng)):
            caches.append(cache)
            if number in wanted:
                found[number] = Z
        return joined(self.outputs, [found[number] for number in self.output_numbers]), caches

    def backward(self, dZ: Any, caches: Sequence[Any]) -> tuple[np.ndarray, Gradients]:
        """dZ (N, classes), the loss's gradient by the logits → dX (N, H, W, C), gradients as `parameters`.

        Where outputs have names, dZ is {name: dZ}, and an output that is missing has the gradient 0. With the
        caches of the first layers alone, dZ is the gradient of the last one's output, or those of
        the outputs among them by name, and the gradients are theirs.
        """
        gradients: Gradients = {}
        back = self.backward_steps(dZ, caches)
        parts = []
        for sources, (layer, _, dA_prev, own) in zip(
            reversed(self.sources[: len(caches)]), back, strict=True
        ):
            parts += [
                d for source, d in zip(sources, unpack_inputs(dA_prev), strict=True) if source == PICTURE
            ]
            gradients |= {f"{layer.name}.{name}": gradient for name, gradient in own.items()}
        dX = sum(parts[1:], parts[0]) if parts else dZ
        return dX, {name: gradients[name] for name in self.layout if name in gradients}

    def forward_steps(
        self, X: np.ndarray, training: bool = False, rng: np.random.Generator | None = None
    ) -> Iterator[tuple[Layer, np.ndarray, Any]]:
        """The loop of `forward`, step by step: each layer, what it gives out, and its cache."""
        outputs = {PICTURE: numbers(X, self.input_shape, self.layers[0].who)}
        last = {source: number for number, sources in enumerate(self.sources) for source in sources}
        for number, (layer, sources) in enumerate(zip(self.layers, self.sources, strict=True)):
            A_prev = pack_inputs(layer, [outputs[source] for source in sources])
            with room_for(4 * len(X) * prod(self.shapes[number]), layer.who):
                Z, cache = layer.forward(A_prev, training=training, rng=rng)
            if Z.shape[1:] != self.shapes[number]:
                remedy = "its forward pass and its output_shape must agree"
                raise ShapeError(mismatch(layer.who, f"Z {batch_of(self.shapes[number])}", Z.shape, remedy))
            outputs[number] = Z
            for source in {source for source in sources if last[source] == number}:
                del outputs[source]  # nobody else takes it in
            yield layer, Z, cache

    def backward_steps(
        self, dZ: Any, caches: Sequence[Any]
    ) -> Iterator[tuple[Layer, np.ndarray, Any, Gradients]]:
        """The loop of `backward`, step by step, from the layer of the last cache to the first layer: each
        layer, the gradient by what it gives out, by what it takes in (several if it merges), and its own."""
        if len(caches) > len(self.layers):
            raise ShapeError(mismatch("Network", f"at most {len(self.layers)} caches", len(caches)))
        found = self._upstream(dZ, len(caches))
        some = next(iter(found.values()))
        for number in reversed(range(len(caches))):
            layer, nothing = self.layers[number], (len(some), *self.shapes[number])
            dA = found.pop(number) if number in found else np.zeros(nothing, some.dtype)
            dA_prev, own = layer.backward(dA, caches[number])
            if set(own) != set(layer.parameters):
                raise ShapeError(mismatch(layer.who, f"gradients of {list(layer.parameters)}", list(own)))
            for source, part in zip(self.sources[number], unpack_inputs(dA_prev), strict=True):
                if source != PICTURE:  # at a fork the gradients are added up
                    found[source] = found[source] + part if source in found else part
            yield layer, dA, dA_prev, own

    def _upstream(self, dZ: Any, count: int) -> dict[int, np.ndarray]:
        """The gradients, by layer, that a backward pass through the first `count` layers begins with."""
        who = self.layers[count - 1].who if count else "Network"
        if self.outputs and (isinstance(dZ, Mapping) or count == len(self.layers)):
            numbers = dict(zip(self.outputs, self.output_numbers, strict=True))
            shapes = {name: self.shapes[number] for name, number in numbers.items() if number < count}
            found = gradients_of(dZ, shapes, "Network" if count == len(self.layers) else who)
            return {numbers[name]: in_precision(part) for name, part in found.items()}
        shape = self._shape(count - 1)
        if np.shape(dZ)[1:] != shape:
            raise ShapeError(mismatch(who, f"dZ {batch_of(shape)}", getattr(dZ, "shape", type(dZ).__name__)))
        return {count - 1: in_precision(dZ)}

    def update(self, caches: Sequence[Any]) -> None:
        """Write what the layers have learned beside gradients in a forward pass in training, of `caches`."""
        for layer, cache in zip(self.layers, caches, strict=True):
            learn_statistics(layer, cache)

    def run(self, images: np.ndarray, batch_size: int = 256, *, flips: bool = False) -> Any:
        """The output float32 (N, …) of images (N, H, W, C), or (1, …) of a single one (H, W, C); {name: …}
        where outputs have names.

        uint8 images are pixels and are preprocessed; floating-point ones are taken as they are. `batch_size`
        bounds the memory; it changes no result. `flips` takes the mean over each picture and its mirror
        image, left and right swapped.
        """
        return self._run(images, batch_size, flips, softmax=False)

    def _run(self, images: np.ndarray, batch_size: int, flips: bool, softmax: bool) -> Any:
        """`softmax` says that its kernel will be wanted, too: kernels compile side by side."""
        images = np.asarray(images)
        images = images[np.newaxis] if images.shape == self.input_shape else images
        batch_size = whole(batch_size, "predict", "batch_size")
        images = pixels_or_numbers(images, self.input_shape, self.layers[0].who)
        shapes, size = parted(self.outputs, self.output_shape), min(batch_size, len(images))
        outputs = [np.empty((len(images), *shape), np.float32) for shape in shapes]
        for start in range(0, len(images), batch_size):
            batch = np.ascontiguousarray(images[start : start + batch_size])
            own = [whole[start : start + batch_size] for whole in outputs]
            for part, Z in zip(own, self._output(batch, size, flips, softmax), strict=True):
                part[...] = Z
        return joined(self.outputs, outputs)

    def predict(self, images: np.ndarray, batch_size: int = 256, *, flips: bool = False) -> np.ndarray:
        """The probabilities (N, classes) of a network that ends in classes: the softmax of `run`."""
        if not self.ends_in_classes:
            who = f"outputs {', '.join(self.outputs)}" if self.outputs else self.layers[-1].who
            remedy = "run gives outputs of any shape"
            raise ShapeError(mismatch(who, "Z (N, classes)", self.output_shape, remedy))
        logits = self._run(images, batch_size, flips, softmax=True)
        return functional.softmax(logits) if len(logits) else logits

    def constant(self) -> "Network":
        """A copy whose weights cannot change, for those who predict again and again: what kernels make of
        weights alone is made once, which few pictures at a time notice most. `flat` and all that is in
        `parameters` and `statistics` are read-only; predictions are the same, to the bit."""
        twin = object.__new__(type(self))
        twin.__dict__ |= self.__dict__
        twin.layers = [copy(layer) for layer in self.layers]
        twin.memory = aligned_zeros(self.memory.size)
        twin.memory[...] = self.memory
        twin.memory.flags.writeable = False
        twin._plans, twin._lock = {}, Lock()
        twin._lay_out(self.flat.size)
        return twin

    def _lay_out(self, size: int) -> None:
        """The views into `memory`, whose first `size` numbers are parameters."""
        self.flat, self.flat_statistics = self.memory[:size], self.memory[size:]
        self.parameters = views_of(self.flat, self.layout)
        self.statistics = views_of(self.flat_statistics, self.statistic_layout)
        hand_out(self.parameters, self.statistics, self.layers)

    def _output(self, images: np.ndarray, batch_size: int, flips: bool, softmax: bool) -> list[np.ndarray]:
        """What each output gives."""
        largest = max(range(len(self.layers)), key=lambda number: prod(self.shapes[number]))
        with self._lock, room_for(0, self.layers[largest].who):  # a plan may do with less than an output
            plan = prediction_plan(self, batch_size, softmax, self._plans)
            return parted(self.outputs, (Mirrored(plan) if flips else plan).predict(images))

    @property
    def classes(self) -> list[str] | None:
        """The name of each class, where they have any."""
        return self._classes

    @classes.setter
    def classes(self, names: Sequence[str] | None) -> None:
        if names is not None:
            count = None if self.outputs else self.output_shape[-1]
            expected = f"{count} different class names, one an output" if count else "different class names"
            if isinstance(names, str) or not all(isinstance(name, str) for name in names):
                raise ShapeError(mismatch("Network", expected, repr(names)))
            if halves := [name for name in names if not is_text(name)]:
                got = f"{halves[0]!a}, which has half of a surrogate pair"
                raise ShapeError(mismatch("Network", "class names in Unicode", got))
            names = [class_name(name) for name in names]
            if len(names) != (count or max(len(names), 1)):
                raise ShapeError(mismatch("Network", expected, f"{len(names)} names"))
            if doubles := repeated(names):
                got = f"one name for several outputs, {listed(doubles)}"
                raise ShapeError(mismatch("Network", expected, got, "fovea.names.distinct numbers them"))
        self._classes = names

    @property
    def preprocessing(self) -> Preprocessing:
        """What makes numbers of pixels."""
        return self._preprocessing

    @preprocessing.setter
    def preprocessing(self, preprocessing: Preprocessing) -> None:
        channels = self.input_shape[-1]
        if len(preprocessing.mean) != channels:
            raise ShapeError(mismatch("Network", f"preprocessing of {channels} channels", preprocessing))
        self._preprocessing = preprocessing
        self._plans = {}  # the old ones were made with the old numbers

    @property
    def precision(self) -> str:
        """How convolutions are computed: "fast" or "exact"."""
        return self._precision

    @precision.setter
    def precision(self, precision: str) -> None:
        self._precision = checked_precision(precision, "Network")
        self._plans = {}  # the old ones have other kernels

    def summary(self) -> str:
        """A table: each layer's shape, parameters, connections, multiply-adds and receptive field."""
        from fovea.network.summary import text

        return text(self)

    def architecture(self) -> dict[str, Any]:
        """Input shape, layers, outputs that have names and precision, as JSON has them."""
        described = architecture.to_json(self._graph.nodes(), self.input_shape, self.outputs)
        return {**described, "precision": self.precision}

    @classmethod
    def from_architecture(cls, description: Mapping[str, Any], seed: int | None = 0) -> "Network":
        """An untrained network of that architecture. Raises ShapeError for an unknown layer."""
        nodes, input_shape, outputs = architecture.from_json(description)
        precision = description.get("precision", "fast")
        return cls(nodes, input_shape, seed, precision=precision, outputs=outputs)

    def save(self, path: Path | str) -> None:
        """Write the network to a file, whole or not at all; `fovea.load` reads it. Raises DataError."""
        from fovea.network.checkpoint import save

        save(self, path)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies, and what goes to another process, get memory of their own, and their views into it."""
        return _copy, (self.architecture(), self.memory, self.classes, self.preprocessing)


def _copy(
    description: Mapping[str, Any],
    memory: np.ndarray,
    classes: list[str] | None,
    preprocessing: Preprocessing,
) -> Network:
    network = Network.from_architecture(description, seed=None)
    network.classes = classes
    if preprocessing is not None:
        network.preprocessing = preprocessing
    network.memory[...] = memory
    return network
