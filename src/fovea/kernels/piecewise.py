"""Piecewise activations; their rows are in pipelines/activations.py."""

from fovea.kernels.activation import passes

elu, elu_backward = passes("elu")
hard_sigmoid, hard_sigmoid_backward = passes("hard_sigmoid")
hard_swish, hard_swish_backward = passes("hard_swish")
thresholded_relu, thresholded_relu_backward = passes("thresholded_relu")
