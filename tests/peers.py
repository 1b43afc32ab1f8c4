"""The operations in PyTorch, forward and backward in one call, on NumPy arrays in Fovea's layout.

PyTorch pads symmetrically only, and pools with at most half a window of padding: here every picture is padded
first, with what the operation takes padding for.
"""

import numpy as np
import torch
import torch.nn.functional as F


def conv2d(A_prev, W, b, dZ, stride, pads, dilation=(1, 1), groups=1):
    """Z, dA_prev, dW, db."""
    x, w, bias = _leaf(A_prev.transpose(0, 3, 1, 2)), _leaf(W.transpose(3, 2, 0, 1)), _leaf(b)
    Z = F.conv2d(_pad(x, pads, 0.0), w, bias, stride, 0, dilation, groups)
    Z.backward(_tensor(dZ.transpose(0, 3, 1, 2)))
    return _last(Z), _last(x.grad), w.grad.numpy().transpose(2, 3, 1, 0), bias.grad.numpy()


def conv2d_transpose(A_prev, W, b, dZ, stride, pads, output_padding, dilation, groups):
    """Z, dA_prev, dW, db; the padding is cut off behind it."""
    x, bias = _leaf(A_prev.transpose(0, 3, 1, 2)), _leaf(b)
    w = _leaf(W.transpose(3, 2, 0, 1))  # (C_in, C_out / groups, f_H, f_W)
    # More output than the stride is only asked for where padding is cut off again.
    whole = F.conv_transpose2d(x, w, bias, stride, 0, 0, groups, dilation)
    top, bottom, left, right = pads
    more_H, more_W = output_padding
    beyond = F.pad(whole - bias[:, None, None], (0, more_W, 0, more_H)) + bias[:, None, None]
    Z = beyond[:, :, top : beyond.shape[2] - bottom, left : beyond.shape[3] - right]
    Z.backward(_tensor(dZ.transpose(0, 3, 1, 2)))
    return _last(Z), _last(x.grad), w.grad.numpy().transpose(2, 3, 1, 0), bias.grad.numpy()


def max_pool2d(A_prev, dA, size, stride, pads):
    """A, dA_prev."""
    x = _leaf(A_prev.transpose(0, 3, 1, 2))
    A = F.max_pool2d(_pad(x, pads, -torch.inf), size, stride)
    A.backward(_tensor(dA.transpose(0, 3, 1, 2)))
    return _last(A), _last(x.grad)


def average_pool2d(A_prev, dA, size, stride, pads, count_include_pad):
    """A, dA_prev."""
    x = _leaf(A_prev.transpose(0, 3, 1, 2))
    counted = _pad(torch.ones_like(x), pads, float(count_include_pad))
    A = F.avg_pool2d(_pad(x, pads, 0.0), size, stride) / F.avg_pool2d(counted, size, stride)
    A.backward(_tensor(dA.transpose(0, 3, 1, 2)))
    return _last(A), _last(x.grad)


def max_pool2d_by_itself(A_prev, size, stride, padding, dilation, ceil_mode):
    """A, and the indices, by PyTorch's own rules of ceil mode; `padding` is one number an axis."""
    x = _tensor(A_prev.transpose(0, 3, 1, 2))
    A, indices = F.max_pool2d(x, size, stride, padding, dilation, ceil_mode, return_indices=True)
    return _last(A), _last(indices)


def average_pool2d_by_itself(A_prev, size, stride, padding, ceil_mode, count_include_pad):
    """A, by PyTorch's own rules; `padding` is one number an axis."""
    x = _tensor(A_prev.transpose(0, 3, 1, 2))
    return _last(F.avg_pool2d(x, size, stride, padding, ceil_mode, count_include_pad))


def upsample2d(A_prev, factor, mode, dA):
    """A, dA_prev."""
    x = _leaf(A_prev.transpose(0, 3, 1, 2))
    A = F.interpolate(x, scale_factor=factor, mode=mode, align_corners=None if mode == "nearest" else False)
    A.backward(_tensor(dA.transpose(0, 3, 1, 2)))
    return _last(A), _last(x.grad)


def dense(A_prev, W, b, dZ):
    """Z, dA_prev, dW, db."""
    x, w, bias = _leaf(A_prev), _leaf(W.T), _leaf(b)
    Z = F.linear(x, w, bias)
    Z.backward(_tensor(dZ))
    return Z.detach().numpy(), x.grad.numpy(), w.grad.numpy().T, bias.grad.numpy()


