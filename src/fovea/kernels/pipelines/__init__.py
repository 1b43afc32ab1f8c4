"""The kernels themselves, in Halide: in each file first the algorithms, then their schedules.

A builder takes plain numbers and returns (outputs, inputs). Nothing here is imported where all that a network
needs has been compiled before.
"""
