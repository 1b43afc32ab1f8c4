"""Checks of the operations' arguments, shared by both engines, so that errors do not depend on the engine.

Every function gets a call's arguments and the caller's name, `who`, and raises ShapeError for the first
argument that does not fit; those of operations with a window return it. The type aliases name shapes for the
signatures.
"""

from fovea.arguments.affine import affine, affine_backward
from fovea.arguments.arrays import (
    Array,
    Filters,
    Matrix,
    Rows,
    Targets,
    Vector,
    Volume,
    float32,
    floats,
    same_shape,
)
from fovea.arguments.conv import conv2d, conv2d_backward, conv2d_transpose, in_groups
from fovea.arguments.dense import dense, dense_backward
from fovea.arguments.gram import gram, gram_backward
from fovea.arguments.grouped import group_norm, group_norm_backward, groups_of
from fovea.arguments.loss import class_weights, logits, loss, targets
from fovea.arguments.merge import merged, merged_backward, multiplied_backward
from fovea.arguments.moves import recolour, warp
from fovea.arguments.normalization import batch_norm, batch_norm_backward, batch_statistics
from fovea.arguments.optimizer import adam, optimizer, sgd
from fovea.arguments.pool import pool, pooled
from fovea.arguments.prelu import prelu
from fovea.arguments.rearrange import (
    BLOCKS,
    blocks,
    channels,
    depth_to_space,
    space_to_depth,
    taken,
    taken_backward,
)
from fovea.arguments.sample import picture, sampled, sides
from fovea.arguments.scalars import bounds, finite, numbers, share
from fovea.arguments.upsample import UPSAMPLING, upsample, upsample_backward

__all__ = [
    "BLOCKS",
    "UPSAMPLING",
    "Array",
    "Filters",
    "Matrix",
    "Rows",
    "Targets",
    "Vector",
    "Volume",
    "adam",
    "affine",
    "affine_backward",
    "batch_norm",
    "batch_norm_backward",
    "batch_statistics",
    "blocks",
    "bounds",
    "channels",
    "class_weights",
    "conv2d",
    "conv2d_backward",
    "conv2d_transpose",
    "dense",
    "dense_backward",
    "depth_to_space",
    "finite",
    "float32",
    "floats",
    "gram",
    "gram_backward",
    "group_norm",
    "group_norm_backward",
    "groups_of",
    "in_groups",
    "logits",
    "loss",
    "merged",
    "merged_backward",
    "multiplied_backward",
    "numbers",
    "optimizer",
    "picture",
    "pool",
    "pooled",
    "prelu",
    "recolour",
    "same_shape",
    "sampled",
    "sgd",
    "share",
    "sides",
    "space_to_depth",
    "taken",
    "taken_backward",
    "targets",
    "upsample",
    "upsample_backward",
    "warp",
]
