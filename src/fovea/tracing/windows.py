"""Convolution and pooling, one value at a time; the formulas are those of the layers.

A window at the output position (h, w) sees the input rows y = h·s_H + i·d_H − top, i = 0 … f_H − 1, and
columns likewise. Backward the same is asked the other way round: the input row y was under row i of the
filter where

    h = (y + top − i·d_H) / s_H                                                                            (1)

is a whole number and a position of the window.
"""

import numpy as np

from fovea.geometry import Pair, Window
from fovea.layers import AveragePool2D, ChannelPool, Conv2D, ConvTranspose2D
from fovea.tracing.steps import Factor, Passed, Sum, Tracer

At = tuple[int, ...]


# Which pixels


def _seen(window: Window, h: int, w: int) -> tuple[np.ndarray, np.ndarray]:
    """Input positions under the window at (h, w), (f_H, f_W, 2), and which of them lie in the input."""
    (s_H, s_W), (top, _, left, _) = window.stride, window.pads
    at = _grid(window.size) * window.dilation + np.array([h * s_H - top, w * s_W - left])
    return at, _within(at, window.input)


def _seeing(window: Window, y: int, x: int) -> tuple[np.ndarray, np.ndarray]:
    """Output positions of the windows that have (y, x) at each (i, j), (f_H, f_W, 2), and which there are."""
    top, _, left, _ = window.pads
    at, rest = np.divmod((y + top, x + left) - _grid(window.size) * window.dilation, window.stride)  # (1)
    there = _within(at, window.output) & ~rest.any(axis=-1)
    return np.where(there[..., None], at, -1), there


def _at_weight(window: Window, i: int, j: int) -> tuple[np.ndarray, np.ndarray]:
    """Input positions that each window has at (i, j), (n_H, n_W, 2), and which of them lie in the input."""
    (top, _, left, _), (d_H, d_W) = window.pads, window.dilation
    at = _grid(window.output) * window.stride + np.array([i * d_H - top, j * d_W - left])
    return at, _within(at, window.input)


def _grid(size: Pair) -> np.ndarray:
    """Every position of an area, (height, width, 2)."""
    return np.moveaxis(np.indices(size), 0, -1)


def _within(at: np.ndarray, size: Pair) -> np.ndarray:
    return (at[..., 0] >= 0) & (at[..., 0] < size[0]) & (at[..., 1] >= 0) & (at[..., 1] < size[1])


