"""Train, measure and use a classifier or a detector."""

import inspect
from dataclasses import asdict
from typing import Annotated, Any

import typer

from fovea.cli import boxes
from fovea.cli.common import (
    CHOSEN,
    Architecture,
    Augment,
    BatchSize,
    Data,
    Debug,
    Flips,
    Json,
    Optimizer,
    Out,
    Pictures,
    Precision,
    Seed,
    Size,
    Threads,
    Trained,
    app,
    check_alone,
    is_given,
    or_usage_error,
    set_threads,
    skipped,
    usage,
    warn,
)
from fovea.errors import OutOfMemoryError
from fovea.files import jsons
from fovea.names import counted, figure, say, typed, visible

CLASSIFY, DETECT = "classify", "detect"  # tasks, without importing them
# Options that a task does not have
ONLY = {
    CLASSIFY: ("labels", "mosaic", "scale", "threshold", "tiles", "txt", "crops"),
    DETECT: ("fine_tune", "mixup", "label_smoothing", "class_weights", "flips", "learning_curve"),
}
WIDEST = 40  # columns of class names: the share of a longer name is printed further to the right


Labels = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="Format of boxes: yolo, coco, voc, cvat, labelme or csv.",
        show_default="recognised",
    ),
]


def _checked_threshold(threshold: float | None) -> float | None:
    if threshold is not None:
        from fovea.ranges import number

        or_usage_error(number, threshold, "--threshold", "a number from 0 to 1", 0, 1)
    return threshold


Threshold = Annotated[
    float | None,
    typer.Option(
        help="Least score of a box that is shown.", show_default="the model's", callback=_checked_threshold
    ),
]


@app.command(epilog="[bold]Example:[/bold]  fovea train photos --epochs 20 --augment shift,flip")
def train(
    context: typer.Context,
    data: Data = "digits",
    model: Architecture = None,
    size: Size = None,
    groups: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN", help="Keep related pictures in the same part: patient(\\d+), or a .csv file."
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Number of passes over the training pictures.", show_default=CHOSEN),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Stop after this many epochs without improvement.", show_default="never"),
    ] = None,
    batch_size: BatchSize = None,
    optimizer: Optimizer = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Start from these weights: a built-in network's, a model file, torchvision's file, or none.",
            show_default=CHOSEN,
        ),
    ] = None,
    fine_tune: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="EPOCHS", help="Fine-tune trained weights for this long.", show_default=CHOSEN
        ),
    ] = None,
    freeze: Annotated[
        str | None,
        typer.Option(help="Layers to freeze: body, ..stage2, conv1.", show_default="none"),
    ] = None,
    layer_rates: Annotated[
        str | None,
        typer.Option(help="Learning-rate multipliers per layer: decay=0.5,stage1=0.1.", show_default="1"),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak learning rate.", show_default=CHOSEN)
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            help="Learning-rate schedule: constant, step, cosine or one-cycle.", show_default="one-cycle"
        ),
    ] = None,
    clip: Annotated[
        float | None, typer.Option(help="Clip the norm of all gradients to this.", show_default="no clipping")
    ] = None,
    average: Annotated[
        float | None,
        typer.Option(help="Decay of the moving average of the weights, such as 0.999.", show_default=CHOSEN),
    ] = None,
    augment: Augment = None,
    mixup: Annotated[
        float | None,
        typer.Option(
            help="Strength of mixup, which blends pictures and their labels; usually 0.2.", show_default="0"
        ),
    ] = None,
    label_smoothing: Annotated[
        float | None,
        typer.Option(help="Label smoothing, such as 0.1.", show_default=CHOSEN),
    ] = None,
    class_weights: Annotated[
        str | None,
        typer.Option(
            help="Class weights in the loss: balanced, none, or cat=2,dog=0.5.", show_default="none"
        ),
    ] = None,
    flips: Flips = False,
    labels: Labels = None,
    mosaic: Annotated[
        float | None,
        typer.Option(help="Share of pictures with boxes that are mosaics of four.", show_default="0.5"),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(help="Change the scale of pictures with boxes by up to this share.", show_default="0.4"),
    ] = None,
    seed: Seed = None,
    precision: Precision = None,
    threads: Threads = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Resume the run in this folder.")] = None,
    out: Out = None,
    debug: Debug = False,
) -> None:
    """Train a classifier, or a detector where pictures have boxes. Ctrl-C saves; --resume continues."""
    from fovea.training import progress

    set_threads(threads)
    if resume is not None:
        check_alone(context)
        run = _training(_task_of_run(resume)).resume(resume, progress.shown())
    else:
        task = _task(data, labels)
        run = _training(task).train(data, model, progress=progress.shown(), **_settings(context, task))
    assert run.folder is not None
    say(f"best: epoch {run.best_epoch}; {_measured(run.metrics)}")
    skipped(run.bad, run.folder.bad_images)
    path = run.folder.path
    say(f"results are in {path}; now try: fovea predict {typed(path)} PICTURE")


