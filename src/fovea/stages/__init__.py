"""Layers fused into stages, and a plan that runs them: how the compiled engine trains and predicts.

join.py     neighbouring layers → stages, by what one kernel can compute
base.py     the base of every stage: its kernels, on its arrays, forward and backward
conv.py dense.py pool.py activation.py merge.py relayout.py …    the kinds of stages
layer.py    the kind that runs any other layer, in Python
loss.py     the loss behind the last stage
memory.py   the place of every array
input.py    the way of a batch into the first array
program.py  all of them put together: the steps of each pass
plan.py     a program with its kernels; a step of training is then a plain loop of calls
context.py  the batch, the weights and the calls, which all stages of a plan share
calls.py    a kernel and its arguments, prepared
"""

from fovea.stages.plan import Plan, memory_of

__all__ = ["Plan", "memory_of"]
