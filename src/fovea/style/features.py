"""The networks whose features measure a painting: their layers for content and style, with trained weights.

    vgg19        content relu4_2, style relu1_1 to relu5_1, as in Gatys and others (2016) and neural-style;
                 Caffe's weights, which give livelier paintings than torchvision's
    squeezenet   a quick preview: palette and small strokes, but few shapes; the layers of Stanford's CS231n

https://github.com/jcjohnson/neural-style, https://github.com/pytorch/vision/issues (which VGG)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from fovea import weights
from fovea.errors import FoveaError, mismatch
from fovea.files import jsons
from fovea.models.registry import MODELS
from fovea.models.rows import Model
from fovea.network import Network, summary
from fovea.network.preprocessing import Preprocessing
from fovea.style.tiles import GRID


@dataclass(frozen=True)
class Extractor:
    """A model of `fovea.models` and its layers. `content_weight` balances content against style, chosen by
    eye: at a strength of 0.5, the photograph's objects are recognised, and all of it is painted. `least` is
    the number of pixels below which a side leaves its last layers nothing."""

    model: str
    content: str
    style: Sequence[str]
    content_weight: float
    least: int = 16

    @property
    def layers(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self.style, self.content)))

    def network(self, height: int, width: int) -> Network:
        """The network up to its last layer in `layers`, for pictures of that size; it is constant, and those
        of all sizes share their weights."""
        return _network(self.model, self.layers).resized(height, width)

    @cached_property
    def halo(self) -> int:
        """Pixels by which a tile extends beyond its core: half of the receptive field, rounded up to the
        grid of tiles."""
        fields = [row.receptive_field or (1, 1) for row in summary.rows(self.network(256, 256))]
        return max(-(-extent // (2 * GRID)) * GRID for field in fields for extent in field)


@cache
def _network(name: str, layers: tuple[str, ...]) -> Network:
    """The constant network of a model up to the last of `layers`, its outputs."""
    model = MODELS[name]
    assert isinstance(model, Model)
    nodes = model.describe(name, model.input_shape, model.classes).nodes
    last = max([node.name for node in nodes].index(layer) for layer in layers)
    metadata, arrays = weights.load(name)
    network = Network(nodes[: last + 1], model.input_shape, None, outputs=layers)
    for key, array in network.parameters.items():
        array[...] = arrays[key]
    who = f"the weights of {name}"
    network.preprocessing = Preprocessing.from_dict(jsons.loads(metadata["preprocessing"], who))
    return network.constant()


EXTRACTORS = {
    "vgg19": Extractor("vgg19", "relu4_2", [f"relu{block}_1" for block in range(1, 6)], 0.14),
    "squeezenet": Extractor(
        "squeezenet1_1", "fire2_concat", ("relu1", "fire3_concat", "fire4_concat", "fire5_concat"), 0.07
    ),
}


def extractor(name: str) -> Extractor:
    """The extractor of that name. Raises FoveaError for an unknown one."""
    if name not in EXTRACTORS:
        raise FoveaError(mismatch("style: network", f"one of {', '.join(EXTRACTORS)}", repr(name)))
    return EXTRACTORS[name]
