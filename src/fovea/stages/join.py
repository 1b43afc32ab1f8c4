"""Which neighbouring layers run as one stage, and in which layout."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fovea.layers import Dropout, Flatten, Layer
from fovea.network.graph import PICTURE, consumers
from fovea.stages.activation import ActivationStage
from fovea.stages.base import NHWC, Stage
from fovea.stages.conv import ConvStage
from fovea.stages.conv_transpose import ConvTransposeStage
from fovea.stages.dense import DenseStage
from fovea.stages.folded import FoldedStage
from fovea.stages.grouped import GroupedStage
from fovea.stages.layer import LayerStage
from fovea.stages.merge import ConcatStage, MergeStage
from fovea.stages.normalization import AffineStage, NormStage
from fovea.stages.pool import ChannelPoolStage, PoolStage
from fovea.stages.rearrange import RearrangeStage
from fovea.stages.relayout import RelayoutStage
from fovea.stages.sample import SampleStage
from fovea.stages.shortcut import ShortcutStage
from fovea.stages.upsample import UpsampleStage

if TYPE_CHECKING:
    from fovea.network import Network

# Whatever else runs as it is.
KINDS: tuple[type[Stage], ...] = (
    ConvStage,
    ConvTransposeStage,
    DenseStage,
    NormStage,
    AffineStage,
    GroupedStage,
    ActivationStage,
    PoolStage,
    ChannelPoolStage,
    MergeStage,
    ConcatStage,
    ShortcutStage,
    UpsampleStage,
    SampleStage,
    RearrangeStage,
)

_FREE: tuple[type[Layer], ...] = (Flatten,)  # no work: arrays are seen in any shape
_IDLE = (*_FREE, Dropout)  # the same where nothing learns


class Row:
    """Stages in the order in which they run.

    The arrays between them have numbers: 0 is what the network takes in, i + 1 what stage i gives out.
    `sources[i]` are the numbers of its inputs, `lanes` has the layout of each, and `outputs` are the
    numbers of what the network gives out; one may be there twice.
    """

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.sources: list[tuple[int, ...]] = []
        self.lanes: dict[int, int] = {}
        self.outputs: list[int] = []
        self._relaid: dict[tuple[int, int], int] = {}

    def append(self, stage: Stage, sources: tuple[int, ...]) -> int:
        """The number of what `stage` gives out; where it wants another layout, a change is put before it."""
        for source in sources:
            self.lanes.setdefault(source, stage.lanes)  # a batch comes in as who first takes it in wants it
        return self._append(stage, tuple(self.in_layout(source, stage.lanes) for source in sources))

    def in_layout(self, source: int, lanes: int) -> int:
        """The number of an array with the same in that layout."""
        if lanes == self.lanes[source]:
            return source
        if (source, lanes) not in self._relaid:
            shape = self.stages[source - 1].output_shape if source else self.stages[0].input_shape
            relayout = RelayoutStage(shape, self.lanes[source], lanes)
            self._relaid[source, lanes] = self._append(relayout, (source,))
        return self._relaid[source, lanes]

    def learning(self) -> list[bool]:
        """Whether anything up to each array learns."""
        found = [False]
        for stage, sources in zip(self.stages, self.sources, strict=True):
            own = any(layer.parameters and not layer.frozen for layer in stage.layers)
            found.append(own or any(found[source] for source in sources))
        return found

    def _append(self, stage: Stage, sources: tuple[int, ...]) -> int:
        self.stages.append(stage)
        self.sources.append(sources)
        self.lanes[len(self.stages)] = stage.lanes
        return len(self.stages)


def join(network: "Network", few: bool = False, learning: bool = True) -> Row:
    """The stages of a network, with a change of layout wherever two neighbours' layouts differ.

    `learning` says that they are to run backward, too; `few` that they will see but few pictures at once, and
    not learn.
    """
    row, learns = Row(), {PICTURE: False}
    where = {PICTURE: 0}  # in which array the output of a stage's last layer is
    groups = _groups(network, KINDS if learning else (FoldedStage, *KINDS), _FREE if learning else _IDLE)
    joined = {number for _, group in groups for number in group}
    for number, (sources, layer) in enumerate(zip(network.sources, network.layers, strict=True)):
        learns[number] = bool(layer.parameters) or any(learns[source] for source in sources)

    def given_by(number: int) -> int:
        """The layer whose output it really is."""
        while number != PICTURE and number not in joined:
            (number,) = network.sources[number]
        return number

    for kind, group in groups:
        outside = [given_by(s) for number in group for s in network.sources[number] if s not in group]
        lanes = row.lanes.get(where[outside[0]], NHWC)
        first = not any(learns[source] for source in outside)
        layers = [network.layers[number] for number in group]
        stage = kind(layers, network.input_shapes[group[0]], lanes, first, few)
        where[group[-1]] = row.append(stage, tuple(where[source] for source in outside))
    row.outputs = [where[given_by(number)] for number in network.output_numbers]
    return row


def _groups(
    network: "Network", kinds: Sequence[type[Stage]], free: Sequence[type[Layer]]
) -> list[tuple[type[Stage], list[int]]]:
    """The layers of each stage by number, in an order in which they can run; those that are `free` need none.

    A stage takes along as many of the layers behind its first as its kernels can do, up to one whose output
    the network gives out. Subclasses of a layer may do anything, and run as they are.
    """
    taken, joined, ends = consumers(network.sources), set[int](), set(network.output_numbers)
    groups: list[tuple[type[Stage], list[int]]] = []
    for number, layer in enumerate(network.layers):
        if number in joined or (type(layer) in free and (groups or number + 1 < len(network.layers))):
            continue
        behind = [number]
        while behind[-1] not in ends and len(taken[behind[-1]]) == 1 and taken[behind[-1]][0] not in joined:
            following = taken[behind[-1]][0]
            sources = network.sources[following]
            if len(sources) > 2 or set(sources) & set(network.sources[number]):
                break  # no kernel takes along so many, or an array twice
            if len(sources) > 1 and len(set(network.input_shapes[following])) > 1:
                break  # nor one that broadcasts
            behind.append(following)
        kind = next((kind for kind in kinds if type(layer) in kind.leads), LayerStage)
        count = kind.takes([network.layers[n] for n in behind], network.input_shapes[number])
        groups.append((kind, behind[:count]))
        joined.update(behind[:count])
    return sorted(groups, key=lambda group: group[1][-1])
