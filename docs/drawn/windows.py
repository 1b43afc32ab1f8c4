"""Figures of single windows: edges, padding, stride, volumes, pooling."""

import numpy as np
from matplotlib.figure import Figure

from fovea import filters, functional
from fovea.geometry import Window

from .paper import BLUE, INK, ORANGE, VIOLET, frame, numbers, picture, sheet, signed


def scene(size: int = 96) -> np.ndarray:
    """A disc, a square and a leaning bar: edges of every direction, float32 (size, size) from 0 to 1."""
    y, x = np.mgrid[:size, :size] / size
    grey = np.full((size, size), 0.25)
    grey[(y - 0.36) ** 2 + (x - 0.34) ** 2 < 0.24**2] = 0.95
    grey[(abs(y - 0.72) < 0.16) & (abs(x - 0.70) < 0.18)] = 0.6
    grey[(abs(y + x - 1.0) < 0.05) & (y < 0.45)] = 0.0
    return grey.astype(np.float32)


def edges() -> Figure:
    image = scene()
    figure, panels = sheet(["picture", "vertical", "Sobel, axis 1", "Sobel, axis 0", "magnitude"])
    picture(panels[0], image)
    answers = (filters.vertical(image), filters.sobel(image, axis=1), filters.sobel(image, axis=0))
    for axes, answer in zip(panels[1:4], answers, strict=True):
        signed(axes, answer)
    length = filters.sobel(image)
    picture(panels[4], 1 - length / length.max())
    return figure


def windows_on(padding: int | str, n: int = 6, f: int = 3) -> np.ndarray:
    """The number of windows that use each pixel: the backward pass adds 1 per window to all of its pixels."""
    A_prev, W = np.zeros((1, n, n, 1), np.float32), np.ones((f, f, 1, 1), np.float32)
    dZ = np.ones_like(functional.conv2d(A_prev, W, None, padding=padding))
    return functional.conv2d_backward(dZ, A_prev, W, padding=padding)[0][0, :, :, 0]


def padding() -> Figure:
    counts = [windows_on("valid"), windows_on("same"), windows_on(2)]
    figure, panels = sheet(["valid: 4×4 windows", "same, p = 1: 6×6 windows", "p = 2: 8×8 windows"], high=2.1)
    for axes, count in zip(panels, counts, strict=True):
        numbers(axes, count, count / 9)
    return figure


def stride() -> Figure:
    image = np.add.outer(np.arange(8), np.arange(8)).astype(np.float32)
    figure, panels = sheet(["7×7, f = 3, s = 2", "averages: 3×3", "8×8: what is left over"], high=2.2)
    for axes, n in ((panels[0], 7), (panels[2], 8)):
        window = Window.of((n, n), 3, stride=2)
        seen = np.zeros((n, n), bool)
        for h, w in np.ndindex(window.output):
            seen[2 * h : 2 * h + 3, 2 * w : 2 * w + 3] = True
        numbers(axes, image[:n, :n], np.where(seen, 0.0, 1.0))
    A_prev, W = image[None, :7, :7, None], np.full((3, 3, 1, 1), 1 / 9, np.float32)
    Z = functional.conv2d(A_prev, W, None, stride=2)[0, :, :, 0]
    numbers(panels[1], Z, np.zeros_like(Z))
    for (h, w), colour in {(0, 0): ORANGE, (0, 1): BLUE, (1, 2): INK, (2, 0): VIOLET}.items():
        frame(panels[0], 2 * h, 2 * w, (3, 3), colour, inset=0.06)
        frame(panels[1], h, w, (1, 1), colour, inset=0.04)
    return figure


def coloured(size: int = 64) -> np.ndarray:
    """A red disc, a green square and a white one on black, float32 (size, size, 3) from 0 to 1."""
    y, x = np.mgrid[:size, :size] / size
    image = np.zeros((size, size, 3), np.float32)
    image[(y - 0.3) ** 2 + (x - 0.3) ** 2 < 0.2**2] = 0.9, 0.1, 0.1
    image[(abs(y - 0.3) < 0.17) & (abs(x - 0.75) < 0.17)] = 0.1, 0.8, 0.2
    image[(abs(y - 0.75) < 0.17) & (abs(x - 0.5) < 0.17)] = 1
    return image


def volumes() -> Figure:
    image = coloured()
    edge = filters.weights("sobel-vertical", "opencv")
    W = np.zeros((3, 3, 3, 2), np.float32)
    W[:, :, 0, 0] = edge  # red alone
    W[:, :, :, 1] = edge[:, :, None]
    Z = functional.conv2d(image[None], W, None)[0]
    figure, panels = sheet(
        ["picture", "red", "green", "blue", "filter 1: red", "filter 2: all"], [0.8] * 6, 1.52
    )
    picture(panels[0], image)
    for c in range(3):
        picture(panels[1 + c], image * np.eye(3, dtype=np.float32)[c])
    for k in range(2):
        signed(panels[4 + k], Z[:, :, k])
    return figure


POOLED = np.array([[1, 4, 2, 0], [3, 8, 1, 5], [7, 2, 6, 6], [0, 3, 2, 2]], np.float32)


def pooling() -> Figure:
    A_prev = POOLED[None, :, :, None]
    figure, panels = sheet(["4×4, windows of 2×2, s = 2", "maximum", "average"])
    numbers(panels[0], POOLED, POOLED / 8)
    for i, j in np.ndindex(2, 2):
        frame(panels[0], 2 * i, 2 * j, (2, 2), inset=0.04)
    for axes, pool in ((panels[1], functional.max_pool2d), (panels[2], functional.average_pool2d)):
        A = pool(A_prev, 2)[0, :, :, 0]
        numbers(axes, A, A / 8)
    return figure


PICTURES = {"edges": edges, "padding": padding, "stride": stride, "volumes": volumes, "pooling": pooling}
