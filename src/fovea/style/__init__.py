"""Neural style transfer: a photograph painted in the manner of other pictures"""

from fovea.style.options import Options
from fovea.style.painter import Painter
from fovea.style.transfer import Moment, Style, Transfer, transfer

__all__ = ["Moment", "Options", "Painter", "Style", "Transfer", "transfer"]
