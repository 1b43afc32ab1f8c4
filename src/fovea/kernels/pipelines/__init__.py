"""The kernels themselves, in Halide: in each file first the algorithms, then their schedules.

A builder takes plain numbers and returns (outputs, inputs). Outputs are Funcs by name, a Func of several
values under that many names ("A saved"); inputs are parameters, which have names of their own. Callers pass
arrays and numbers by these names. None of this is imported if all kernels of a network are in the cache.

The comments on schedules give times on this machine: two cores of an AMD EPYC (Zen 4, 1 MB of second-level
and 32 MB of last-level cache), 2 threads, target avx512, at most 236 GFLOP/s. A share is the direct sum's
multiply-adds per second relative to that peak, so Winograd's algorithm exceeds 100%; GB/s counts each array
once. A time with a model's name is the row of that layer in

    fovea explain-kernels MODEL --batch-size N    (--inference; else a training step)

with N = 64 for lenet5, resnet20 and quicknet, 8 for resnet18 and mobilenet_v2. Other times are the best of
many runs of the kernel alone, on the arrays named.
"""