def find_rate(context: typer.Context, data: str, model: str | None, **_: Any) -> None:
    """Find a learning rate: compare short trainings at different rates."""
    from fovea.apps.counter import Counter

    set_threads(context.params["threads"])
    task = _task(data, context.params["labels"])
    if task == DETECT:
        from fovea.detection.find_rate import find
    else:
        from fovea.classification.find_rate import find
    with Counter("trying rates") as counter:
        found = find(data, model, progress=counter, **_settings(context, task))
    recipe, best = found.recipe, f"{found.rates.best:g}"
    say(f"{found.model}, batches of {recipe.batch_size}, {recipe.optimizer.name}: learning rate {best}")
    say(f"the losses are in {found.folder.path}")
    free = ("data", "threads", "out", "debug", "learning_rate")
    words = [typed(data)]
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in free and is_given(context, name):
            value = context.params[name]
            words += parameter.opts[:1] + ([] if value is True else [typed(value)])
    if found.fine_tune is not None:
        words += ["--fine-tune", str(found.fine_tune)]
    say(f"now try: fovea train {' '.join(words)} --learning-rate {best}")


# The options of `train`, apart from --resume: a rate is for a training with the same choices
_signature = inspect.signature(train)
_shared = [option for name, option in _signature.parameters.items() if name != "resume"]
vars(find_rate)["__signature__"] = _signature.replace(parameters=_shared)
app.command(epilog="[bold]Example:[/bold]  fovea find-rate photos")(find_rate)


@app.command(epilog="[bold]Example:[/bold]  fovea evaluate runs/classify/train photos")
def evaluate(
    context: typer.Context,
    model: Trained,
    data: Data,
    as_json: Json = False,
    flips: Flips = False,
    learning_curve: Annotated[
        bool,
        typer.Option("--learning-curve", help="Also measure what fewer training pictures would have given."),
    ] = False,
    labels: Labels = None,
    threshold: Threshold = None,
    precision: Precision = None,
    threads: Threads = None,
    out: Out = None,
    debug: Debug = False,
) -> None:
    """Measure a model: accuracy or average precision per class, confusions, worst mistakes."""
    from fovea.apps.counter import Counter
    from fovea.classification import evaluate as evaluation

    set_threads(threads)
    if _finds_boxes(context, model):
        boxes.evaluate(model, data, labels, threshold, precision, out, as_json)
        return
    with Counter("measuring") as counter:
        how = {"flips": flips, "curve": learning_curve, "precision": precision, "out": out}
        found = evaluation.evaluate(model, data, progress=counter, **how)
    for line in found.choice.warnings:
        warn(f"warning: {line}")
    pairs = found.mistakes.pairs()
    if as_json:
        chosen = {"measured": found.choice.described, "warnings": found.choice.warnings}
        chosen["training_pictures"] = found.learned
        if learning_curve:
            chosen["learning_curve"] = [asdict(point) for point in found.curve]
        rest = {**chosen, "confused": pairs, "bad_images": found.bad, "folder": str(found.folder.path)}
        print(jsons.dumps({**found.metrics, **rest}, indent=2))
        return
    say(f"{_measured(found.metrics)}; {found.choice.source}")
    shares, learned = found.metrics["per_class"], found.learned
    width = min(max(len(visible(name)) for name in shares), WIDEST)
    for name, share in shares.items():
        known = f"  from {counted(learned[name], 'training picture')}" if learned else ""
        say(f"  {visible(name):{width}}  {_percent(share)}{known}")
    for pair in pairs[:5]:
        say(f"{pair['n']} × {pair['class']} predicted as {pair['predicted']}, for example {pair['files'][0]}")
    for point in found.curve:
        spread = f" ({min(point.top1):.1%} to {max(point.top1):.1%})" if len(point.top1) > 1 else ""
        pictures = counted(point.pictures, "training picture")
        say(f"up to {pictures} per class, without fine-tuning: {point.mean:.1%}{spread}")
    skipped(found.bad, found.folder.bad_images)
    say(f"the confusion matrix and the list of mistakes are in {found.folder.path}")


