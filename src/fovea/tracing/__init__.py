"""The arithmetic of a network, step by step: `fovea.trace(network, image)`.

steps.py     a value and the numbers that it is made of
tables.py    the same to read
windows.py   convolution and pooling
values.py    the fully connected layer, Flatten, Dropout, softmax with its loss
activations.py merging.py normalization.py sampling.py    what their names say
record.py    a picture's way through a network and back, and the questions that one may ask of it
"""

from fovea.tracing.record import TRACERS, Trace, trace
from fovea.tracing.steps import Factor, Passed, Softmax, Step, Sum, Tracer

__all__ = ["TRACERS", "Factor", "Passed", "Softmax", "Step", "Sum", "Trace", "Tracer", "trace"]
