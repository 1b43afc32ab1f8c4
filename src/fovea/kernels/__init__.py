"""The operations of `fovea.reference` in Halide, compiled for this processor.

conv pool dense activation loss optimizer warp      the operations, on arrays of the moment
pipelines/                                          their algorithms and schedules
problem, algorithms, choice, winograd_tiles, tiles  direct or Winograd; which layout and tile for which shape
kernel_cache, compiler, runtime, buffers, call      specification → object → callable, on NumPy memory
scratch, result_pool, scheduler                     memory for scratch and results; tasks for threads
"""
