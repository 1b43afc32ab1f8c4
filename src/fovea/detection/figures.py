"""The figures of a detector: its data, its curves, its confusion matrix, its answers and its mistakes."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fovea import images
from fovea.detection.average_precision import RECALLS
from fovea.detection.boxes import Boxes
from fovea.detection.detections import Detections
from fovea.detection.mistakes import KINDS, Mistake
from fovea.images.confusion import draw_confusion
from fovea.images.drawing import FAINT, INK, MOST_NAMED, clear, drawn, optional, short
from fovea.images.marking import Colour, class_colours, marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BACKGROUND = "background"
MOST_CURVES = 10  # named ones
MOST_SHOWN = 6  # mistakes of each kind
CROP, SMALL, SIDE = 300, 410, 800  # pixels of parts of pictures, pictures of a batch, predictions
TRUE, ANSWER = (255, 255, 255), (255, 92, 0)  # colours of an object and a detection that are compared


class Read(NamedTuple):
    """Pictures by number: their files, and a function that reads one as uint8 (H, W, C) in its own size."""

    files: Sequence[str]
    read: Callable[[int], np.ndarray]


@optional
def precision_recall(
    path: Path,
    precision: np.ndarray,
    classes: Sequence[str],
    chosen: tuple[float, float, float] | None = None,
) -> None:
    """The precision by recall at an IoU of ½, of each class and their mean.

    precision: float64 (101, classes), NaN for classes without boxes: `AveragePrecision.precision[0, 0]`.
    chosen: the model's threshold with its precision and recall.
    """
    known = np.flatnonzero(~np.isnan(precision[0]))
    ap = precision.mean(axis=0)
    order = known[np.argsort(ap[known], kind="stable")]  # the lowest first: there is most to gain
    with drawn(path, (7.2, 4.8)) as figure:
        axes = figure.subplots()
        colours = class_colours(len(classes))
        shown = np.where(np.roll(precision, 1, axis=0) == 0, np.nan, precision)  # one 0 after the last
        for c in order[MOST_CURVES:]:
            axes.plot(RECALLS, shown[:, c], color=FAINT, lw=1)
        for c in order[:MOST_CURVES][::-1]:
            name = f"{short(classes[int(c)])}  {ap[c]:.1%}"
            axes.plot(RECALLS, shown[:, c], color=_shade(colours[c]), lw=1.3, label=name)
        if len(known):
            mean, label = precision[:, known].mean(axis=1), f"mean of {len(known)}  {ap[known].mean():.1%}"
            axes.plot(RECALLS, mean, color=INK, lw=2.5, label=label)
        if chosen:
            threshold, *place = chosen
            label = f"all boxes, threshold {threshold:.2f}:\nprecision {place[0]:.0%}, recall {place[1]:.0%}"
            axes.plot(*place[::-1], "o", color=INK, ms=9, mec="white", mew=1.5, ls="", label=label)
        axes.set_xlim(0, 1.01)
        axes.set_ylim(0, 1.01)
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
        axes.yaxis.set_major_formatter(lambda y, _: f"{y:.0%}")
        axes.set_xlabel("recall: share of the objects that are found")
        axes.set_ylabel("precision: share of the boxes that are right")
        axes.set_title("Precision by recall at an IoU of 0.5", loc="left")
        clear(axes)
        if len(known):
            handles, names = axes.get_legend_handles_labels()
            more = f", the {MOST_CURVES} lowest" if len(known) > MOST_CURVES else ""
            axes.legend(
                handles[::-1], names[::-1], title=f"AP50{more}", frameon=False, alignment="left", fontsize=9,
                loc="center left", bbox_to_anchor=(1.02, 0.5),
            )  # fmt: skip


@optional
def confusion_matrix(path: Path, matrix: np.ndarray, classes: Sequence[str]) -> None:
    """The numbers of `mistakes.confusion`, shaded by their share of the objects of the class: of the true
    class, in the row of the background of the predicted one. That row can have more than objects, and is
    shaded as the other mistakes at most."""
    objects = np.maximum(matrix[:-1].sum(axis=1), 1)
    share, false_share = matrix[:-1] / objects[:, None], matrix[-1:] / np.append(objects, 1)
    most = np.where(np.eye(*share.shape, dtype=bool), 0, share).max(initial=0) or 1.0
    share = np.concatenate([share, false_share.clip(0, most)])
    found, false = np.trace(matrix), matrix[:, :-1].sum() - np.trace(matrix)
    title = f"{found:,} of {matrix[:-1].sum():,} objects found, {false:,} wrong boxes"
    draw_confusion(
        path, matrix, share, [*classes, BACKGROUND], title, "mistakes, share of the class's objects"
    )


@optional
def worst_mistakes(path: Path, mistakes: Sequence[Mistake], classes: Sequence[str], source: Read) -> None:
    """The worst mistakes of each kind, a row for each: the part of the picture with the detection in orange
    and the object in white."""
    rows = [(kind, [m for m in mistakes if m.kind == kind]) for kind in KINDS]
    rows = [(kind, of_kind) for kind, of_kind in rows if of_kind]
    side = 1.75
    with drawn(path, (side * MOST_SHOWN, max(len(rows), 1) * (side + 0.75))) as figure:
        if not rows:
            figure.text(0.5, 0.5, "no mistakes", ha="center", va="center", size=16)
        parts = figure.subfigures(len(rows), 1, squeeze=False)[:, 0] if rows else []
        for part, (kind, of_kind) in zip(parts, rows, strict=True):
            part.suptitle(f"{len(of_kind):,} {kind}", x=0.004, ha="left", weight="bold", size=11)
            cells = part.subplots(1, MOST_SHOWN, squeeze=False)[0]
            for axes in cells:
                axes.axis("off")
            for axes, mistake in zip(cells, of_kind, strict=False):
                axes.imshow(_crop(mistake, source.read(mistake.picture)))
                name = short(Path(source.files[mistake.picture]).name, 24)
                axes.set_title(
                    f"{_caption(mistake, classes)}\n{name}", size=7, weight="normal", loc="left", y=1
                )


@optional
def predictions(
    path: Path,
    pictures: Sequence[int],
    truth: Sequence[Boxes],
    found: Sequence[Detections],
    classes: Sequence[str],
    source: Read,
) -> None:
    """Some pictures by number, each with its true boxes and, beside it, with the boxes found."""
    colours = class_colours(len(classes))
    shown = [source.read(number) for number in pictures]
    aspects = [picture.shape[0] / picture.shape[1] for picture in shown]
    heights = [5.4 * min(aspect, 1.3) + 0.25 for aspect in aspects]
    with drawn(path, (11, sum(heights))) as figure:
        sheet = figure.subplots(len(shown), 2, squeeze=False, height_ratios=heights)
        for axes in sheet.flat:
            axes.axis("off")
        for number, picture, (left, right) in zip(pictures, shown, sheet, strict=True):
            true, answer = truth[number], found[number]
            names = [
                f"{short(classes[int(c)], 16)} {s:.0%}"
                for c, s in zip(answer.classes, answer.scores, strict=True)
            ]
            left.imshow(_boxed(picture, true.corners, true.classes, colours, _names(true, classes)))
            right.imshow(_boxed(picture, answer.corners, answer.classes, colours, names))
            title = f"{short(Path(source.files[number]).name, 40)}: {_count(len(true), 'box', 'boxes')}"
            left.set_title(title, size=9, weight="normal", loc="left", y=1)
            right.set_title(f"{len(answer)} found", size=9, weight="normal", loc="left", y=1)


@optional
def batch(path: Path, pictures: Sequence[np.ndarray], truth: Sequence[Boxes], classes: Sequence[str]) -> None:
    """A sheet of uint8 pictures (H, W, C), as a network learns from them, with their true boxes."""
    colours = class_colours(len(classes))
    columns = min(len(pictures), 4)
    rows = -(-len(pictures) // columns)
    height, width = pictures[0].shape[:2]
    with drawn(path, (2.75 * columns, 2.75 * rows * height / width)) as figure:
        sheet = figure.subplots(rows, columns, squeeze=False)
        for axes in sheet.flat:
            axes.axis("off")
        for axes, picture, true in zip(sheet.flat, pictures, truth, strict=False):
            axes.imshow(_boxed(picture, true.corners, true.classes, colours, _names(true, classes), SMALL))


@optional
def labels(
    path: Path, truth: Sequence[Boxes], sizes: Sequence[tuple[int, int]], classes: Sequence[str]
) -> None:
    """The boxes of a data set: their number by class, sizes and positions. sizes: (H, W) of each picture."""
    kinds = np.concatenate([true.classes for true in truth])
    corners = np.concatenate([true.corners for true in truth])
    whole = np.repeat(np.array(sizes, float), [len(true) for true in truth], axis=0)[:, ::-1]
    colours = [_shade(colour) for colour in class_colours(len(classes))]
    height = min(max(3.6, 1 + 0.28 * min(len(classes), MOST_NAMED)), 14)
    with drawn(path, (12.5, height)) as figure:
        counts, of_sizes, places = figure.subplots(1, 3)
        _class_counts(counts, kinds, classes, colours)
        _box_sizes(of_sizes, corners, kinds, colours)
        _box_places(places, corners / np.tile(whole, 2), np.median(np.array(sizes, float), axis=0))


def _class_counts(axes: "Axes", kinds: np.ndarray, classes: Sequence[str], colours: Sequence) -> None:
    count = np.bincount(kinds, minlength=len(classes))
    order = np.argsort(-count, kind="stable")[:MOST_NAMED]
    places = np.arange(len(order))
    axes.barh(places, count[order], color=[colours[c] for c in order], height=0.72)
    for place, c in enumerate(order):
        axes.text(float(count[c]), place, f" {count[c]:,}", va="center", size=9)
    axes.set_yticks(places, [short(classes[int(c)]) for c in order])
    axes.set_xlim(0, max(count.max(initial=0), 1) * 1.18)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_title(f"{len(kinds):,} boxes in {_count(len(classes), 'class', 'classes')}", loc="left")


def _box_sizes(axes: "Axes", corners: np.ndarray, kinds: np.ndarray, colours: Sequence) -> None:
    width, height = np.maximum((corners[:, 2:] - corners[:, :2]).T, 0.5)
    common = Counter(kinds.tolist())
    for c, _ in common.most_common():  # rare classes on top
        mine = kinds == c
        alpha = float(np.clip(300 / max(mine.sum(), 1), 0.15, 0.8))
        axes.scatter(width[mine], height[mine], s=9, color=colours[c], alpha=alpha, lw=0)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    low, high = (
        (0.8 * min(width.min(), height.min()), 1.25 * max(width.max(), height.max()))
        if len(kinds)
        else (1, 2)
    )
    line = np.array([low, high])
    axes.plot(line, line, color=FAINT, lw=1, zorder=0)
    for side in (32, 96):  # the limits of small, medium and large boxes
        axes.plot(line, side**2 / line, color=FAINT, lw=1, ls="--", zorder=0)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    ticks = [2**k for k in range(14) if low <= 2**k <= high]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_aspect("equal")
    axes.set_xlabel("width of the box, pixels")
    axes.set_ylabel("height, pixels")
    axes.set_title("Sizes; dashed: 32², 96² pixels", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0)


def _box_places(axes: "Axes", shares: np.ndarray, size: np.ndarray) -> None:
    """The number of boxes over each place of the picture; shares: corners from 0 to 1."""
    cells = 128
    cover = np.zeros((cells + 1, cells + 1))
    x0, y0, x1, y1 = (shares.clip(0, 1) * cells).round().astype(int).T
    for y, x, sign in ((y0, x0, 1), (y0, x1, -1), (y1, x0, -1), (y1, x1, 1)):
        np.add.at(cover, (y, x), sign)
    cover = cover.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
    height, width = size
    axes.imshow(cover, cmap="Blues", extent=(0, width, height, 0), vmin=0, interpolation="bilinear")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(FAINT)
    axes.set_title("Positions: boxes over each place", loc="left")


def _boxed(
    picture: np.ndarray,
    corners: np.ndarray,
    classes: np.ndarray,
    colours: Sequence[Colour],
    names: Sequence[str],
    side: int = SIDE,
) -> np.ndarray:
    """The picture as large as in a sheet, with boxes."""
    picture, scale = _scaled(picture, side)
    return marked(picture, corners * scale, [colours[c] for c in classes], names)


def _scaled(picture: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """The picture with `side` pixels along its longer side, and the scale."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = max(round(height * scale), 1), max(round(width * scale), 1)
    return images.fit(picture[None], size)[0], scale


