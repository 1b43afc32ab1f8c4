"""The results of a detector, for `fovea evaluate` and `fovea predict`."""

from typing import Any

import typer

from fovea.cli.common import skipped, warn
from fovea.files import jsons
from fovea.names import counted, say, visible

WIDEST = 40  # columns of class names: the numbers of a longer name are printed further to the right


def evaluate(
    model: str, data: str, labels: str | None, threshold: float | None, precision: str | None,
    out: str | None, as_json: bool,
) -> None:  # fmt: skip
    from collections import Counter as Count

    from fovea.apps.counter import Counter
    from fovea.detection import evaluate as evaluation

    with Counter("measuring") as counter:
        found = evaluation.evaluate(
            model, data, format=labels, threshold=threshold, precision=precision, out=out, progress=counter
        )
    for line in [*found.labelled.notes, *(f"warning: {line}" for line in found.choice.warnings)]:
        warn(line)
    metrics, kinds = found.metrics, Count(mistake.kind for mistake in found.mistakes)
    if as_json:
        rest = {"measured": found.choice.described, "warnings": found.choice.warnings, "mistakes": kinds}
        rest |= {"bad_images": found.bad, "folder": str(found.folder.path)}
        print(jsons.dumps({**metrics, **rest}, indent=2))
        return
    say(f"{measured(metrics)}; {found.choice.source}")
    shares = metrics["per_class"]
    width = min(max(len(visible(name)) for name in shares), WIDEST)
    for name, share in shares.items():
        words = [f"{key} {_share(share[key])}" for key in ("AP50", "AP50-95", "precision", "recall")]
        say(f"  {visible(name):{width}}  {'  '.join(words)}  {_boxes(share['boxes'])}")
    counts = ", ".join(f"{n:,} {kind}" for kind, n in sorted(kinds.items(), key=lambda item: -item[1]))
    say(f"at the threshold {metrics['threshold']:.2f}: {counts or 'no mistakes'}")
    skipped(found.bad, found.folder.bad_images)
    say(f"the curves, the confusion matrix and the mistakes are in {found.folder.path}")


def find(context: typer.Context, model: str, places: list[str]) -> None:
    """`predict` with a detector."""
    from collections import Counter as Count

    from fovea.apps.counter import Counter
    from fovea.detection import output, predict
    from fovea.files import csvs, expanded, write_whole
    from fovea.training.run_folder import Folder
    from fovea.training.trained import class_names, trained

    given = context.params
    network = trained(model, given["precision"])
    classes, as_json, csv, out = class_names(network), given["as_json"], given["csv"], given["out"]
    threshold = given["threshold"]
    if threshold is None:
        threshold = network.facts.get("threshold", 0.25)
    folders = {name: None if given[name] is None else expanded(given[name]) for name in ("txt", "crops")}
    folder = None if out is None else Folder.create_at(out)
    draws = not (as_json or csv)
    entries: list[dict[str, Any]] = []
    rows: list[tuple] = []
    with Counter("finding") as counter:
        for found in predict.predict(
            network, places, threshold, tiled=given["tiles"], progress=counter, note=warn
        ):
            boxes = output.entries(found.detections, classes)
            entries.append({"file": found.file, "boxes": boxes, "error": found.error})
            rows += output.rows(found.file, found.detections, classes)
            if folder is None and draws and found.picture is not None:
                folder = Folder.create("detect", "predict")
            predict.write(found, network, folder and folder.path, **folders)
            if found.error and not as_json:
                warn(f"{found.file}: {found.error}")
            elif not as_json and csv is None:
                counts = Count(box["class"] for box in boxes)
                say(
                    found.file, ", ".join(f"{n:,} {visible(name)}" for name, n in counts.items()) or "nothing"
                )
    if as_json:
        print(jsons.dumps(entries, indent=2))
    if csv is not None:
        write_whole(csv, csvs.dumps(output.COLUMNS, rows))
        say(f"{counted(len(rows), 'line')} written to {csv}")
    if folder is not None and not as_json:
        say(f"pictures with boxes, at the threshold {threshold:.2f}, are in {folder.path}")
    if entries and all(entry["error"] for entry in entries):
        raise typer.Exit(1)


def _boxes(n: int) -> str:
    return f"{n:,} {'box' if n == 1 else 'boxes'}"


def measured(metrics: dict[str, Any]) -> str:
    """The measures in a line."""
    shares = ", ".join(f"{name} {_share(metrics[name]).strip()}" for name in ("mAP50-95", "mAP50", "mAP75"))
    return f"{metrics['split']} ({metrics['n_pictures']:,}): {shares}"


def _share(share: float | None) -> str:
    """The share as " 98.70%", or "–" for None: no boxes to measure it by."""
    return "      –" if share is None else f"{share:7.2%}"
