"""PyTorch's side of a convolution."""

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.alone import Problem
from benchmarks.convolutions import Convolution
from benchmarks.torch_twin import FORMATS
from benchmarks.turns import Run


class Theirs:
    """A convolution in PyTorch, in one of its layouts."""

    def __init__(self, layout: str, case: Convolution, inputs: Problem) -> None:
        self.layout, form = layout, FORMATS[layout]
        x = torch.from_numpy(inputs.A_prev.transpose(0, 3, 1, 2)).contiguous(memory_format=form)
        w = torch.from_numpy(inputs.W.transpose(3, 2, 0, 1)).contiguous(memory_format=form)
        dz = torch.from_numpy(inputs.dZ.transpose(0, 3, 1, 2)).contiguous(memory_format=form)
        b, stride, pads = torch.from_numpy(inputs.b), [case.s] * 2, [case.p] * 2
        dilation = [case.d] * 2
        backward = torch.ops.aten.convolution_backward

        def gradients(dA: bool, dW: bool):
            how = stride, pads, dilation, False, [0, 0], case.g
            return backward(dz, x, w, [case.K], *how, [dA, dW, dW])

        self.passes: dict[str, Run] = {
            "forward": lambda: F.conv2d(x, w, b, stride, pads, dilation, case.g),
            "dA": lambda: gradients(True, False),
            "dW": lambda: gradients(False, True),
            "dW+dA": lambda: gradients(True, True),
        }

    def results(self, phase: str) -> dict[str, np.ndarray]:
        """Under Fovea's names and in its layout."""
        if phase == "forward":
            return {"Z": self.passes[phase]().numpy().transpose(0, 2, 3, 1)}
        dA, dW, db = (None if result is None else result.numpy() for result in self.passes[phase]())
        results = {} if dA is None else {"dA": dA.transpose(0, 2, 3, 1)}
        return results if dW is None else results | {"dW": dW.transpose(2, 3, 1, 0), "db": db}
