"""ONNX's own tests of its operators, run by Fovea as a backend, in both engines.

    python -m benchmarks.onnx_conformance [--engine halide | reference] [--verbose]

Prints, for each operator that Fovea's networks are made of, how many of how many tests pass, and every test
that is left out with its reason. Exits with 1 where one in scope fails. In scope are the tests in float32,
those of operators with windows where they look at pictures (N, C, H, W). The tests come with the library onnx
(`onnx.backend.test`), which also makes tests of operators as functions of simpler ones: those with "expanded"
in their names. Results are compared as ONNX compares them, with the tolerance of each test.
"""

import argparse
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import fovea

SCOPE = (
    "Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool",
    "BatchNormalization", "Relu", "LeakyRelu", "Sigmoid", "Tanh", "Softmax", "Gemm", "MatMul", "Add", "Mul",
    "Concat", "Flatten", "Reshape", "Transpose", "Pad", "Resize", "Dropout", "Identity", "Clip",
    "Celu", "Elu", "Erf", "Gelu", "GroupNormalization", "HardSigmoid", "HardSwish", "InstanceNormalization",
    "LayerNormalization", "Mish", "PRelu", "Selu", "Softplus", "Softsign", "ThresholdedRelu",
)  # fmt: skip
SPATIAL = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")
ENGINES = ("halide", "reference")


@dataclass(frozen=True)
class Case:
    """One test of ONNX. `left_out` says why it is not in scope, "" where it is."""

    name: str
    operator: str
    left_out: str
    test: Any

    def run(self, engine: str) -> str:
        """The failure of a case on `engine`, "" if it passes."""
        from onnx.backend.test.runner import Runner

        try:
            with fovea.engine(engine):
                prepared = fovea.onnx.Backend.prepare(self.test.model)
                for inputs, expected in self.test.data_sets:
                    found = prepared.run([np.asarray(a) for a in inputs])
                    Runner.assert_similar_outputs(expected, found, self.test.rtol, self.test.atol)
        except (AssertionError, fovea.FoveaError) as error:
            return " ".join(str(error).split())
        return ""


@cache
def cases() -> list[Case]:
    """Every test of an operator in scope, those that are left out too, in ONNX's order."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # making the tests of other operators overflows and divides by zero
        tests = [test for test in load_model_tests(kind="node") if test.model is not None]
    alone = {test.name: test.model.graph.node[0].op_type for test in tests if len(test.model.graph.node) == 1}
    found = []
    for test in tests:
        whole, expanded, _ = test.name.partition("_expanded")
        operator = alone.get(whole if expanded and whole in alone else test.name, "")
        if operator in SCOPE:
            found.append(Case(test.name.removeprefix("test_"), operator, _reason(operator, test), test))
    return found


def _reason(operator: str, test: Any) -> str:
    """The reason why a test is not in scope, "" if it is."""
    import onnx

    arrays = [a for inputs, outputs in test.data_sets for a in (*inputs, *outputs)]
    if not all(isinstance(array, np.ndarray | np.generic) for array in arrays):
        return "sequences and optional values, not tensors"
    data = test.data_sets[0][0][0]
    if data.dtype != np.float32:
        return f"{data.dtype}, not float32"
    if operator in SPATIAL and data.ndim != 4:
        return f"pictures of {data.ndim - 2} axes, not 2"
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in test.model.graph.node[0].attribute}
    if operator == "Resize" and attributes.get("mode") == b"cubic":
        return "cubic, neither nearest nor linear"
    return ""


def failures(engine: str) -> Iterator[tuple[Case, str]]:
    """Every case in scope, and what goes wrong with it."""
    return ((case, case.run(engine)) for case in cases() if not case.left_out)


def main() -> None:
    parser = argparse.ArgumentParser(description="ONNX's own tests of its operators, run by Fovea.")
    parser.add_argument("--engine", choices=ENGINES, help="that engine alone")
    parser.add_argument("--verbose", action="store_true", help="name the tests that pass as well")
    options = parser.parse_args()
    engines = (options.engine,) if options.engine else ENGINES
    passed: dict[str, Counter[str]] = defaultdict(Counter)
    failed = []
    for engine in engines:
        for case, wrong in failures(engine):
            passed[engine][case.operator] += not wrong
            if wrong:
                failed.append(f"{case.name}, {engine}: {wrong}")
            elif options.verbose:
                print(f"passed   {case.name}, {engine}")
    scope = Counter(case.operator for case in cases() if not case.left_out)
    print(
        f"{'operator':<20}" + "".join(f"{engine:>12}" for engine in engines) + f"{'tests':>9}{'left out':>11}"
    )
    out = Counter(case.operator for case in cases() if case.left_out)
    for operator in SCOPE:
        numbers = "".join(f"{passed[engine][operator]:>12}" for engine in engines)
        print(f"{operator:<20}{numbers}{scope[operator]:>9}{out[operator]:>11}")
    totals = "".join(f"{passed[engine].total():>12}" for engine in engines)
    print(f"{'all':<20}{totals}{scope.total():>9}{out.total():>11}\n")
    for case in cases():
        if case.left_out:
            print(f"left out   {case.name} ({case.operator}): {case.left_out}")
    for line in failed:
        print(f"FAILED     {line}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
