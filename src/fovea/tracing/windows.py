"""Convolution and pooling, one value at a time; the formulas are those of the layers.

A window at the output position (h, w) covers the input rows y = h·s_H + i·d_H − top, i = 0 … f_H − 1, and
columns likewise. Conversely, for the backward pass, the input row y was under row i of the filter where

    h = (y + top − i·d_H) / s_H                                                                            (1)

is a whole number and a position of the window. Where the padding mirrors the input, a row is at several
rows of the padded input, and (1) holds for each of them.
"""

import numpy as np

from fovea.geometry import Pair, Window
from fovea.geometry.borders import source
from fovea.geometry.sampling import mirrored
from fovea.layers import AveragePool2D, ChannelPool, Conv2D, ConvTranspose2D
from fovea.tracing.steps import Factor, Passed, Sum, Tracer

At = tuple[int, ...]


# Positions under windows. Masks are True where a position is inside the array.


def _inputs_under(window: Window, h: int, w: int) -> tuple[np.ndarray, np.ndarray]:
    """The input positions under the window at (h, w), (f_H, f_W, 2), and their mask."""
    (s_H, s_W), (top, _, left, _) = window.stride, window.pads
    at = _grid(window.size) * window.dilation + np.array([h * s_H - top, w * s_W - left])
    at = _mirrored(at, window)
    return at, _within(at, window.input)


def _windows_over(window: Window, y: int, x: int) -> tuple[np.ndarray, np.ndarray]:
    """The output position of the window that has (y, x) at (i, j), for each i and j, (f_H, f_W, 2), and their
    mask. Where padding mirrors the pixel, its windows there follow, as further rows and columns."""
    if window.mirror:
        rows, columns = (
            np.flatnonzero(axis.pixels == p).tolist()
            for axis, p in zip(mirrored(window), (y, x), strict=True)
        )
        found = [[_windows_over(window.padded, row, column) for column in columns] for row in rows]
        at, inside = (
            np.concatenate([np.concatenate([windows[part] for windows in row], 1) for row in found])
            for part in (0, 1)
        )
        return at, inside
    top, _, left, _ = window.pads
    at, rest = np.divmod((y + top, x + left) - _grid(window.size) * window.dilation, window.stride)  # (1)
    inside = _within(at, window.output) & ~rest.any(axis=-1)
    return np.where(inside[..., None], at, -1), inside


def _inputs_of_weight(window: Window, i: int, j: int) -> tuple[np.ndarray, np.ndarray]:
    """The input position at (i, j) of each window, (n_H, n_W, 2), and their mask."""
    (top, _, left, _), (d_H, d_W) = window.pads, window.dilation
    at = _grid(window.output) * window.stride + np.array([i * d_H - top, j * d_W - left])
    at = _mirrored(at, window)
    return at, _within(at, window.input)


def _mirrored(at: np.ndarray, window: Window) -> np.ndarray:
    """Positions of the padding replaced by those that they mirror."""
    if not window.mirror:
        return at
    return np.stack([source("mirror", at[..., axis], window.input[axis]) for axis in (0, 1)], axis=-1)


def _grid(size: Pair) -> np.ndarray:
    """Every position of an area, (height, width, 2)."""
    return np.moveaxis(np.indices(size), 0, -1)


def _within(at: np.ndarray, size: Pair) -> np.ndarray:
    return (at[..., 0] >= 0) & (at[..., 0] < size[0]) & (at[..., 1] >= 0) & (at[..., 1] < size[1])


