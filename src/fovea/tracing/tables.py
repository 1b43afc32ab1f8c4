"""A step as text: the window next to the filter and the products, or a list of the largest products."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fovea.names import counted

if TYPE_CHECKING:
    from fovea.tracing.steps import Factor, Softmax, Step, Sum

MOST_ROWS, MOST_COLUMNS, MOST_CHANNELS = 5, 5, 3  # a larger window is shown as a list
MOST_TERMS = 8
NOTHING = "·"  # where there is no number


def of_sum(step: "Sum") -> str:
    """The rule, the terms and the result; the terms of a small window as grids."""
    shape = step.products.shape
    small = len(shape) in (2, 3) and shape[0] <= MOST_ROWS and shape[1] <= MOST_COLUMNS
    if small and (len(shape) == 2 or shape[2] <= MOST_CHANNELS):
        lines = [line for channel in _channels(step) for line in channel]
    else:
        lines = _list(step)
    total = number(step.sum - (step.bias or 0))
    if step.bias is not None:
        total += f" + {number(step.bias)} = {number(step.sum)}"
    return _with_title(step, [*lines, f"{'sum + bias' if step.bias is not None else 'sum'}: {total}"])


def of_softmax(step: "Softmax") -> str:
    """The rule, the largest logits and the one at `step.at`, and the result."""
    (k,) = step.at
    order = list(np.argsort(-step.Z, kind="stable")[:MOST_TERMS])
    order += [] if k in order else [k]
    columns = {"Z": step.Z, "exp(Z − max Z)": step.exponentials, "A": step.A}
    columns |= {} if step.Y is None else {"Y": step.Y}
    rows = [[step.names[c], *(number(float(values[c])) for values in columns.values())] for c in order]
    lines = _aligned([["class", *columns], *rows])
    if len(step.Z) > len(order):
        lines.append(f"and {counted(len(step.Z) - len(order), 'more class')}")
    if step.Y is None:
        formula = f"{number(step.exponentials[k])} / {number(step.exponentials.sum())}"
    else:
        formula = f"{number(step.A[k])} − {number(step.Y[k])}"
    return _with_title(step, [*lines, f"{formula} = {number(step.sum)}"])


def number(value: float) -> str:
    """Four digits; −0 is 0."""
    return f"{value + 0.0:.4g}".replace("-", "−")


def _with_title(step: "Step", lines: Iterable[str]) -> str:
    title = f"{step.layer} ({step.type}): {step.array}{_position(step.at)} = {step.rule}"
    return "\n".join([title, *(f"  {line}".rstrip() for line in lines)])


def _position(at: Iterable[int]) -> str:
    """[3, 5, 0]"""
    return f"[{', '.join(map(str, at))}]"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]


def _channels(step: "Sum") -> Iterable[list[str]]:
    """For each channel, left numbers × right numbers = products, in the window's shape."""
    shape = (*step.products.shape, 1)[:3]
    factors = [step.left, *([] if step.right is None else [step.right])]
    grids = [np.reshape(f.values, shape) for f in factors]
    grids += [step.products.reshape(shape)] if step.right is not None else []
    names = [f.name for f in factors] + (["products"] if step.right is not None else [])
    inside = step.inside.reshape(shape)
    for k in range(shape[2]):
        starred = [step.winner, None, None]  # only in the left grid
        blocks = [
            _block(grid[:, :, k], inside[:, :, k], star) for grid, star in zip(grids, starred, strict=False)
        ]
        titles = [f"{name}, channel {k}" if shape[2] > 1 else name for name in names]
        widths = [max(len(t), len(b[0])) for t, b in zip(titles, blocks, strict=True)]
        yield [
            "   ".join(t.ljust(w) for t, w in zip(titles, widths, strict=True)),
            *(_beside(row, widths, i == shape[0] // 2) for i, row in enumerate(zip(*blocks, strict=True))),
        ]


def _block(grid: np.ndarray, inside: np.ndarray, winner: Sequence[int] | None) -> list[str]:
    """The rows of a grid of numbers; the winner has a star."""
    cells = [
        [number(v) if is_inside else NOTHING for v, is_inside in zip(row, mask, strict=True)]
        for row, mask in zip(grid, inside, strict=True)
    ]
    if winner is not None:
        cells = [
            [cell + ("*" if (i, j) == tuple(winner) else " ") for j, cell in enumerate(row)]
            for i, row in enumerate(cells)
        ]
    width = max(len(cell) for row in cells for cell in row)
    return ["  ".join(cell.rjust(width) for cell in row) for row in cells]


def _beside(row: Sequence[str], widths: Sequence[int], middle: bool) -> str:
    signs = iter((" × ", " = ") if middle else ("   ", "   "))
    padded = [part.ljust(width) for part, width in zip(row, widths, strict=True)]
    return padded[0] + "".join(next(signs) + part for part in padded[1:])


def _list(step: "Sum") -> list[str]:
    order = step.order()
    shown, rest = order[:MOST_TERMS], order[MOST_TERMS:]
    rows = []
    for t in shown:
        row = [*_term(step.left, t)]
        if step.right is not None:
            row += ["×", *_term(step.right, t), "=", number(float(step.products.flat[t]))]
        rows.append(row)
    lines = _aligned(rows) if rows else ["no terms"]
    if len(rest):
        lines.append(f"and {len(rest):,} more, together {number(step.products.ravel()[rest].sum())}")
    return lines


def _term(factor: "Factor", t: int) -> tuple[str, str]:
    where = "" if factor.at is None else _position(factor.at.reshape(-1, factor.at.shape[-1])[t])
    return factor.name + where, number(np.ravel(factor.values)[t])
