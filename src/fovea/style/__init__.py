"""Neural style transfer: a photograph painted in the manner of other pictures"""

from fovea.style.painter import Painter

__all__ = ["Painter"]
