"""Fovea against its peers, on this machine: results are checked first, then both sides are timed in turns."""
