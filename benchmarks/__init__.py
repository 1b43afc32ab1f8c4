"""Benchmarks of Fovea and other libraries on this machine: results are compared, then all are timed in
turns."""