def _gather(array: np.ndarray, at: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The values of `array` (H, W, …) at the positions, (*at.shape[:-1], …); 0 outside."""
    values = array[tuple(np.moveaxis(np.where(inside[..., None], at, 0), -1, 0))]
    return np.where(inside.reshape(inside.shape + (1,) * (values.ndim - inside.ndim)), values, 0)


def _with_channels(at: np.ndarray, channels: int | range) -> np.ndarray:
    """Positions (a, b, 2) → (a, b, channels, 3)."""
    numbers = np.arange(channels) if isinstance(channels, int) else np.array(channels)
    spread = np.repeat(at[:, :, None], len(numbers), axis=2)
    return np.concatenate([spread, np.broadcast_to(numbers[:, None], (*spread.shape[:3], 1))], -1)


def _on_channel(at: np.ndarray, channel: int) -> np.ndarray:
    """Positions (…, 2) → (…, 3)."""
    return np.concatenate([at, np.full((*at.shape[:-1], 1), channel)], axis=-1)


def _window(passed: Passed) -> Window:
    window = passed.layer.window(passed.A_prev.shape)
    assert window is not None
    return window


# Convolution


def _conv(passed: Passed, at: At) -> Sum:
    h, w, c = at
    W = passed.parameter("W")  # (f_H, f_W, C_in, C_out)
    f_H, f_W, C_in, _ = W.shape
    pixels, inside = _inputs_under(_window(passed), h, w)
    channels = _group(C_in, c // _filters(passed))
    seen = passed.A_prev[:, :, channels.start : channels.stop]
    left = Factor("A_prev", _gather(seen, pixels, inside), _with_channels(pixels, channels))
    filter_at = _on_channel(_with_channels(_grid((f_H, f_W)), C_in), c)  # (i, j, k, c)
    bias = passed.parameter("b")[c] if "b" in passed.layer.parameters else None
    rule = "Σ A_prev · W" + (" + b" if bias is not None else "")
    return passed.sum(
        "Z", at, passed.Z, rule, left, Factor("W", W[..., c], filter_at), inside=inside[..., None], bias=bias
    )


def _conv_input(passed: Passed, at: At) -> Sum:
    y, x, k = at
    W = passed.parameter("W")
    f_H, f_W, C_in, _ = W.shape
    windows, inside = _windows_over(_window(passed), y, x)
    filters = _group(_filters(passed), k // C_in)  # those of k's group
    run = slice(filters.start, filters.stop)
    left = Factor("dZ", _gather(passed.dZ[:, :, run], windows, inside), _with_channels(windows, filters))
    filter_at = np.insert(_with_channels(_grid((f_H, f_W)), filters), 2, k % C_in, axis=-1)  # (i, j, k, c)
    again = len(windows) // f_H, windows.shape[1] // f_W, 1  # more than once where padding mirrors the pixel
    weights, filter_at = np.tile(W[:, :, k % C_in, run], again), np.tile(filter_at, (*again, 1))
    right = Factor("W", np.where(inside[..., None], weights, 0), filter_at)
    return passed.sum("dA_prev", at, passed.dA_prev, "Σ dZ · W", left, right, inside=inside[..., None])


def _conv_weight(passed: Passed, at: At) -> Sum:
    i, j, k, c = at
    window = _window(passed)
    pixels, inside = _inputs_of_weight(window, i, j)
    k += c // _filters(passed) * passed.parameter("W").shape[2]  # the channel in the input
    left = Factor("A_prev", _gather(passed.A_prev[:, :, k], pixels, inside), _on_channel(pixels, k))
    right = Factor("dZ", passed.dZ[:, :, c], _outputs(window, c))
    return passed.sum("dW", at, passed.gradients["W"], "Σ A_prev · dZ", left, right, inside=inside)


def _conv_bias(passed: Passed, at: At) -> Sum:
    (c,) = at
    left = Factor("dZ", passed.dZ[:, :, c], _outputs(_window(passed), c))
    return passed.sum("db", at, passed.gradients["b"], "Σ dZ", left)


def _filters(passed: Passed) -> int:
    """The number of filters per group."""
    layer = passed.layer
    assert isinstance(layer, Conv2D)
    return layer.filters // layer.groups


def _group(size: int, number: int) -> range:
    """The channels of a group, for groups of `size` channels."""
    return range(number * size, number * size + size)


def _outputs(window: Window, c: int) -> np.ndarray:
    return _on_channel(_grid(window.output), c)


CONVOLUTION = Tracer(_conv, _conv_input, {"W": _conv_weight, "b": _conv_bias})


# Transposed convolution: the same windows, over the output


def _upward(passed: Passed) -> Window:
    window = passed.layer.upward(passed.A_prev.shape)
    assert window is not None
    return window


def _transposed(passed: Passed, at: At) -> Sum:
    y, x, c = at
    W, run = passed.parameter("W"), _inputs(passed, at[2])  # (f_H, f_W, C_out / groups, C_in)
    windows, inside = _windows_over(_upward(passed), y, x)
    seen = passed.A_prev[:, :, run.start : run.stop]
    left = Factor("A_prev", _gather(seen, windows, inside), _with_channels(windows, run))
    filter_at = np.insert(_with_channels(_grid(W.shape[:2]), run), 2, c % W.shape[2], axis=-1)  # (i, j, c, k)
    weights = np.where(inside[..., None], W[:, :, c % W.shape[2], run.start : run.stop], 0)
    bias = passed.parameter("b")[c] if "b" in passed.layer.parameters else None
    rule, right = "Σ A_prev · W" + (" + b" if bias is not None else ""), Factor("W", weights, filter_at)
    return passed.sum("Z", at, passed.Z, rule, left, right, inside=inside[..., None], bias=bias)


def _transposed_input(passed: Passed, at: At) -> Sum:
    h, w, k = at
    W = passed.parameter("W")
    filters = _group(W.shape[2], k // len(_inputs(passed, 0)))
    pixels, inside = _inputs_under(_upward(passed), h, w)
    dZ = passed.dZ[:, :, filters.start : filters.stop]
    left = Factor("dZ", _gather(dZ, pixels, inside), _with_channels(pixels, filters))
    filter_at = _on_channel(_with_channels(_grid(W.shape[:2]), W.shape[2]), k)  # (i, j, c, k)
    right = Factor("W", W[..., k], filter_at)
    return passed.sum("dA_prev", at, passed.dA_prev, "Σ dZ · W", left, right, inside=inside[..., None])


def _transposed_weight(passed: Passed, at: At) -> Sum:
    i, j, c, k = at
    window = _upward(passed)
    pixels, inside = _inputs_of_weight(window, i, j)
    c += k // len(_inputs(passed, 0)) * passed.parameter("W").shape[2]  # the channel in the output
    left = Factor("dZ", _gather(passed.dZ[:, :, c], pixels, inside), _on_channel(pixels, c))
    right = Factor("A_prev", passed.A_prev[:, :, k], _outputs(window, k))
    return passed.sum("dW", at, passed.gradients["W"], "Σ dZ · A_prev", left, right, inside=inside)


def _transposed_bias(passed: Passed, at: At) -> Sum:
    (c,) = at
    left = Factor("dZ", passed.dZ[:, :, c], _on_channel(_grid(_upward(passed).input), c))
    return passed.sum("db", at, passed.gradients["b"], "Σ dZ", left)


def _inputs(passed: Passed, c: int) -> range:
    """The input channels in the group of output channel c."""
    layer = passed.layer
    assert isinstance(layer, ConvTranspose2D)
    length = passed.A_prev.shape[2] // layer.groups
    return _group(length, c // (layer.filters // layer.groups))


TRANSPOSED = Tracer(_transposed, _transposed_input, {"W": _transposed_weight, "b": _transposed_bias})


# Pooling


def _winner(values: np.ndarray, inside: np.ndarray) -> tuple[int, int]:
    """The first of the largest values inside, in row-major order; a NaN is larger than everything."""
    candidates = np.flatnonzero(inside)  # padding is −∞, and never chosen
    i, j = np.unravel_index(candidates[np.argmax(values.ravel()[candidates])], values.shape)
    return int(i), int(j)


def _maximum(passed: Passed, at: At) -> Sum:
    h, w, c = at if len(at) == 3 else (0, 0, *at)  # the global maximum has one window
    pixels, inside = _inputs_under(_window(passed), h, w)
    values = _gather(passed.A_prev[:, :, c], pixels, inside)
    winner = _winner(values, inside)
    selected = np.zeros(values.shape, np.float32)
    selected[winner] = 1
    return passed.sum(
        "Z", at, passed.Z, "max A_prev", Factor("A_prev", values, _on_channel(pixels, c)),
        Factor("is the maximum", selected), inside=inside, chosen=True, winner=winner,
    )  # fmt: skip


def _maximum_input(passed: Passed, at: At) -> Sum:
    y, x, c = at
    window = _window(passed)
    windows, inside = _windows_over(window, y, x)
    wins = np.zeros(inside.shape, np.float32)
    for i, j in np.argwhere(inside):
        pixels, mask = _inputs_under(window, *windows[i, j])
        wins[i, j] = _winner(_gather(passed.A_prev[:, :, c], pixels, mask), mask) == (i, j)
    left = Factor("dZ", _gather(passed.dZ[:, :, c], windows, inside), _on_channel(windows, c))
    return passed.sum(
        "dA_prev", at, passed.dA_prev, "Σ dZ of the windows whose maximum this is", left,
        Factor("is the maximum", wins), inside=inside, chosen=True,
    )  # fmt: skip


def _shares(passed: Passed, at: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """1 / count for each pixel of a window, (f_H, f_W); `at` are its positions, and `inside` their mask."""
    counted = inside
    if isinstance(passed.layer, AveragePool2D) and passed.layer.count_include_pad:
        window = _window(passed)
        (H, W), (top, bottom, left, right), (more_H, more_W) = window.input, window.pads, window.beyond
        size = H + top + bottom - more_H, W + left + right - more_W
        counted = _within(np.add(at, (top, left)), size)
    return np.where(inside, 1 / counted.sum(), 0)


def _average(passed: Passed, at: At) -> Sum:
    h, w, c = at if len(at) == 3 else (0, 0, *at)  # the global average has one window
    pixels, inside = _inputs_under(_window(passed), h, w)
    left = Factor("A_prev", _gather(passed.A_prev[:, :, c], pixels, inside), _on_channel(pixels, c))
    share = Factor("1/count", _shares(passed, pixels, inside))
    return passed.sum("Z", at, passed.Z, "Σ A_prev · 1/count", left, share, inside=inside)


def _average_input(passed: Passed, at: At) -> Sum:
    y, x, c = at
    window = _window(passed)
    windows, inside = _windows_over(window, y, x)
    shares = np.zeros(inside.shape)
    for i, j in np.argwhere(inside):
        shares[i, j] = _shares(passed, *_inputs_under(window, *windows[i, j]))[i, j]
    left = Factor("dZ", _gather(passed.dZ[:, :, c], windows, inside), _on_channel(windows, c))
    return passed.sum(
        "dA_prev", at, passed.dA_prev, "Σ dZ · 1/count", left, Factor("1/count", shares), inside=inside
    )


def _global_input(passed: Passed, at: At) -> Sum:
    c = at[2]
    share = Factor("1/count", np.array(1 / np.prod(passed.A_prev.shape[:2])))
    left = Factor("dZ", passed.dZ[c], np.array([c]))
    return passed.sum("dA_prev", at, passed.dA_prev, "dZ · 1/count", left, share)


def _global_maximum_input(passed: Passed, at: At) -> Sum:
    c = at[2]
    values = passed.A_prev[:, :, c]
    wins = Factor("is the maximum", np.array(float(_winner(values, np.ones(values.shape, bool)) == at[:2])))
    left = Factor("dZ", np.asarray(passed.dZ[c]), np.array([c]))
    return passed.sum("dA_prev", at, passed.dA_prev, "dZ where this is the maximum", left, wins, chosen=True)


# Pooling over channels


def _channels(passed: Passed, at: At) -> Sum:
    h, w, _ = at
    values, positions = passed.A_prev[h, w], np.array([(h, w, c) for c in range(passed.A_prev.shape[2])])
    rule = "max A_prev" if _is_max(passed) else "Σ A_prev · 1/count"
    left, right = Factor("A_prev", values, positions), _channel_weights(passed, values)
    return passed.sum("Z", at, passed.Z, rule, left, right, chosen=_is_max(passed))


def _channels_input(passed: Passed, at: At) -> Sum:
    h, w, c = at
    weights = _channel_weights(passed, passed.A_prev[h, w])
    rule = "dZ where this is the maximum" if _is_max(passed) else "dZ · 1/count"
    left, right = (
        Factor("dZ", passed.dZ[h, w, 0], np.array((h, w, 0))),
        Factor(weights.name, weights.values[c]),
    )
    return passed.sum("dA_prev", at, passed.dA_prev, rule, left, right, chosen=_is_max(passed))


def _is_max(passed: Passed) -> bool:
    assert isinstance(passed.layer, ChannelPool)
    return passed.layer.mode == "max"


def _channel_weights(passed: Passed, values: np.ndarray) -> Factor:
    """The weight of each channel of a pixel, (C,)."""
    if not _is_max(passed):
        return Factor("1/count", np.full(values.shape, 1 / len(values)))
    winner, _ = _winner(values[:, None], np.ones((len(values), 1), bool))
    return Factor("is the maximum", (np.arange(len(values)) == winner).astype(np.float32))


MAXIMUM = Tracer(_maximum, _maximum_input)
GLOBAL_MAXIMUM = Tracer(_maximum, _global_maximum_input)
CHANNELS = Tracer(_channels, _channels_input)
AVERAGE = Tracer(_average, _average_input)
GLOBAL_AVERAGE = Tracer(_average, _global_input)
