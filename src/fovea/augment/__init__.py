"""Changes to training pictures: moved, recoloured, blended."""

from fovea.augment.augment import Augment

__all__ = ["Augment"]
