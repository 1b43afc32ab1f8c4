"""The formulas in NumPy, one file per operation: the specification, and the engine where Halide has no wheel.

Arrays are float32 or float64, (N, H, W, C), and results have the type of the arguments. `fovea.functional`
offers the same functions on either engine, and describes their common arguments.
"""

from fovea.reference.activation import (
    clip,
    clip_backward,
    leaky_relu,
    leaky_relu_backward,
    log_softmax,
    log_softmax_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
    softmax,
    softmax_backward,
    tanh,
    tanh_backward,
)
from fovea.reference.affine import affine, affine_backward
from fovea.reference.conv import conv2d, conv2d_backward, conv2d_transpose, conv2d_transpose_backward
from fovea.reference.dense import dense, dense_backward
from fovea.reference.gram import gram, gram_backward
from fovea.reference.grouped import group_norm, group_norm_backward, layer_norm, layer_norm_backward
from fovea.reference.loss import softmax_cross_entropy, softmax_cross_entropy_backward
from fovea.reference.merge import add, add_backward, multiply, multiply_backward
from fovea.reference.normalization import batch_norm, batch_norm_backward, batch_statistics
from fovea.reference.optimizer import adam, sgd
from fovea.reference.piecewise import (
    elu,
    elu_backward,
    hard_sigmoid,
    hard_sigmoid_backward,
    hard_swish,
    hard_swish_backward,
    thresholded_relu,
    thresholded_relu_backward,
)
from fovea.reference.pool import (
    average_pool2d,
    average_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
    max_pool2d_indices,
)
from fovea.reference.prelu import prelu, prelu_backward
from fovea.reference.rearrange import depth_to_space, space_to_depth, take_channels, take_channels_backward
from fovea.reference.recolour import recolour
from fovea.reference.sample import sample2d
from fovea.reference.smooth import (
    gelu,
    gelu_backward,
    gelu_tanh,
    gelu_tanh_backward,
    mish,
    mish_backward,
    softplus,
    softplus_backward,
    softsign,
    softsign_backward,
    tanhshrink,
    tanhshrink_backward,
)
from fovea.reference.upsample import upsample2d, upsample2d_backward
from fovea.reference.warp import warp

__all__ = [
    "adam",
    "add",
    "add_backward",
    "affine",
    "affine_backward",
    "average_pool2d",
    "average_pool2d_backward",
    "batch_norm",
    "batch_norm_backward",
    "batch_statistics",
    "clip",
    "clip_backward",
    "conv2d",
    "conv2d_backward",
    "conv2d_transpose",
    "conv2d_transpose_backward",
    "dense",
    "dense_backward",
    "depth_to_space",
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "gelu_tanh",
    "gelu_tanh_backward",
    "gram",
    "gram_backward",
    "group_norm",
    "group_norm_backward",
    "hard_sigmoid",
    "hard_sigmoid_backward",
    "hard_swish",
    "hard_swish_backward",
    "layer_norm",
    "layer_norm_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "log_softmax",
    "log_softmax_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "max_pool2d_indices",
    "mish",
    "mish_backward",
    "multiply",
    "multiply_backward",
    "prelu",
    "prelu_backward",
    "recolour",
    "relu",
    "relu_backward",
    "sample2d",
    "sgd",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softmax",
    "softmax_backward",
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
    "softplus",
    "softplus_backward",
    "softsign",
    "softsign_backward",
    "space_to_depth",
    "take_channels",
    "take_channels_backward",
    "tanh",
    "tanh_backward",
    "tanhshrink",
    "tanhshrink_backward",
    "thresholded_relu",
    "thresholded_relu_backward",
    "upsample2d",
    "upsample2d_backward",
    "warp",
]
