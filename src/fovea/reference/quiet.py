"""Formulas without NumPy's warnings: infinity and NaN propagate silently, as in compiled kernels.

The training loop checks the loss, and reports it if it is not finite.
"""

import numpy as np

quietly = np.errstate(over="ignore", invalid="ignore")  # a decorator
