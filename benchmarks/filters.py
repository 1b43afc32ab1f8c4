"""Filters on a picture of 12 megapixels: Fovea, OpenCV and scikit-image in turns, in one process.

    python -m benchmarks.filters [--quick] [--only TEXT] [--threads N] [--patience SECONDS] [--json FILE]

The picture is grey, 4000×3000, as uint8 and as float32. OpenCV uses the same number of threads as Fovea,
scikit-image one. Results are compared before the timing: whole numbers must be equal, real ones within 1e-6
of the largest, and Canny's edges on 99.9% of the pixels. Every call allocates its result. OpenCV's magnitude
is `cv2.magnitude` of two Sobels.
"""

import argparse
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from benchmarks.harness import Row, add_options, compare, installed, patience, report
from benchmarks.turns import Run
from fovea import filters

HEIGHT, WIDTH = 3000, 4000


class Case(NamedTuple):
    name: str
    ours: Callable[[np.ndarray], np.ndarray]
    peers: dict[str, Callable[[np.ndarray], np.ndarray]]
    types: tuple[str, ...] = ("uint8", "float32")


def main() -> None:
    parser = argparse.ArgumentParser(description="Filters: Fovea against OpenCV and scikit-image.")
    add_options(parser)
    parser.add_argument("--only", default="", metavar="TEXT", help="the cases with this in their names")
    options = parser.parse_args()
    if not installed("cv2") or not installed("skimage"):
        return
    report(measure(options), options.json)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """All cases on both pictures."""
    import cv2

    from fovea.kernels import runtime

    runtime.set_threads(options.threads)
    cv2.setNumThreads(options.threads)
    turns = 7 if options.quick else 25
    for case in cases():
        for dtype in case.types if options.only in case.name else ():
            image = picture(HEIGHT, WIDTH, dtype)
            check(case, image)
            peers: dict[str, Run] = {
                name: lambda peer=peer, image=image: peer(image) for name, peer in case.peers.items()
            }
            yield from compare(
                f"{case.name} {dtype}", "12 MP", lambda case=case, image=image: case.ours(image), peers,
                turns, patience=patience(options),
            )  # fmt: skip


def cases() -> list[Case]:
    """The cases to measure; the peers' modules are imported here."""
    import cv2
    import skimage

    def depth(image: np.ndarray) -> int:
        return cv2.CV_16S if image.dtype == np.uint8 else cv2.CV_32F

    def opencv(image: np.ndarray) -> np.ndarray:
        return cv2.magnitude(cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1))

    return [
        Case(
            "sobel x",
            lambda image: filters.sobel(image, 1, convention="opencv"),
            {"opencv": lambda image: cv2.Sobel(image, depth(image), 1, 0)},
        ),
        Case(
            "sobel y",
            lambda image: filters.sobel(image, 0, convention="opencv"),
            {"opencv": lambda image: cv2.Sobel(image, depth(image), 0, 1)},
        ),
        Case(
            "scharr x",
            lambda image: filters.scharr(image, 1, convention="opencv"),
            {"opencv": lambda image: cv2.Scharr(image, depth(image), 1, 0)},
        ),
        Case(
            "scharr y",
            lambda image: filters.scharr(image, 0, convention="opencv"),
            {"opencv": lambda image: cv2.Scharr(image, depth(image), 0, 1)},
        ),
        Case("magnitude", lambda image: filters.sobel(image, convention="opencv"), {"opencv": opencv}),
        Case("sobel", filters.sobel, {"scikit-image": skimage.filters.sobel}),
        Case("scharr", filters.scharr, {"scikit-image": skimage.filters.scharr}),
        Case(
            "gaussian σ 1",
            lambda image: filters.gaussian(image, 1, convention="opencv"),
            {"opencv": lambda image: cv2.GaussianBlur(image, (0, 0), 1)},
        ),
        Case("gaussian σ 1", filters.gaussian, {"scikit-image": skimage.filters.gaussian}),
        Case("canny", filters.canny, {"scikit-image": skimage.feature.canny}, ("uint8",)),
    ]


def picture(height: int, width: int, dtype: str) -> np.ndarray:
    """Waves and noise, so that there are edges of all directions and strengths."""
    y, x = np.mgrid[:height, :width].astype(np.float32) / 60
    noise = np.random.default_rng(0).random((height, width), np.float32)
    image = 0.35 + 0.25 * np.sign(np.sin(x + np.sin(y))) * np.cos(y) + 0.2 * noise
    return np.rint(image * 255).astype(np.uint8) if dtype == "uint8" else image.astype(np.float32)


def check(case: Case, image: np.ndarray) -> None:
    """Raise AssertionError unless both sides give the same numbers."""
    own = case.ours(image)
    for name, peer in case.peers.items():
        other = peer(image)
        where = f"{case.name} of {image.dtype}: Fovea and {name} differ"
        if own.dtype == bool:
            assert (own == other).mean() >= 0.999, where
        elif own.dtype.kind != "f":
            np.testing.assert_array_equal(own, other, where)
        else:
            limit = 1e-6 * max(1.0, float(np.abs(other).max()))
            assert np.abs(own - other).max() <= limit, where


if __name__ == "__main__":
    main()
