"""Learning-rate factors of layers; 0 for a frozen layer.

    factor = decay^depth · the factors given for its name                                                  (1)

A layer's depth is the number of times that pictures are downsampled after it: 0 for the layers with
parameters at the last size, such as a classifier's dense layers. Early layers learn more general features, so
they may change less: J. Howard, S. Ruder, Universal language model fine-tuning (2018), section 3.2.

A name matches every layer that begins with it: "stage1" is all of stage 1 (and not stage 10), "conv" all
convolutions with such names. A name with * or ? is a pattern for whole names, as in a shell: "block?_?" is
"block0_1" and not "block0_1_norm". "..stage2" is all layers up to the last one of stage 2, and "body" all but
the last one with parameters. A frozen layer keeps its statistics as well as its parameters.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from fovea.errors import TrainingError, mismatch
from fovea.settings import Settings, suggestion

if TYPE_CHECKING:
    from fovea.network import Network

BODY, UP_TO, DECAY = "body", "..", "decay"
_FORM = 'factors by name such as "decay=0.5,conv1=0.1"'
_SETTINGS = Settings("train: layer_rates", _FORM, TrainingError, alone=False)


def names(asked: Any) -> tuple[str, ...]:
    """The names in "stage1,conv1", or in a sequence of them."""
    parts = asked.split(",") if isinstance(asked, str) else () if asked is None else asked
    if not isinstance(parts, Iterable) or not all(isinstance(part, str) for part in parts):
        raise TrainingError(mismatch("train: freeze", "names of layers", repr(asked)))
    return tuple(part.strip() for part in parts if part.strip())


def rates(asked: Any) -> dict[str, float]:
    """The factors in "decay=0.5,stage1=0.1", or in a mapping. Raises TrainingError for one below 0."""
    if asked is None:
        return {}
    given = _SETTINGS.read(asked) if isinstance(asked, str) else asked
    if not isinstance(given, Mapping):
        raise _SETTINGS.refused(asked)
    return {str(name).strip(): _SETTINGS.number(name, value) for name, value in given.items()}


def factors(network: "Network", freeze: Any = (), layer_rates: Any = None) -> dict[str, float]:
    """The name of each layer with parameters → its factor. Raises TrainingError for a name that matches none
    of them, and if all are frozen."""
    learning = [layer.name for layer in network.layers if layer.parameters]
    given = rates(layer_rates)
    decay = given.pop(DECAY, 1.0)
    by_layer = {name: decay**depth for name, depth in depths(network).items()}
    for asked, factor in (*((name, 0.0) for name in names(freeze)), *given.items()):
        for name in _matching(asked, network, learning):
            by_layer[name] *= factor
    if by_layer and not any(by_layer.values()):
        raise TrainingError(mismatch("train: freeze", "a layer that learns", "none: all are frozen"))
    return by_layer


def segments(network: "Network", factors: Mapping[str, float]) -> dict[str, tuple[slice, float]]:
    """The parts of the flat parameters that learn, each with its factor, by the name of their first layer.
    Neighbours with the same factor are one part."""
    begins: dict[str, int] = {}
    for key, (start, _) in network.layout.items():
        begins.setdefault(key.partition(".")[0], start)
    ends = [*list(begins.values())[1:], network.flat.size]
    parts: list[tuple[str, slice, float]] = []
    for (name, start), end in zip(begins.items(), ends, strict=True):
        factor = factors[name]
        if parts and parts[-1][2] == factor:
            first, before, _ = parts.pop()
            name, start = first, before.start
        parts.append((name, slice(start, end), factor))
    return {name: (where, factor) for name, where, factor in parts if factor}


def learned(network: "Network", factors: Mapping[str, float]) -> dict[str, tuple[slice, float]]:
    """The parts that an optimizer updates: "all" parameters as one if every factor is 1, else `segments`."""
    if all(factor == 1 for factor in factors.values()):
        return {"all": (slice(0, network.flat.size), 1.0)}
    return segments(network, factors)


def freeze(network: "Network", factors: Mapping[str, float]) -> None:
    """Freeze the layers whose factor is 0, and no others."""
    for layer in network.layers:
        layer.frozen = factors.get(layer.name, 1.0) == 0


def _matching(asked: str, network: "Network", learning: list[str]) -> list[str]:
    """The layers that the name matches, among `learning`, those with parameters."""
    if asked == BODY:
        return learning[:-1]
    prefix = asked.removeprefix(UP_TO)
    order = [layer.name for layer in network.layers]
    indices = [index for index, name in enumerate(order) if prefix and _begins(name, prefix)]
    meant = set(
        order[: indices[-1] + 1] if asked.startswith(UP_TO) and indices else [order[p] for p in indices]
    )
    matching = [name for name in learning if name in meant]
    if not matching:
        known = ", ".join(learning[:12]) + (" and so on" if len(learning) > 12 else "")
        expected = f"body, or the beginning of a layer's name ({known})"
        remedy = suggestion(prefix, learning)
        raise TrainingError(mismatch("train: freeze or layer_rates", expected, repr(asked), remedy))
    return matching


def _begins(name: str, prefix: str) -> bool:
    if "*" in prefix or "?" in prefix:
        return fnmatchcase(name, prefix)
    rest = name.removeprefix(prefix)
    return name.startswith(prefix) and not (prefix[-1:].isdigit() and rest[:1].isdigit())


def depths(network: "Network") -> dict[str, int]:
    """The number of smaller picture sizes after each layer with parameters."""
    sizes = {
        layer.name: shape[:-1]
        for layer, shape in zip(network.layers, network.shapes, strict=True)
        if layer.parameters
    }
    order = list(dict.fromkeys(sizes.values()))
    return {name: len(order) - 1 - order.index(size) for name, size in sizes.items()}