def batch_norm(A_prev, dZ, gamma, beta, mean, variance, epsilon, momentum, training):
    """Z, dA_prev, dgamma, dbeta, and the running mean and variance afterwards."""
    x, g, b = _leaf(np.moveaxis(A_prev, -1, 1)), _leaf(gamma), _leaf(beta)
    mean, variance = _tensor(mean), _tensor(variance)
    Z = F.batch_norm(x, mean, variance, g, b, training, momentum, epsilon)
    Z.backward(_tensor(np.moveaxis(dZ, -1, 1)))
    Z, dA_prev = (np.moveaxis(t.detach().numpy(), 1, -1) for t in (Z, x.grad))
    return Z, dA_prev, g.grad.numpy(), b.grad.numpy(), mean.numpy(), variance.numpy()


def relu(Z, dA):
    """A, dZ."""
    x = _leaf(Z)
    A = F.relu(x)
    A.backward(_tensor(dA))
    return A.detach().numpy(), x.grad.numpy()


def activation(name, Z, dA, *numbers):
    """A, dZ of one of PyTorch's functions."""
    x = _leaf(Z)
    A = getattr(F, name)(x, *numbers)
    A.backward(_tensor(dA))
    return A.detach().numpy(), x.grad.numpy()


def gelu_tanh(Z, dA):
    """A, dZ."""
    x = _leaf(Z)
    A = F.gelu(x, approximate="tanh")
    A.backward(_tensor(dA))
    return A.detach().numpy(), x.grad.numpy()


def grouped(name, A_prev, dZ, gamma, beta, *arguments):
    """Z, dA_prev, dgamma, dbeta of a normalisation of each picture by itself, pictures channels last."""
    x, g, b = _leaf(A_prev), _leaf(gamma), _leaf(beta)
    if name == "layer":
        Z = F.layer_norm(x, (x.shape[-1],), g, b)
    elif name == "group":
        Z = F.group_norm(x.movedim(-1, 1), *arguments, g, b).movedim(1, -1)
    else:
        Z = F.instance_norm(x.movedim(-1, 1), weight=g, bias=b).movedim(1, -1)
    Z.backward(_tensor(dZ))
    return Z.detach().numpy(), x.grad.numpy(), g.grad.numpy(), b.grad.numpy()


def prelu(Z, dA, slope):
    """A, dZ, dslope, channels last."""
    x, w = _leaf(Z), _leaf(slope)
    A = F.prelu(x.movedim(-1, 1), w).movedim(1, -1)
    A.backward(_tensor(dA))
    return A.detach().numpy(), x.grad.numpy(), w.grad.numpy()


def softmax(Z):
    return F.softmax(_tensor(Z), dim=1).numpy()


def softmax_cross_entropy(Z, labels, smoothing=0.0, weights=None):
    """The loss and dZ; labels or shares."""
    x = _leaf(Z)
    wanted = _tensor(labels.astype(np.int64) if labels.ndim == 1 else labels)
    weight = None if weights is None else _tensor(weights)
    loss = F.cross_entropy(x, wanted, weight, ignore_index=-1, label_smoothing=smoothing)
    loss.backward()
    return loss.item(), x.grad.numpy()


def optimise(kind, w, gradients, **options):
    """w after a step with each of `gradients`; `kind` is "SGD" or "Adam"."""
    weights = _leaf(w)
    optimizer = getattr(torch.optim, kind)([weights], **options)
    for dw in gradients:
        weights.grad = _tensor(dw)
        optimizer.step()
    return weights.detach().numpy()


def by_autograd(function, dZ, *arrays):
    """What `function` makes of tensors, and the gradient of each of `arrays`."""
    leaves = [_leaf(array) for array in arrays]
    Z = function(*leaves)
    Z.backward(_tensor(dZ))
    return Z.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)


def _tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array).copy())


def _leaf(array):
    return _tensor(array).requires_grad_()


def _pad(x, pads, value):
    top, bottom, left, right = pads
    return F.pad(x, (left, right, top, bottom), value=value)


def _last(x):
    """Channels last."""
    return x.detach().numpy().transpose(0, 2, 3, 1)
