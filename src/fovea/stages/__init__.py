"""Layers joined into stages, and a plan that runs them: how the compiled engine trains and predicts.

join.py     neighbouring layers → stages, by what one kernel can do
base.py     what every stage is: which kernels, on which arrays, forward and backward
conv.py dense.py pool.py activation.py merge.py relayout.py loss.py    the kinds of stages
layer.py    the kind that runs any layer as it is
memory.py   where all arrays lie
intake.py   how a batch comes in
plan.py     all of it, prepared once; a step is then a plain loop of calls
calls.py    a kernel and its arguments, prepared
"""

from fovea.stages.plan import Plan

__all__ = ["Plan"]