def _crop(mistake: Mistake, picture: np.ndarray) -> np.ndarray:
    """A square part of the picture around the mistake, half of it surroundings, with its boxes."""
    height, width = picture.shape[:2]
    boxes = np.array([box for box in (mistake.object, mistake.box) if box])
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    side = int(max(2 * (high - low).max(), 48))
    left, top = np.round((low + high - side) / 2).astype(int)
    left, top = (max(min(at, most - side), 0) for at, most in ((left, width), (top, height)))
    part = picture[top : top + side, left : left + side]
    both = [(mistake.object, TRUE), (mistake.box, ANSWER)]
    shown = [(np.array(box) - [left, top, left, top], colour) for box, colour in both if box]
    corners, colours = zip(*shown, strict=True)
    part, scale = _scaled(part, CROP)
    return marked(part, np.array(corners) * scale, colours, line=3)


def _caption(mistake: Mistake, classes: Sequence[str]) -> str:
    most = 11 if mistake.kind == "confused" else 18
    true, predicted = (
        "" if c is None else short(classes[c], most) for c in (mistake.true, mistake.predicted)
    )
    score = f"{mistake.score:.0%}"
    return {
        "missed": f"{true}, below threshold: {score}" if mistake.score else true,
        "confused": f"{true} as {predicted} {score}",
        "misplaced": f"{predicted} {score}, IoU {mistake.iou:.2f}",
    }.get(mistake.kind, f"{predicted} {score}")


def _names(true: Boxes, classes: Sequence[str]) -> list[str]:
    return [short(classes[int(c)], 16) for c in true.classes]


def _count(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"


def _shade(colour: Colour) -> tuple[float, ...]:
    return tuple(part / 255 for part in colour)
