"""A network: layers, their parameters in one block of memory, a loop forward and a loop back."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Gradients, Layer, Shape, checked_precision, pack_inputs, unpack_inputs
from fovea.losses import Late
from fovea.memory import room_for
from fovea.names import class_name, counted, is_text, listed, repeated
from fovea.network import architecture
from fovea.network.graph import PICTURE, Entries, Graph
from fovea.network.inputs import batch_of, in_precision, numbers, pixels_or_numbers
from fovea.network.outputs import checked_gradients, pack_outputs, unpack_outputs
from fovea.network.parameters import aligned_zeros, hand_out, layout_of, learn_statistics, views_of
from fovea.network.preprocessing import Preprocessing
from fovea.network.runner import Mirrored, prediction_plan
from fovea.ranges import MOST_SEED, check_size, whole


class Network:
    """Layers, each feeding the next; or a graph of named layers.

    In a graph, layers name their inputs (`fovea.network.graph`). Unnamed layers are named by kind and count,
    "conv1", "relu1", "conv2"; each belongs to one network. `layers` is sorted so that every layer comes after
    its inputs, and `sources` has the numbers of those inputs, −1 for the picture.

    The output is that of the one layer that feeds no other. With `outputs`, the names of one or more layers,
    Z, dZ and `output_shape` are dicts by these names, in this order.

    `input_shape` is (H, W, C). The first weights are drawn with `seed`; None leaves every parameter 0.
    `classes` names the classes, one for each value along the output's last axis; networks with named outputs
    may have any number. `preprocessing` converts pixels to numbers. Raises ShapeError, which names the layer
    that does not fit.

    `facts` are what a task keeps beside the weights, by name, in JSON's types: saved with them, and not used
    by the network itself.

    `precision` chooses the algorithm for convolutions in prediction and training: "fast" uses Winograd's
    where it is faster, with errors of up to 5e-5 of the largest number forward and 2e-4 in gradients; "exact"
    always uses the direct sum, with 1e-5 and 1e-4. A layer's own precision overrides it. `forward` and
    `backward`, which run layer by layer, are always exact.

    `parameters` maps "conv1.W" to a view into `flat`, by `layout`: write into the arrays to change them.
    `statistics`, learned without gradients, maps "batchnorm1.mean" to a view into `flat_statistics`, by
    `statistic_layout`. The two flat arrays are adjacent in `memory`, which holds everything that the network
    has learned.
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
            self._measure()
            inputs = list(zip(self.layers, self.input_shapes, strict=True))
            self.layout, size = layout_of((layer, layer.parameter_shapes(n)) for layer, n in inputs)
            self.statistic_layout, more = layout_of((layer, layer.statistic_shapes(n)) for layer, n in inputs)
            check_size((size + more,), "Network", "parameters and statistics")
            with room_for(4 * (size + more), "Network", "for its parameters and statistics"):
                self.memory = aligned_zeros(size + more)
            self._lay_out(size)
            self.precision = precision
            self._plans: dict[bool, Any] = {}  # for small batches (True) and large ones
            # Of a constant network, what plans that still exist have prepacked (`Context.precompute`).
            self.prepacked: WeakValueDictionary[Any, np.ndarray] = WeakValueDictionary()
            self._lock = Lock()  # a plan's memory serves one prediction at a time
            self.classes = classes
            self.preprocessing = preprocessing or Preprocessing.none(self.input_shape[-1])
            self.facts: dict[str, Any] = {}
            if seed is not None:
                self.initialise(seed)
        except BaseException:
            for layer in self.layers:
                layer.name = ""  # another network may use it
            raise

    def _measure(self) -> None:
        """Set the shapes of all layers' inputs and outputs."""
        self.input_shapes: list[Any] = []  # of each layer, for one image; a tuple of shapes if it merges
        self.shapes: list[Shape] = []  # of each layer's output
        for layer, sources in zip(self.layers, self.sources, strict=True):
            self.input_shapes.append(pack_inputs(layer, [self._shape(source) for source in sources]))
            self.shapes.append(tuple(layer.output_shape(self.input_shapes[-1])))
            check_size(self.shapes[-1], layer.who, "an output")
        self._largest = max(range(len(self.shapes)), key=lambda number: prod(self.shapes[number]))

    def _shape(self, number: int) -> Shape:
        return self.input_shape if number == PICTURE else self.shapes[number]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs; none if the only output has no name."""
        return self._graph.outputs

    @property
    def output_numbers(self) -> tuple[int, ...]:
        """The numbers of the output layers, in the order of `outputs`."""
        return self._graph.output_numbers

    @property
    def output_shape(self) -> Any:
        """(classes,) or (H, W, C), for one picture; {name: shape} if outputs have names."""
        return pack_outputs(self.outputs, [self.shapes[number] for number in self.output_numbers])

    @property
    def ends_in_classes(self) -> bool:
        """True if the output is a row of logits, one per class."""
        return not self.outputs and len(self.shapes[-1]) == 1

    @property
    def parameter_count(self) -> int:
        return sum(array.size for array in self.parameters.values())  # `flat` has gaps between them

    def initialise(self, seed: int, only: Collection[str] | None = None) -> None:
        """Draw the first weights and set the first statistics of all layers, or of those named in `only`.
        Those of a layer depend only on `seed`, its position and its shapes."""
        seed = whole(seed, "Network", "seed", 0, MOST_SEED)
        largest = max((prod(shape) for _, shape in self.layout.values()), default=0)
        size = self.memory.nbytes + 16 * largest  # two arrays in float64
        with room_for(size, "Network", "to draw its weights"):
            self._draw(seed, only)

    def _draw(self, seed: int, only: Collection[str] | None) -> None:
        for number, (layer, input_shape) in enumerate(zip(self.layers, self.input_shapes, strict=True)):
            if only is not None and layer.name not in only:
                continue
            for view in (*layer.parameters.values(), *layer.statistics.values()):
                view[...] = 0
            # A spawn key makes these numbers independent of those drawn with [seed, …] elsewhere.
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
            layer.initialise(input_shape, rng)

    def forward(
        self, X: np.ndarray, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Any, list[Any]]:
        """X (N, H, W, C) → logits (N, classes), and every layer's cache; {name: Z} if outputs have names.

        Computes in float32; the reference engine keeps float64. Layers like Dropout draw from `rng` in
        training.
        """
        outputs, caches, wanted = {}, [], set(self.output_numbers)
        for number, (_, Z, cache) in enumerate(self.forward_steps(X, training, rng)):
            caches.append(cache)
            if number in wanted:
                outputs[number] = Z
        return pack_outputs(self.outputs, [outputs[number] for number in self.output_numbers]), caches

    def backward(self, dZ: Any, caches: Sequence[Any]) -> tuple[np.ndarray, Gradients]:
        """dZ (N, classes), the loss's gradient by the logits → dX (N, H, W, C), gradients as `parameters`.

        If outputs have names, dZ is {name: dZ}, and an output that is missing has the gradient 0. With the
        caches of only the first layers, dZ is the gradient of the last of their outputs, or of the named
        outputs among them, and the result has only their gradients.
        """
        gradients: Gradients = {}
        parts = []
        steps = zip(reversed(self.sources[: len(caches)]), self.backward_steps(dZ, caches), strict=True)
        for sources, (layer, _, dA_prev, dparameters) in steps:
            parts += [
                d for source, d in zip(sources, unpack_inputs(dA_prev), strict=True) if source == PICTURE
            ]
            gradients |= {f"{layer.name}.{name}": gradient for name, gradient in dparameters.items()}
        dX = sum(parts[1:], parts[0]) if parts else dZ
        return dX, {name: gradients[name] for name in self.layout if name in gradients}

    def forward_steps(
        self, X: np.ndarray, training: bool = False, rng: np.random.Generator | None = None
    ) -> Iterator[tuple[Layer, np.ndarray, Any]]:
        """The loop of `forward`, step by step: each layer, its output, and its cache."""
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
                del outputs[source]  # this was its last consumer
            yield layer, Z, cache

    def backward_steps(
        self, dZ: Any, caches: Sequence[Any]
    ) -> Iterator[tuple[Layer, np.ndarray, Any, Gradients]]:
        """The loop of `backward`, step by step, from the layer of the last cache to the first layer: each
        layer, the gradients of its output, of its input (a tuple if it merges) and of its parameters."""
        if len(caches) > len(self.layers):
            raise ShapeError(mismatch("Network", f"at most {len(self.layers)} caches", len(caches)))
        upstream = self._upstream(dZ, len(caches))
        first = next(iter(upstream.values()))
        for number in reversed(range(len(caches))):
            layer, shape = self.layers[number], (len(first), *self.shapes[number])
            dA = upstream.pop(number) if number in upstream else np.zeros(shape, first.dtype)
            dA_prev, dparameters = layer.backward(dA, caches[number])
            if set(dparameters) != set(layer.parameters) and (dparameters or not layer.frozen):
                expected = f"gradients of {list(layer.parameters)}"
                raise ShapeError(mismatch(layer.who, expected, list(dparameters)))
            for source, part in zip(self.sources[number], unpack_inputs(dA_prev), strict=True):
                if source != PICTURE:  # at a fork the gradients are added up
                    upstream[source] = upstream[source] + part if source in upstream else part
            yield layer, dA, dA_prev, dparameters

    def _upstream(self, dZ: Any, count: int) -> dict[int, np.ndarray]:
        """The output gradients, by layer number, with which a backward pass through the first `count` layers
        starts."""
        who = self.layers[count - 1].who if count else "Network"
        if self.outputs and (isinstance(dZ, Mapping) or count == len(self.layers)):
            numbers = dict(zip(self.outputs, self.output_numbers, strict=True))
            shapes = {name: self.shapes[number] for name, number in numbers.items() if number < count}
            gradients = checked_gradients(dZ, shapes, "Network" if count == len(self.layers) else who)
            return {
                numbers[name]: part.array() if isinstance(part, Late) else in_precision(part)
                for name, part in gradients.items()
            }
        shape = self._shape(count - 1)
        if np.shape(dZ)[1:] != shape:
            raise ShapeError(mismatch(who, f"dZ {batch_of(shape)}", getattr(dZ, "shape", type(dZ).__name__)))
        return {count - 1: in_precision(dZ)}

    def update(self, caches: Sequence[Any]) -> None:
        """Update the layers' statistics after a forward pass in training, from its `caches`."""
        for layer, cache in zip(self.layers, caches, strict=True):
            learn_statistics(layer, cache)

    def run(self, images: np.ndarray, batch_size: int = 256, *, flips: bool = False) -> Any:
        """The output float32 (N, …) of images (N, H, W, C), or (1, …) of a single one (H, W, C); {name: …} if
        outputs have names.

        uint8 images are pixels and are preprocessed; floating-point ones are used as they are. `batch_size`
        limits the memory, and changes no result. `flips` averages over each picture and its mirror image,
        left and right swapped.
        """
        return self._run(images, batch_size, flips, softmax=False)

    def _run(self, images: np.ndarray, batch_size: int, flips: bool, softmax: bool) -> Any:
        """`run`; with `softmax` its kernel, needed afterwards, is compiled in parallel with the network's."""
        images = np.asarray(images)
        images = images[np.newaxis] if images.shape == self.input_shape else images
        batch_size = whole(batch_size, "predict", "batch_size")
        images = pixels_or_numbers(images, self.input_shape, self.layers[0].who)
        if 0 < len(images) <= batch_size:  # one batch, as in most calls: its arrays are the result
            parts = self._output(np.ascontiguousarray(images), len(images), flips, softmax)
            return pack_outputs(self.outputs, [Z.astype(np.float32, copy=False) for Z in parts])
        shapes, size = unpack_outputs(self.outputs, self.output_shape), min(batch_size, len(images))
        outputs = [np.empty((len(images), *shape), np.float32) for shape in shapes]
        for start in range(0, len(images), batch_size):
            batch = np.ascontiguousarray(images[start : start + batch_size])
            parts = [output[start : start + batch_size] for output in outputs]
            for part, Z in zip(parts, self._output(batch, size, flips, softmax), strict=True):
                part[...] = Z
        return pack_outputs(self.outputs, outputs)

    def predict(self, images: np.ndarray, batch_size: int = 256, *, flips: bool = False) -> np.ndarray:
        """The probabilities (N, classes) of a network that ends in classes: the softmax of `run`."""
        if not self.ends_in_classes:
            who = f"outputs {', '.join(self.outputs)}" if self.outputs else self.layers[-1].who
            remedy = "call run, which returns outputs of any shape"
            raise ShapeError(mismatch(who, "Z (N, classes)", self.output_shape, remedy))
        logits = self._run(images, batch_size, flips, softmax=True)
        return functional.softmax(logits) if len(logits) else logits

    def constant(self) -> "Network":
        """A copy whose weights cannot change, for repeated prediction or gradients by the input: kernels
        prepare the weights only once, which saves most for small batches. `flat` and the arrays in
        `parameters` and `statistics` are read-only, and all layers are frozen; predictions are
        bit-identical."""
        twin = object.__new__(type(self))
        twin.__dict__ |= self.__dict__
        twin.layers = [copy(layer) for layer in self.layers]
        for layer in twin.layers:
            layer.frozen = True
        twin._graph = replace(self._graph, layers=twin.layers)  # the old layers keep the old memory
        twin.memory = aligned_zeros(self.memory.size)
        twin.memory[...] = self.memory
        twin.memory.flags.writeable = False
        twin._plans, twin._lock, twin.prepacked = {}, Lock(), WeakValueDictionary()
        twin._lay_out(self.flat.size)
        return twin

    def resized(self, height: int, width: int) -> "Network":
        """The same network for pictures of another size. It shares the parameters and statistics, and those
        that kernels have prepared of a constant network. Raises ShapeError if a layer does not fit, or has
        parameters for each pixel."""
        twin = object.__new__(type(self))
        twin.__dict__ |= self.__dict__
        twin.layers = [copy(layer) for layer in self.layers]
        twin.input_shape = height, width, self.input_shape[-1]
        twin._plans, twin._lock = {}, Lock()
        twin._measure()
        for layer, input_shape in zip(twin.layers, twin.input_shapes, strict=True):
            wanted = {**layer.parameter_shapes(input_shape), **layer.statistic_shapes(input_shape)}
            got = {name: array.shape for name, array in {**layer.parameters, **layer.statistics}.items()}
            if wanted != got:
                remedy = f"make a network for {height}×{width} pixels"
                raise ShapeError(mismatch(layer.who, f"parameters {wanted}", got, remedy))
        twin._lay_out(self.flat.size)
        return twin

    def _lay_out(self, size: int) -> None:
        """Set the views into `memory`, whose first `size` numbers are parameters."""
        self.flat, self.flat_statistics = self.memory[:size], self.memory[size:]
        self.parameters = views_of(self.flat, self.layout)
        self.statistics = views_of(self.flat_statistics, self.statistic_layout)
        hand_out(self.parameters, self.statistics, self.layers)

    def _output(self, images: np.ndarray, batch_size: int, flips: bool, softmax: bool) -> list[np.ndarray]:
        """The outputs of one batch, in the order of `outputs`."""
        with (
            self._lock,
            room_for(0, self.layers[self._largest].who),
        ):  # a plan may need less memory than an output
            plan = prediction_plan(self, batch_size, softmax, self._plans)
            return unpack_outputs(self.outputs, (Mirrored(plan) if flips else plan).predict(images))

    @property
    def classes(self) -> list[str] | None:
        """The name of each class; None if they have none."""
        return self._classes

    @classes.setter
    def classes(self, names: Sequence[str] | None) -> None:
        if names is not None:
            count = None if self.outputs else self.output_shape[-1]
            expected = f"{count} different class names, one per output" if count else "different class names"
            if isinstance(names, str) or not all(isinstance(name, str) for name in names):
                raise ShapeError(mismatch("Network", expected, repr(names)))
            if halves := [name for name in names if not is_text(name)]:
                got = f"{halves[0]!a}, which has half of a surrogate pair"
                raise ShapeError(mismatch("Network", "class names in Unicode", got))
            names = [class_name(name) for name in names]
            if len(names) != (count or max(len(names), 1)):
                raise ShapeError(mismatch("Network", expected, counted(len(names), "name")))
            if doubles := repeated(names):
                got = f"one name for several outputs, {listed(doubles)}"
                raise ShapeError(mismatch("Network", expected, got, "fovea.names.distinct numbers them"))
        self._classes = names

    @property
    def preprocessing(self) -> Preprocessing:
        """The conversion from pixels to numbers."""
        return self._preprocessing

    @preprocessing.setter
    def preprocessing(self, preprocessing: Preprocessing) -> None:
        channels = self.input_shape[-1]
        if len(preprocessing.mean) != channels:
            raise ShapeError(
                mismatch("Network", f"preprocessing of {counted(channels, 'channel')}", preprocessing)
            )
        self._preprocessing = preprocessing
        self._plans = {}  # they contain the old mean and std

    @property
    def precision(self) -> str:
        """The precision of convolutions: "fast" or "exact"."""
        return self._precision

    @precision.setter
    def precision(self, precision: str) -> None:
        self._precision = checked_precision(precision, "Network")
        self._plans = {}  # they have other kernels

    def summary(self) -> str:
        """A table: each layer's shape, parameters, connections, multiply-adds and receptive field."""
        from fovea.network.summary import text

        return text(self)

    def architecture(self) -> dict[str, Any]:
        """Input shape, layers, the outputs' names if they have any, and precision, ready for JSON."""
        graph = architecture.to_json(self._graph.nodes(), self.input_shape, self.outputs)
        return {**graph, "precision": self.precision}

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
        """Copy and pickle: the copy has its own memory, and its own views into it."""
        return _copy, (self.architecture(), self.memory, self.classes, self.preprocessing, self.facts)


def _copy(
    description: Mapping[str, Any],
    memory: np.ndarray,
    classes: list[str] | None,
    preprocessing: Preprocessing,
    facts: Mapping[str, Any],
) -> Network:
    network = Network.from_architecture(description, seed=None)
    network.classes, network.facts = classes, dict(facts)
    if preprocessing is not None:
        network.preprocessing = preprocessing
    network.memory[...] = memory
    return network
