"""Infinity and NaN go through the formulas as they go through compiled kernels: without a warning.

Whoever trains looks at the loss, and says there what became of it.
"""

import numpy as np

quietly = np.errstate(over="ignore", invalid="ignore")  # a decorator