def _taken(array: np.ndarray, at: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """array (H, W, …) at the positions, (*at.shape[:-1], …); 0 outside."""
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
    pixels, inside = _seen(_window(passed), h, w)
    channels = _run(C_in, c // _filters(passed))
    seen = passed.A_prev[:, :, channels.start : channels.stop]
    left = Factor("A_prev", _taken(seen, pixels, inside), _with_channels(pixels, channels))
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
    windows, there = _seeing(_window(passed), y, x)
    filters = _run(_filters(passed), k // C_in)  # those of k's group
    run = slice(filters.start, filters.stop)
    left = Factor("dZ", _taken(passed.dZ[:, :, run], windows, there), _with_channels(windows, filters))
    filter_at = np.insert(_with_channels(_grid((f_H, f_W)), filters), 2, k % C_in, axis=-1)  # (i, j, k, c)
    right = Factor("W", np.where(there[..., None], W[:, :, k % C_in, run], 0), filter_at)
    return passed.sum("dA_prev", at, passed.dA_prev, "Σ dZ · W", left, right, inside=there[..., None])


def _conv_weight(passed: Passed, at: At) -> Sum:
    i, j, k, c = at
    window = _window(passed)
    pixels, inside = _at_weight(window, i, j)
    k += c // _filters(passed) * passed.parameter("W").shape[2]  # the channel in the input
    left = Factor("A_prev", _taken(passed.A_prev[:, :, k], pixels, inside), _on_channel(pixels, k))
    right = Factor("dZ", passed.dZ[:, :, c], _outputs(window, c))
    return passed.sum("dW", at, passed.gradients["W"], "Σ A_prev · dZ", left, right, inside=inside)


def _conv_bias(passed: Passed, at: At) -> Sum:
    (c,) = at
    left = Factor("dZ", passed.dZ[:, :, c], _outputs(_window(passed), c))
    return passed.sum("db", at, passed.gradients["b"], "Σ dZ", left)


def _filters(passed: Passed) -> int:
    """Of a group."""
    layer = passed.layer
    assert isinstance(layer, Conv2D)
    return layer.filters // layer.groups


def _run(length: int, number: int) -> range:
    """The channels of a run."""
    return range(number * length, number * length + length)


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
    windows, there = _seeing(_upward(passed), y, x)
    seen = passed.A_prev[:, :, run.start : run.stop]
    left = Factor("A_prev", _taken(seen, windows, there), _with_channels(windows, run))
    filter_at = np.insert(_with_channels(_grid(W.shape[:2]), run), 2, c % W.shape[2], axis=-1)  # (i, j, c, k)
    weights = np.where(there[..., None], W[:, :, c % W.shape[2], run.start : run.stop], 0)
    bias = passed.parameter("b")[c] if "b" in passed.layer.parameters else None
    rule, right = "Σ A_prev · W" + (" + b" if bias is not None else ""), Factor("W", weights, filter_at)
    return passed.sum("Z", at, passed.Z, rule, left, right, inside=there[..., None], bias=bias)


def _transposed_input(passed: Passed, at: At) -> Sum:
    h, w, k = at
    W = passed.parameter("W")
    filters = _run(W.shape[2], k // len(_inputs(passed, 0)))
    pixels, inside = _seen(_upward(passed), h, w)
    dZ = passed.dZ[:, :, filters.start : filters.stop]
    left = Factor("dZ", _taken(dZ, pixels, inside), _with_channels(pixels, filters))
    filter_at = _on_channel(_with_channels(_grid(W.shape[:2]), W.shape[2]), k)  # (i, j, c, k)
    right = Factor("W", W[..., k], filter_at)
    return passed.sum("dA_prev", at, passed.dA_prev, "Σ dZ · W", left, right, inside=inside[..., None])


def _transposed_weight(passed: Passed, at: At) -> Sum:
    i, j, c, k = at
    window = _upward(passed)
    pixels, inside = _at_weight(window, i, j)
    c += k // len(_inputs(passed, 0)) * passed.parameter("W").shape[2]  # the channel in the output
    left = Factor("dZ", _taken(passed.dZ[:, :, c], pixels, inside), _on_channel(pixels, c))
    right = Factor("A_prev", passed.A_prev[:, :, k], _outputs(window, k))
    return passed.sum("dW", at, passed.gradients["W"], "Σ dZ · A_prev", left, right, inside=inside)


def _transposed_bias(passed: Passed, at: At) -> Sum:
    (c,) = at
    left = Factor("dZ", passed.dZ[:, :, c], _on_channel(_grid(_upward(passed).input), c))
    return passed.sum("db", at, passed.gradients["b"], "Σ dZ", left)


def _inputs(passed: Passed, c: int) -> range:
    """The input's channels that output channel c sees."""
    layer = passed.layer
    assert isinstance(layer, ConvTranspose2D)
    length = passed.A_prev.shape[2] // layer.groups
    return _run(length, c // (layer.filters // layer.groups))


TRANSPOSED = Tracer(_transposed, _transposed_input, {"W": _transposed_weight, "b": _transposed_bias})


# Pooling


def _winner(values: np.ndarray, inside: np.ndarray) -> tuple[int, int]:
    """The first of the largest values inside, in row-major order; a NaN is larger than everything."""
    candidates = np.flatnonzero(inside)  # padding is −∞, and never chosen
    i, j = np.unravel_index(candidates[np.argmax(values.ravel()[candidates])], values.shape)
    return int(i), int(j)


def _maximum(passed: Passed, at: At) -> Sum:
    h, w, c = at if len(at) == 3 else (0, 0, *at)  # the global maximum has one window
    pixels, inside = _seen(_window(passed), h, w)
    values = _taken(passed.A_prev[:, :, c], pixels, inside)
    winner = _winner(values, inside)
    taken = np.zeros(values.shape, np.float32)
    taken[winner] = 1
    return passed.sum(
        "Z", at, passed.Z, "max A_prev", Factor("A_prev", values, _on_channel(pixels, c)),
        Factor("is the maximum", taken), inside=inside, chosen=True, winner=winner,
    )  # fmt: skip


def _maximum_input(passed: Passed, at: At) -> Sum:
    y, x, c = at
    window = _window(passed)
    windows, there = _seeing(window, y, x)
    wins = np.zeros(there.shape, np.float32)
    for i, j in np.argwhere(there):
        pixels, inside = _seen(window, *windows[i, j])
        wins[i, j] = _winner(_taken(passed.A_prev[:, :, c], pixels, inside), inside) == (i, j)
    left = Factor("dZ", _taken(passed.dZ[:, :, c], windows, there), _on_channel(windows, c))
    return passed.sum(
        "dA_prev", at, passed.dA_prev, "Σ dZ of the windows whose maximum this is", left,
        Factor("is the maximum", wins), inside=there, chosen=True,
    )  # fmt: skip


def _shares(passed: Passed, at: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """1 / count for each pixel of a window on the positions `at`, of which `inside` lie in the input,
    (f_H, f_W)."""
    counted = inside
    if isinstance(passed.layer, AveragePool2D) and passed.layer.count_include_pad:
        window = _window(passed)
        (H, W), (top, bottom, left, right), (more_H, more_W) = window.input, window.pads, window.beyond
        size = H + top + bottom - more_H, W + left + right - more_W
        counted = _within(np.add(at, (top, left)), size)
    return np.where(inside, 1 / counted.sum(), 0)


def _average(passed: Passed, at: At) -> Sum:
    h, w, c = at if len(at) == 3 else (0, 0, *at)  # the global average has one window
    pixels, inside = _seen(_window(passed), h, w)
    left = Factor("A_prev", _taken(passed.A_prev[:, :, c], pixels, inside), _on_channel(pixels, c))
    share = Factor("1/count", _shares(passed, pixels, inside))
    return passed.sum("Z", at, passed.Z, "Σ A_prev · 1/count", left, share, inside=inside)


def _average_input(passed: Passed, at: At) -> Sum:
    y, x, c = at
    window = _window(passed)
    windows, there = _seeing(window, y, x)
    shares = np.zeros(there.shape)
    for i, j in np.argwhere(there):
        shares[i, j] = _shares(passed, *_seen(window, *windows[i, j]))[i, j]
    left = Factor("dZ", _taken(passed.dZ[:, :, c], windows, there), _on_channel(windows, c))
    return passed.sum(
        "dA_prev", at, passed.dA_prev, "Σ dZ · 1/count", left, Factor("1/count", shares), inside=there
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
    values, places = passed.A_prev[h, w], np.array([(h, w, c) for c in range(passed.A_prev.shape[2])])
    rule = "max A_prev" if _largest(passed) else "Σ A_prev · 1/count"
    left, how = Factor("A_prev", values, places), _parts(passed, values)
    return passed.sum("Z", at, passed.Z, rule, left, how, chosen=_largest(passed))


def _channels_input(passed: Passed, at: At) -> Sum:
    h, w, c = at
    part = _parts(passed, passed.A_prev[h, w])
    rule = "dZ where this is the maximum" if _largest(passed) else "dZ · 1/count"
    left, how = Factor("dZ", passed.dZ[h, w, 0], np.array((h, w, 0))), Factor(part.name, part.values[c])
    return passed.sum("dA_prev", at, passed.dA_prev, rule, left, how, chosen=_largest(passed))


def _largest(passed: Passed) -> bool:
    assert isinstance(passed.layer, ChannelPool)
    return passed.layer.mode == "max"


def _parts(passed: Passed, values: np.ndarray) -> Factor:
    """What each channel of a pixel counts."""
    if not _largest(passed):
        return Factor("1/count", np.full(values.shape, 1 / len(values)))
    winner, _ = _winner(values[:, None], np.ones((len(values), 1), bool))
    return Factor("is the maximum", (np.arange(len(values)) == winner).astype(np.float32))


MAXIMUM = Tracer(_maximum, _maximum_input)
GLOBAL_MAXIMUM = Tracer(_maximum, _global_maximum_input)
CHANNELS = Tracer(_channels, _channels_input)
AVERAGE = Tracer(_average, _average_input)
GLOBAL_AVERAGE = Tracer(_average, _global_input)
