"""Smooth activations; their formulas are in pipelines/smooth.py."""

from fovea.kernels.activation import passes

gelu, gelu_backward = passes("gelu")
gelu_tanh, gelu_tanh_backward = passes("gelu_tanh")
mish, mish_backward = passes("mish")
softplus, softplus_backward = passes("softplus")
softsign, softsign_backward = passes("softsign")
tanhshrink, tanhshrink_backward = passes("tanhshrink")
