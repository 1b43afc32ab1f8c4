"""The kernels themselves, in Halide: in each file first the algorithms, then their schedules.

A builder takes plain numbers and returns (outputs, inputs). Outputs are Funcs by name, one of several values
under as many names ("A saved"); inputs are parameters, which have names themselves. Callers pass arrays and
numbers by these names. Nothing here is imported where all that a network needs has been compiled before.
"""
