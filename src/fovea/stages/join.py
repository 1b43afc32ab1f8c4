"""The fusion of neighbouring layers into stages, and the layout of each."""

from collections.abc import Sequence

from fovea.layers import Dropout, Flatten, Layer
from fovea.network import Network
from fovea.network.graph import PICTURE, consumers
from fovea.stages.activation import ActivationStage
from fovea.stages.base import NHWC, Site, Stage
from fovea.stages.conv import ConvStage
from fovea.stages.conv_transpose import ConvTransposeStage
from fovea.stages.dense import DenseStage
from fovea.stages.folded import FoldedStage
from fovea.stages.grouped import GroupedStage, NormalisedStage
from fovea.stages.layer import LayerStage
from fovea.stages.merge import ConcatStage, MergeStage
from fovea.stages.normalization import AffineStage, NormStage
from fovea.stages.pool import ChannelPoolStage, PoolStage
from fovea.stages.rearrange import RearrangeStage
from fovea.stages.relayout import RelayoutStage
from fovea.stages.sample import SampleStage
from fovea.stages.shortcut import ShortcutStage
from fovea.stages.upsample import UpsampleStage

# All other layers run as they are.
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

_FREE: tuple[type[Layer], ...] = (Flatten,)  # without work: each stage sees arrays in a shape of its own
_FREE_IN_PREDICTIONS = (*_FREE, Dropout)


class Schedule:
    """Stages in the order in which they run.

    The arrays between them have numbers: 0 is the network's input, i + 1 the output of stage i. `sources[i]`
    are the numbers of its inputs, `lanes` has the layout of each array, and `outputs` are the numbers of the
    network's outputs, which may repeat.
    """

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.sources: list[tuple[int, ...]] = []
        self.lanes: dict[int, int] = {}
        self.outputs: list[int] = []
        self._relaid: dict[tuple[int, int], int] = {}

    def append(self, stage: Stage, sources: tuple[int, ...]) -> int:
        """The number of the output of `stage`. Inputs in another layout are converted before it."""
        for source in sources:
            self.lanes.setdefault(
                source, stage.lanes
            )  # the network's input has the layout of its first reader
        return self._append(stage, tuple(self.in_layout(source, stage.lanes) for source in sources))

    def in_layout(self, source: int, lanes: int) -> int:
        """The number of an array with the contents of `source` in that layout."""
        if lanes == self.lanes[source]:
            return source
        if (source, lanes) not in self._relaid:
            shape = self.stages[source - 1].output_shape if source else self.stages[0].input_shape
            relayout = RelayoutStage(shape, self.lanes[source], lanes)
            self._relaid[source, lanes] = self._append(relayout, (source,))
        return self._relaid[source, lanes]

    def section(self, begin: int, end: int) -> "Schedule":
        """The stages from `begin` to before `end`, which read nothing of earlier ones but array `begin`. Its
        output is array `end`; those of the network, if no stage follows."""
        part = Schedule()
        part.stages = self.stages[begin:end]
        part.sources = [tuple(j - begin for j in sources) for sources in self.sources[begin:end]]
        part.lanes = {j - begin: self.lanes[j] for j in range(begin, end + 1)}
        last = end == len(self.stages)
        part.outputs = [j - begin for j in (self.outputs if last else [end])]
        return part

    def learning(self, by_input: bool = False) -> list[bool]:
        """Whether the backward pass computes the gradient of each array: that `by_input` of all; else where
        parameters that learn come before it, and of the last, whose gradient the loss always computes."""
        result = [by_input]
        for stage, sources in zip(self.stages, self.sources, strict=True):
            learns = any(layer.parameters and not layer.frozen for layer in stage.layers)
            result.append(learns or any(result[source] for source in sources))
        result[-1] = True
        return result

    def _append(self, stage: Stage, sources: tuple[int, ...]) -> int:
        self.stages.append(stage)
        self.sources.append(sources)
        self.lanes[len(self.stages)] = stage.lanes
        return len(self.stages)


def join(
    network: Network, small_batch: bool = False, training: bool = True, by_input: bool = False
) -> Schedule:
    """The stages of a network, with a change of layout wherever two neighbours' layouts differ.

    With `training` they run backward, too, and with `by_input` to the network's input; `small_batch` is for
    few pictures, in training for frozen layers alone: gradients by parameters are sums over large batches.
    """
    schedule = Schedule()
    needs_dA = {PICTURE: by_input}  # whether a layer, or one before it, has parameters
    arrays = {PICTURE: 0}  # the number of the output of each stage's last layer
    groups = _groups(
        network,
        KINDS if training or by_input else (FoldedStage, NormalisedStage, *KINDS),
        _FREE if training else _FREE_IN_PREDICTIONS,
    )
    in_stages = {number for _, group in groups for number in group}
    for number, (sources, layer) in enumerate(zip(network.sources, network.layers, strict=True)):
        needs_dA[number] = bool(layer.parameters) or any(needs_dA[source] for source in sources)

    def origin(number: int) -> int:
        """The layer, before those without work, that computes this one's output."""
        while number != PICTURE and number not in in_stages:
            (number,) = network.sources[number]
        return number

    for kind, group in groups:
        outside = [origin(s) for number in group for s in network.sources[number] if s not in group]
        layers = [network.layers[number] for number in group]
        site = Site(
            layers,
            network.input_shapes[group[0]],
            schedule.lanes.get(arrays[outside[0]], NHWC),
            needs_dA=any(needs_dA[source] for source in outside),
            small_batch=small_batch and (not training or _frozen(layers)),
        )
        arrays[group[-1]] = schedule.append(kind(site), tuple(arrays[source] for source in outside))
    schedule.outputs = [arrays[origin(number)] for number in network.output_numbers]
    return schedule


def _frozen(layers: Sequence[Layer]) -> bool:
    """Whether some of the layers have parameters, of which none learns."""
    frozen = [layer.frozen for layer in layers if layer.parameters]
    return bool(frozen) and all(frozen)


def _groups(
    network: Network, kinds: Sequence[type[Stage]], free: Sequence[type[Layer]]
) -> list[tuple[type[Stage], list[int]]]:
    """The layers of each stage by number, in an order in which they can run; `free` ones need no stage.

    A stage fuses as many layers behind its first as its kernels can compute, up to one that is an output of
    the network. Subclasses of a layer may compute anything, so they run as they are.
    """
    readers, grouped, ends = consumers(network.sources), set[int](), set(network.output_numbers)
    groups: list[tuple[type[Stage], list[int]]] = []
    for number, layer in enumerate(network.layers):
        if number in grouped or (type(layer) in free and (groups or number + 1 < len(network.layers))):
            continue
        chain = [number]
        while chain[-1] not in ends and len(readers[chain[-1]]) == 1 and readers[chain[-1]][0] not in grouped:
            following = readers[chain[-1]][0]
            sources = network.sources[following]
            if len(sources) > 2 or set(sources) & set(network.sources[number]):
                break  # no kernel fuses a merge of more than two inputs, or of an array with itself
            if len(sources) > 1 and len(set(network.input_shapes[following])) > 1:
                break  # nor one that broadcasts
            chain.append(following)
        kind = next((kind for kind in kinds if type(layer) in kind.starts_with), LayerStage)
        count = kind.fuses([network.layers[n] for n in chain], network.input_shapes[number])
        groups.append((kind, chain[:count]))
        grouped.update(chain[:count])
    return sorted(groups, key=lambda group: group[1][-1])
