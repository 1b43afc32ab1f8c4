"""Augmentation of training pictures: geometry, colours, mixup."""

from fovea.augment.augment import Augment

__all__ = ["Augment"]
