"""ReLU by itself."""

from typing import TYPE_CHECKING

from fovea.kernels import tiles
from fovea.kernels.specification import specify
from fovea.layers import ReLU
from fovea.stages.base import Stage, Step
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class ReluStage(Stage):
    """ReLU where it follows something that cannot take it along."""

    leads = (ReLU,)
    reads = ("A",)
    why = "what stands before cannot take it along"

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        specification = specify("elementwise.relu", vector=tiles.vector())
        return [plan.call(specification, [A_prev.as_runs()], outputs=[A.as_runs()])]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        if dA_prev is None:
            return []
        specification = specify("elementwise.relu_backward", vector=tiles.vector())
        return [plan.call(specification, [dA.as_runs(), A.as_runs()], outputs=[dA_prev.as_runs()])]
