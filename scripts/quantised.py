"""The convolutions of an ONNX file with codes of 8 bits (QuantizeLinear and DequantizeLinear around them)."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from fovea import weights

ZERO = 128  # the code of 0, in bytes without sign


class Convolution(NamedTuple):
    """A convolution: its output's name, codes uint8 (f, f, C_in, C_out), the scale of each of C_out filters,
    and biases float32 (C_out,)."""

    name: str
    codes: np.ndarray
    scale: np.ndarray
    bias: np.ndarray

    def arrays(self, layer: str) -> dict[str, np.ndarray]:
        """W and b of `layer`, in the small form of `fovea.weights`."""
        return {
            f"{layer}.W{weights.CODES}": self.codes,
            f"{layer}.W{weights.TABLE}": np.arange(256, dtype=np.float32) - ZERO,
            f"{layer}.W{weights.SCALE}": self.scale,
            f"{layer}.b": self.bias,
        }

    def dense(self, layer: str) -> dict[str, np.ndarray]:
        """The same for a dense layer, of a convolution 1×1."""
        return self._replace(codes=self.codes[0, 0]).arrays(layer)

    def predicts(self, norm: str) -> str:
        """ "gamma" or "beta" if it computes those of the painter's normalisation `norm`, else ""."""
        if "/StyleNorm/" not in self.name:
            return ""
        part, number, *rest = self.name.partition("transformer/")[2].split("/")
        if part == "residual":
            place = f"block{int(number[-1]) - 1}_{int(rest[0][-1]) - 1}_norm"
        else:
            place = f"{part}{int(number[-1]) - 1}_norm"
        return ("gamma" if "/Conv_1/" in self.name else "beta") if place == norm else ""


def convolutions(path: Path) -> list[Convolution]:
    """All of a file's, in its order."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    source = {node.output[0]: node for node in graph.node if node.op_type == "DequantizeLinear"}
    found = []
    for node in graph.node:
        if node.op_type == "Conv":
            codes, scale, zero = (constants[name] for name in source[node.input[1]].input)
            bias, step, shift = (constants[name] for name in source[node.input[2]].input)
            assert not zero.any()
            assert not shift.any()
            bytes_ = (codes.astype(np.int16) + ZERO).astype(np.uint8)
            found.append(
                Convolution(
                    node.output[0], np.ascontiguousarray(bytes_.transpose(2, 3, 1, 0)), scale,
                    (bias * step.astype(np.float64)).astype(np.float32),
                )
            )  # fmt: skip
    return found
