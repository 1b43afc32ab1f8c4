"""The operations on arrays. Each call runs on the engine that is current, Halide's kernels or the reference.

Arrays are NumPy's, pictures (N, H, W, C), filters (f_H, f_W, C_in, C_out), dense weights (n_in, n_out); they
may be views with any strides, and none but an optimizer's is modified. Halide takes float32, the reference
float32 or float64, and the result has the arguments' type. `fovea.reference` has the formulas.

`stride`, `size` and `dilation` (from one pixel of a window to the next) are one whole number or two, (height,
width). `padding` is "valid" (none), "same" (⌈n/s⌉ positions; an odd pixel
goes after), a whole number for all sides, or four (top, bottom, left, right).

Every function raises ShapeError for arguments that do not fit, and EngineError for float64 with Halide.
"""

from fovea.functional.activation import (
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
from fovea.functional.affine import affine, affine_backward
from fovea.functional.conv import conv2d, conv2d_backward, conv2d_transpose, conv2d_transpose_backward
from fovea.functional.dense import dense, dense_backward
from fovea.functional.engines import operations
from fovea.functional.grouped import group_norm, group_norm_backward, layer_norm, layer_norm_backward
from fovea.functional.loss import softmax_cross_entropy, softmax_cross_entropy_backward
from fovea.functional.merge import add, add_backward, multiply, multiply_backward
from fovea.functional.normalization import batch_norm, batch_norm_backward, batch_statistics
from fovea.functional.optimizer import adam, sgd
from fovea.functional.piecewise import (
    elu,
    elu_backward,
    hard_sigmoid,
    hard_sigmoid_backward,
    hard_swish,
    hard_swish_backward,
    thresholded_relu,
    thresholded_relu_backward,
)
from fovea.functional.pool import (
    average_pool2d,
    average_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
    max_pool2d_indices,
)
from fovea.functional.prelu import prelu, prelu_backward
from fovea.functional.rearrange import depth_to_space, space_to_depth, take_channels, take_channels_backward
from fovea.functional.recolour import recolour
from fovea.functional.sample import pad2d, pad2d_backward, resize2d, resize2d_backward, sample2d
from fovea.functional.smooth import (
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
from fovea.functional.upsample import upsample2d, upsample2d_backward
from fovea.functional.warp import warp

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
    "operations",
    "pad2d",
    "pad2d_backward",
    "prelu",
    "prelu_backward",
    "recolour",
    "relu",
    "relu_backward",
    "resize2d",
    "resize2d_backward",
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
