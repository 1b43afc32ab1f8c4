"""The cost of a network's layers, next to that of fully connected layers.

A convolution needs few parameters for two reasons, and both are counted here for one image. Its parameters
are shared: the same filter serves every position, so that `connections / parameters` is the number of
positions. And its connections are sparse: an output value depends on one window alone, where in a fully
connected layer it depends on every input value,

    parameters of the fully connected layer = (n_in + 1) · n_out                                           (1)

The receptive field is the part of the picture that one output value can see. With e and s the extent and the
stride of a layer's window, and j the distance in the picture between neighbouring values of its input,

    r_out = r_in + (e − 1) · j_in,    j_out = j_in · s                                                     (2)

A transposed convolution writes through windows instead of reading: an output value sees the ⌈e / s⌉ inputs at
most whose windows hold it, and its neighbours are s times nearer to each other,

    r_out = r_in + (⌈e / s⌉ − 1) · j_in,    j_out = j_in / s                                               (3)
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from fovea.geometry import Pair
from fovea.network.graph import PICTURE
from fovea.network.outputs import unpack_outputs

if TYPE_CHECKING:
    from fovea.network import Network

HEADERS = (
    "layer", "type", "output", "parameters", "connections", "multiply-adds", "receptive field",
    "fully connected",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One layer, for one image; `dense_parameters` is None for element-wise layers such as ReLU."""

    name: str
    type: str
    output_shape: tuple[int, ...]
    parameters: int
    connections: int
    multiply_adds: int
    receptive_field: Pair | None  # rows and columns of the picture; None where the input is no picture
    dense_parameters: int | None


def rows(network: "Network") -> list[Row]:
    """One row per layer, in order."""
    picture = network.input_shape[:2] if len(network.input_shape) == 3 else None
    seen: dict[int, Any] = {PICTURE: ((1, 1), (1, 1))}  # each layer's receptive field r and distance j
    result = []
    for number, layer in enumerate(network.layers):
        n_in, n_out = network.input_shapes[number], network.shapes[number]
        connections, window = layer.connections(n_in), layer.window(n_in)
        field, jump = max(
            seen[source] for source in network.sources[number]
        )  # where branches meet, the largest
        if window is not None:
            field = tuple(r + (e - 1) * j for r, e, j in zip(field, window.extent, jump, strict=True))  # (2)
            jump = tuple(j * s for j, s in zip(jump, window.stride, strict=True))
        elif (upward := layer.upward(n_in)) is not None:
            moves = zip(field, upward.extent, upward.stride, jump, strict=True)
            field = tuple(r + (-(-e // s) - 1) * j for r, e, s, j in moves)  # (3)
            jump = tuple(Fraction(j) / s for j, s in zip(jump, upward.stride, strict=True))
        elif connections and picture:
            field = picture  # it sees everything
        seen[number] = field, jump
        result.append(
            Row(
                name=layer.name,
                type=type(layer).__name__,
                output_shape=n_out,
                parameters=sum(map(prod, layer.parameter_shapes(n_in).values())),
                connections=connections,
                multiply_adds=layer.multiply_adds(n_in),
                receptive_field=(ceil(field[0]), ceil(field[1])) if picture else None,
                dense_parameters=dense_parameters(n_in, n_out) if connections else None,
            )
        )
    return result


def total(rows: list[Row]) -> Row:
    """The sums, with the last layer's output and receptive field."""
    return Row(
        name="total",
        type="",
        output_shape=rows[-1].output_shape,
        parameters=sum(row.parameters for row in rows),
        connections=sum(row.connections for row in rows),
        multiply_adds=sum(row.multiply_adds for row in rows),
        receptive_field=rows[-1].receptive_field,
        dense_parameters=sum(row.dense_parameters or 0 for row in rows),
    )


def dense_parameters(input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
    """Weights and biases of a fully connected layer between the two shapes, by (1)."""
    return (prod(input_shape) + 1) * prod(output_shape)


def cells(row: Row) -> tuple[str, ...]:
    """The row as text, under HEADERS."""
    field = row.receptive_field
    return (
        row.name,
        row.type,
        times(row.output_shape),
        f"{row.parameters:,}",
        f"{row.connections:,}",
        f"{row.multiply_adds:,}",
        times(field) if field else "",
        "–" if row.dense_parameters is None else f"{row.dense_parameters:,}",
    )


def text(network: "Network") -> str:
    """The table in plain text, sums last, numbers to the right."""
    all_rows = rows(network)
    sums = total(all_rows)
    if network.outputs:  # the last layer is not the only output
        sums = replace(sums, output_shape=(), receptive_field=None)
    first = ("input", "", times(network.input_shape)) + ("",) * (len(HEADERS) - 3)
    body = [first, *map(cells, all_rows), cells(sums)]
    widths = [max(map(len, column)) for column in zip(HEADERS, *body, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (HEADERS, *body)
    ]
    rule = "─" * max(map(len, lines))
    last = [f"outputs: {outputs(network)}"] if network.outputs else []
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], *last])


def outputs(network: "Network") -> str:
    """The outputs' shapes in words: "13×13×4", or "boxes 13×13×4, classes 13×13×20"."""
    shapes = map(times, unpack_outputs(network.outputs, network.output_shape))
    pairs = zip(network.outputs or ("",), shapes, strict=True)
    return ", ".join(f"{name} {shape}".strip() for name, shape in pairs)


def times(shape: tuple[int, ...]) -> str:
    """28×28×1"""
    return "×".join(map(str, shape))
