"""Average precision, COCO's measure of a detector.

By decreasing score, among the first k detections of a class there are TP(k) that match a box and FP(k) that
match none; n boxes are to be found. What the matching ignores counts in neither.

    P(k) = TP(k) / (TP(k) + FP(k))        R(k) = TP(k) / n                                              (1)
    p(r) = max P(k) over all k with R(k) ≥ r, 0 if there are none                                       (2)
    AP = 1/101 · Σ p(r) over r = 0, 0.01, …, 1                                                          (3)

    mAP50, mAP75 = mean AP over the classes, for boxes that match at an IoU of 0.50, 0.75               (4)
    mAP50-95 = mean AP over the classes and the IoU thresholds 0.50, 0.55, …, 0.95                      (5)
    AR100 = mean of the highest R over the same, with at most 100 detections per class and picture      (6)

Classes without a box to be found are left out of the means. The numbers are those of pycocotools.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fovea.detection.boxes import Boxes
from fovea.detection.detections import Detections
from fovea.detection.matching import MOST, RANGES, THRESHOLDS, Matches, match

RECALLS = np.linspace(0, 1, 101)  # r


@dataclass(frozen=True, eq=False)
class AveragePrecision:
    """Average precision and its parts; NaN for classes without boxes in a range of areas.

    precision: float64 (areas, thresholds, 101, classes), p(r) of (2). recall: float64 (areas, thresholds,
    classes), the highest R. boxes: int (areas, classes), the numbers n. Areas are in the order of RANGES.
    """

    precision: np.ndarray
    recall: np.ndarray
    boxes: np.ndarray
    pictures: int
    most: int  # detections per class and picture

    @property
    def ap(self) -> np.ndarray:
        """(3): float64 (areas, thresholds, classes)."""
        return self.precision.mean(axis=2)

    def metrics(self, classes: Sequence[str]) -> dict:
        """The numbers by name, as in metrics.json; None if undefined."""
        ap, recall = self.ap, f"AR{self.most}"
        return {
            "mAP50-95": _mean(ap[0]),  # (5)
            "mAP50": _mean(ap[0, 0]),  # (4)
            "mAP75": _mean(ap[0, 5]),
            recall: _mean(self.recall[0]),  # (6)
            "per_class": {
                name: {
                    "AP50-95": _mean(ap[0, :, c]),
                    "AP50": _mean(ap[0, 0, c]),
                    "AP75": _mean(ap[0, 5, c]),
                    "boxes": int(self.boxes[0, c]),
                }
                for c, name in enumerate(classes)
            },
            "by_size": {
                name: {
                    "mAP50-95": _mean(ap[a]),
                    recall: _mean(self.recall[a]),
                    "boxes": int(self.boxes[a].sum()),
                }
                for a, name in enumerate(RANGES)
                if a
            },
            "n_pictures": self.pictures,
            "n_boxes": int(self.boxes[0].sum()),
        }


def average_precision(
    truth: Sequence[Boxes], found: Sequence[Detections], classes: int, most: int = MOST
) -> AveragePrecision:
    """The average precision of the detections `found` in each picture, whose true boxes are `truth`."""
    return of_matches(match(truth, found, classes, most), len(truth), most)


def of_matches(matches: Matches, pictures: int, most: int) -> AveragePrecision:
    """The same, of detections already matched."""
    areas, classes = matches.boxes.shape
    precision = np.full((areas, len(THRESHOLDS), len(RECALLS), classes), np.nan)
    recall = np.full((areas, len(THRESHOLDS), classes), np.nan)
    for c in np.flatnonzero(matches.boxes[0]).tolist():
        order = matches.of_class(c)
        for a in np.flatnonzero(matches.boxes[:, c]).tolist():
            counted, right = ~matches.ignored[a][:, order], matches.truth[a][:, order] >= 0
            tp, fp = (right & counted).cumsum(axis=1), (~right & counted).cumsum(axis=1)
            P, R = tp / np.maximum(tp + fp, 1), tp / matches.boxes[a, c]  # (1)
            P = np.maximum.accumulate(P[:, ::-1], axis=1)[:, ::-1]  # (2): the largest P(j) with j ≥ k
            P = np.pad(P, ((0, 0), (0, 1)))  # 0 beyond the highest R
            recall[a, :, c] = R.max(axis=1, initial=0)
            for t in range(len(THRESHOLDS)):
                precision[a, t, :, c] = P[t, np.searchsorted(R[t], RECALLS)]  # (2): the first R(k) ≥ r
    return AveragePrecision(precision, recall, matches.boxes, pictures, most)


def _mean(values: np.ndarray) -> float | None:
    """The mean of those that are defined."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else None
