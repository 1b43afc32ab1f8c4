"""Neural style transfer: a photograph painted in the manner of other pictures"""

from fovea.style.learned import LearnedStyle
from fovea.style.options import Options
from fovea.style.painter import Painter
from fovea.style.transfer import Moment, Style, Transfer, transfer

__all__ = ["LearnedStyle", "Moment", "Options", "Painter", "Style", "Transfer", "transfer"]
