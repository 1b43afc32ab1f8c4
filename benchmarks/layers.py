"""Every convolution of the tables, forward and both gradients: Fovea and PyTorch in turns, in one process.

    python -m benchmarks.layers [--quick] [--only PATTERN] [--threads N] [--json FILE]

Fovea's side is what training runs: the stage that a network makes of the layer, in the layout and with the
kernels that it chooses, between arrays that the plan has laid out once. PyTorch's side is its convolution
with a bias, and `convolution_backward` asked for dA alone, or for dW and db alone; eager, in both of its
memory layouts (the faster one counts); it allocates what it gives back, as it does in training. Padding and
packing of weights are in both sides' times. Results are compared before anything is timed.

Shares of peak count the formula's multiply-adds, of which Winograd's algorithm does with fewer; the peak is
what benchmarks/peak.py measures at the start. `--only` chooses cases whose group or name has PATTERN in it.
The first run also compiles the kernels, which takes minutes that later runs do without.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence

import torch

from benchmarks import convolutions, peak
from benchmarks.alone import Alone, error, problem
from benchmarks.convolutions import Convolution
from benchmarks.harness import Row, add_options, compare, patience, report
from benchmarks.sides import Theirs
from benchmarks.torch_twin import LAYOUTS
from fovea.kernels import runtime

_BOUNDS = {"direct": (1e-5, 1e-4), "winograd": (5e-5, 2e-4)}  # forward, gradients; of the largest number
_BEHIND = 0.9  # below this ratio a layer is listed
_ODD_LOSS = 1.15


def main() -> None:
    parser = argparse.ArgumentParser(description="Convolutions: Fovea against PyTorch.")
    parser.add_argument("--only", metavar="PATTERN", default="", help="cases with this in group or name")
    add_options(parser)
    options = parser.parse_args()
    runtime.set_threads(options.threads)
    torch.set_num_threads(options.threads)
    cases = [c for c in convolutions.ALL if options.only in c.name or options.only in c.group]
    highest = peak.measure(patience(options))
    print(f"peak: {highest:.0f} GFLOP/s on {options.threads} threads; PyTorch {torch.__version__}\n")
    wrong: list[str] = []
    rows = report(_rows(cases, highest, options, wrong), options.json)
    _summary(cases, rows)
    if wrong:
        sys.exit("\nwrong, and not timed:\n" + "\n".join(wrong))


def _rows(
    cases: Sequence[Convolution], highest: float, options: argparse.Namespace, wrong: list[str]
) -> Iterator[Row]:
    """The rows of all cases; what is too far from PyTorch's numbers is listed in `wrong` instead."""
    how = {"turns": 3, "turn": 0.02} if options.quick else {"turns": 15}
    for case in cases:
        inputs = problem(case)
        ours = Alone(case, inputs)
        theirs = [Theirs(layout, case, inputs) for layout in LAYOUTS]
        for phase, run in ours.passes.items():
            off = error(ours.results(phase, run), theirs[0].results(phase))
            bound = _BOUNDS[ours.algorithm(phase)][phase != "forward"]
            if not off <= bound:
                wrong.append(f"{case.name} {phase}: off by {off:.1e} of the largest number, not {bound:g}")
                continue
            peers = {f"torch {side.layout}": side.passes[phase] for side in theirs}
            multiply_adds = case.multiply_adds * (1 + phase.count("+"))
            for row in compare(case.name, phase, run, peers, **how, patience=patience(options)):
                yield row.with_share(multiply_adds, highest)


# ---- What the rows come to --------------------------------------------------------------------------------


def _summary(cases: Sequence[Convolution], rows: Sequence[Row]) -> None:
    by_name = {case.name: case for case in cases}
    groups = {group: [case for case in cases if case.group == group] for group in dict.fromkeys(
        case.group for case in cases)}  # fmt: skip
    groups["table, 3x3 s1"] = [c for c in groups.get("table", []) if (c.f, c.s) == (3, 1)]
    groups["vgg16 + resnet50"] = [c for c in cases if c.group in ("vgg16", "resnet50")]
    passes = dict.fromkeys(row.phase for row in rows)
    print(f"\n{'geometric mean':<25}" + "".join(f"{phase:>10}" for phase in passes) + f"{'all':>10}")
    for group, members in groups.items():
        chosen = [row for row in rows if by_name[row.case] in members]
        each = [[row for row in chosen if row.phase == phase] for phase in passes]
        if chosen:
            print(f"{group:<25}" + "".join(_mean(some) for some in (*each, chosen)))
    _print_odd(groups.get("odd", []), rows)
    behind = sorted((row for row in rows if row.ratio < _BEHIND), key=lambda row: row.ratio)
    if behind:
        print(f"\nbelow {_BEHIND}:")
    for row in behind:
        print(f"{row.case:<25} {row.phase:<10} {row.ratio:5.2f}x")


def _mean(rows: Sequence[Row]) -> str:
    return f"{statistics.geometric_mean(row.ratio for row in rows):9.2f}x" if rows else f"{'':>10}"


def _print_odd(cases: Sequence[Convolution], rows: Sequence[Row]) -> None:
    """Print the cost of odd numbers of channels: their time as a share of the next multiple's."""
    times = {(row.case, row.phase): row.ours for row in rows}
    whole = {case.C: case for case in cases}
    for case in cases:
        partner = whole.get(convolutions.ODD.get(case.C, 0))
        if partner is not None:
            shares = {p: t / times[partner.name, p] for (name, p), t in times.items() if name == case.name
                      and (partner.name, p) in times}  # fmt: skip
            text = ", ".join(f"{p} {s:.2f}{'' if s <= _ODD_LOSS else ' (!)'}" for p, s in shares.items())
            print(f"{case.C} channels take, of {partner.C} channels' time: {text}")


if __name__ == "__main__":
    main()
