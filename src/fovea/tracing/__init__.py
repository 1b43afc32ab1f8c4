"""The arithmetic of a network, step by step: `fovea.trace(network, image)`.

steps.py     a value and the numbers that it is computed from
tables.py    the same as text
windows.py   convolution and pooling
values.py    the fully connected layer, Flatten, Dropout, softmax with its loss
activations.py affine.py grouped.py merging.py normalization.py sampling.py    layers of these names
record.py    a trace: the forward and backward pass of one picture, and the queries for its values
"""

from fovea.tracing.record import TRACERS, Trace, trace
from fovea.tracing.steps import Factor, Passed, Softmax, Step, Sum, Tracer

__all__ = ["TRACERS", "Factor", "Passed", "Softmax", "Step", "Sum", "Trace", "Tracer", "trace"]
