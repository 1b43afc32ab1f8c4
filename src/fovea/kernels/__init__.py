"""The operations of `fovea.reference` in Halide, compiled for this processor.

conv pool dense activation loss optimizer warp      the operations, on NumPy arrays
pipelines/                                          their algorithms and schedules
problem, algorithms, choice, winograd_tiles, tiles  algorithm, layout and tile for a shape
targets, constants                                  processors, and the constants of these choices
kernel_cache, compiler, runtime, buffers, call      specification → object → callable, on NumPy memory
scratch, result_pool, scheduler                     memory for scratch and results; tasks for threads
"""