@app.command(epilog="[bold]Example:[/bold]  fovea predict runs/classify/train cat.jpg holiday/")
def predict(
    context: typer.Context,
    model: Trained,
    places: Pictures,
    as_json: Json = False,
    csv: Annotated[str | None, typer.Option(metavar="FILE", help="Write a CSV table to this file.")] = None,
    flips: Flips = False,
    threshold: Threshold = None,
    tiles: Annotated[
        bool, typer.Option("--tiles", help="Look at parts of large pictures, too, for small objects.")
    ] = False,
    txt: Annotated[
        str | None, typer.Option(metavar="DIR", help="Write boxes in YOLO's format to this folder.")
    ] = None,
    crops: Annotated[
        str | None, typer.Option(metavar="DIR", help="Write the part in each box to this folder.")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Folder for pictures with boxes.", show_default="a new folder in runs"
        ),
    ] = None,
    precision: Precision = None,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Predict the class of pictures, or find objects. Exit code 1 if none could be read or memory ran out."""
    from fovea.apps import predict as prediction
    from fovea.apps.counter import Counter
    from fovea.classification.task import Classification
    from fovea.training import trained

    if as_json and csv is not None:
        usage("--json and --csv cannot be combined")
    set_threads(threads)
    if _finds_boxes(context, model):
        boxes.find(context, model, places)
        return
    network, task = trained.classifier(model, precision), Classification(flips=flips)
    entries, short = [], None
    with Counter("reading") as counter:
        try:
            for entry in prediction.predict(network, task, places, counter, warn):
                entries.append(entry)
                if not as_json and entry["error"]:
                    warn(f"{entry['file']}: {entry['error']}")
                elif not as_json and csv is None:
                    say(entry["file"], *task.text(entry).split("\t"))
        except OutOfMemoryError as error:
            short = error
    if as_json:
        print(jsons.dumps(entries, indent=2))
    if csv is not None:
        prediction.write_csv(csv, network, task, entries)
        say(f"{counted(len(entries), 'line')} written to {csv}")
    if short:
        raise short
    if all(entry["error"] for entry in entries):
        raise typer.Exit(1)


def _finds_boxes(context: typer.Context, model: str) -> bool:
    """True for a detector. Raises a usage error for options that do not fit the kind of model."""
    from fovea.detection.detect import is_detector
    from fovea.training.trained import trained

    found = is_detector(trained(model))
    flags = {str(p.name): p.opts[0] for p in context.command.params}
    names = [*ONLY[DETECT if found else CLASSIFY]]
    if not found and "places" in flags:
        names.append("out")  # of `predict`: a folder of pictures with boxes
    wrong = [flags[name] for name in names if name in flags and is_given(context, name)]
    if wrong:
        kinds = "a classifier, got a detector" if found else "a detector, got a classifier"
        usage(f"{', '.join(wrong)}: expected {kinds}")
    return found


def _task(data: str, labels: str | None) -> str:
    """The name of the task for DATA, and for the format of its labels."""
    from fovea import tasks
    from fovea.detection import formats

    if labels is not None:
        or_usage_error(formats.check_format, labels)
    return tasks.named_for(data, labels)


def _task_of_run(run: str) -> str:
    from fovea.training.trained import arguments_of

    return arguments_of(run).get("task", CLASSIFY)


def _training(task: str) -> Any:
    """The module that trains for a task."""
    if task == DETECT:
        from fovea.detection import train
    else:
        from fovea.classification import train
    return train


def _settings(context: typer.Context, task: str) -> dict[str, Any]:
    """The options of a training for a task, checked, without the data and the model."""
    from fovea.data.groups import parse
    from fovea.geometry import sides

    given = context.params
    if wrong := [name for name in ONLY[task] if is_given(context, name)]:
        flags = {p.name: p.opts[0] for p in context.command.params}
        kinds = "classes, got pictures with boxes" if task == DETECT else "boxes, got pictures with classes"
        usage(f"{', '.join(flags[name] for name in wrong)}: expected pictures with {kinds}")
    if given["groups"] is not None:
        or_usage_error(parse, given["groups"])
    names = ["weights", "groups", "precision", "out"]
    rest = {name: given[name] for name in names} | {"size": or_usage_error(sides, given["size"])}
    if task == DETECT:
        return {**rest, "format": given["labels"], **_choices(context, task)}
    if given["fine_tune"] is not None and given["epochs"] is not None:
        usage("--fine-tune and --epochs cannot be combined: --epochs counts the fit of the last layer, too")
    return {**rest, "fine_tune": given["fine_tune"], **_choices(context, task)}


def _choices(context: typer.Context, task: str) -> dict[str, Any]:
    """The options for the recipe and the task that were given, checked."""
    training, params = _training(task), context.params
    given = {name: params[name] for name in training.NAMES if params.get(name) is not None}
    or_usage_error(training.check, given)
    return given


def _measured(metrics: dict[str, Any]) -> str:
    if "mAP50" in metrics:
        return boxes.measured(metrics)
    if not metrics["n"]:
        return f"{metrics['split']}: no pictures that can be read"
    where = "all pictures" if metrics["split"] == "all" else metrics["split"]
    loss = "not a number" if metrics["loss"] is None else figure(metrics["loss"], 4)
    words = [f"top-1 {_percent(metrics['top1']).strip()}"]
    if len(metrics["per_class"]) > 5:  # with fewer classes, top-5 is always 100%
        words.append(f"top-5 {_percent(metrics['top5']).strip()}")
    return f"{where} ({metrics['n']:,}): {', '.join([*words, f'loss {loss}'])}"


def _percent(share: float | None) -> str:
    """The share as " 98.70%", or "no pictures" for None."""
    return "no pictures" if share is None else f"{share:7.2%}"
