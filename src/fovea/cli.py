"""The command line. It asks `fovea.apps`, prints what they answer, and turns errors into one line.

Exit codes: 0 all is well, 1 something failed, 2 the command was not understood. What is slow to import is
imported by the command that needs it, for `fovea predict` shall answer at once.
"""

import json
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Annotated, Any, NoReturn

import typer
import typer.core

import fovea
from fovea.errors import FoveaError


class _Commands(typer.core.TyperGroup):
    """Lets Ctrl-C, and what a stopped training says of it, through to `_report`."""

    def invoke(self, context: Any) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt as stopped:
            raise FoveaError(str(stopped) or "stopped") from stopped


app = typer.Typer(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DEBUG = "--debug"
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads to compute with.", show_default="all cores")
]
Debug = Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an error.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
Precision = Annotated[
    str | None,
    typer.Option(
        help="fast, or exact: no algorithm that rounds more than the direct sum.", show_default="the model's"
    ),
]
Trained = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model file, or a run folder (its best model).")
]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and end the process with its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name that the terminal cannot show is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(arguments, prog_name="fovea", standalone_mode=False) or 0
    except BaseException as error:
        if DEBUG in arguments and not hasattr(error, "exit_code"):
            raise
        code = _report(error)
    sys.exit(code)


def _report(error: BaseException) -> int:
    """Say in one line what went wrong; returns the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    message = getattr(error, "format_message", None)
    if message is not None:  # typer's own: the command was not understood
        command = getattr(getattr(error, "ctx", None), "command_path", "fovea")
        if message():  # nothing, where the help has been printed instead
            print(f"{command}: {message()} ({command} --help says more)", file=sys.stderr)
        return getattr(error, "exit_code", 2)
    if isinstance(error, FoveaError):
        text = str(error)
    elif isinstance(error, KeyboardInterrupt | typer.Abort):
        text = "stopped"
    elif isinstance(error, OSError):
        text = f"{error.filename or 'system'}: {error.strerror or error}"
    else:
        text = f"internal error, {type(error).__name__}: {error}; {DEBUG} shows where"
    print("fovea: " + " ".join(text.splitlines()), file=sys.stderr)
    return 1


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=lambda on: on and _version())
    ] = False,
) -> None:
    """Train, run and look inside convolutional networks on the processor you already have."""


def _version() -> NoReturn:
    print(f"fovea {fovea.__version__}")
    raise typer.Exit


@app.command(epilog="[bold]Example:[/bold]  fovea train photos --epochs 20 --augment shift,flip")
def train(
    context: typer.Context,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Folder of pictures or IDX files, or digits.")
    ] = "digits",
    model: Annotated[
        str, typer.Option(help="Built-in architecture, or a trained model to go on from.")
    ] = "lenet5",
    epochs: Annotated[int, typer.Option(min=1, help="How often to go through all pictures.")] = 10,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures in a step.")] = 64,
    optimizer: Annotated[str, typer.Option(help="sgd or adam.")] = "sgd",
    learning_rate: Annotated[
        float | None, typer.Option(help="The highest.", show_default="0.05 sgd, 0.001 adam")
    ] = None,
    schedule: Annotated[str, typer.Option(help="constant, step, cosine or one-cycle.")] = "one-cycle",
    augment: Annotated[
        str, typer.Option(help="Of shift, flip, rotate, crop; with strengths: shift=0.1,flip.")
    ] = "none",
    seed: Annotated[int, typer.Option(min=0, help="Where all random numbers come from.")] = 0,
    precision: Precision = None,
    threads: Threads = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with the run in this folder.")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="The run folder.", show_default="a new one in runs/classify"),
    ] = None,
    debug: Debug = False,
) -> None:
    """Train a classifier on a folder of pictures; Ctrl-C saves, --resume goes on."""
    from fovea.apps import classify, models, progress

    _set_threads(threads)
    if resume is not None:
        free = ("resume", "threads", "debug")
        given = [name for name in context.params if name not in free and _is_given(context, name)]
        if given:
            _usage(f"--resume takes all else from the run: leave out {', '.join(given)}")
        run = classify.resume(resume, progress.shown())
    else:
        _understand(classify.check, optimizer, learning_rate, schedule, augment)
        _understand(models.check_precision, precision)
        run = classify.train(
            data, model, epochs=epochs, batch_size=batch_size, optimizer=optimizer,
            learning_rate=learning_rate, schedule=schedule, augment=augment, seed=seed,
            precision=precision, out=out, progress=progress.shown(),
        )  # fmt: skip
    assert run.folder is not None
    print(f"best: epoch {run.best_epoch}; {_measured(run.metrics)}")
    _tell_of_bad(run.bad, run.folder.bad_images)
    print(f"all of it is in {run.folder.path}; now try: fovea predict {run.folder.path} PICTURE")


@app.command(epilog="[bold]Example:[/bold]  fovea evaluate runs/classify/train photos")
def evaluate(
    model: Trained,
    data: Annotated[str, typer.Argument(metavar="DATA", help="Folder of pictures or IDX files, or digits.")],
    as_json: Json = False,
    precision: Precision = None,
    threads: Threads = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="The folder to write.", show_default="a new one in runs/classify"),
    ] = None,
    debug: Debug = False,
) -> None:
    """Measure a model: accuracy, each class, which classes it confuses, and its worst mistakes."""
    from fovea.apps import evaluate as app
    from fovea.apps import models
    from fovea.apps.counter import Counter

    _understand(models.check_precision, precision)
    _set_threads(threads)
    with Counter("measuring") as counter:
        found = app.evaluate(model, data, precision=precision, out=out, progress=counter)
    pairs = found.mistakes.pairs()
    if as_json:
        rest = {"confused": pairs, "bad_images": found.bad, "folder": str(found.folder.path)}
        print(json.dumps({**found.metrics, **rest}, indent=2))
        return
    print(_measured(found.metrics))
    width = max(map(len, found.metrics["per_class"]))
    for name, accuracy in found.metrics["per_class"].items():
        print(f"  {name:{width}}  {_percent(accuracy)}")
    for pair in pairs[:5]:
        print(f"{pair['n']} × {pair['class']} taken for {pair['predicted']}, for example {pair['files'][0]}")
    _tell_of_bad(found.bad, found.folder.bad_images)
    print(f"confusion matrix, worst mistakes and the files behind them are in {found.folder.path}")


@app.command(epilog="[bold]Example:[/bold]  fovea predict runs/classify/train cat.jpg holiday/")
def predict(
    model: Trained,
    places: Annotated[
        list[str], typer.Argument(metavar="IMAGE_OR_FOLDER...", help="Pictures, and folders of them.")
    ],
    as_json: Json = False,
    csv: Annotated[str | None, typer.Option(metavar="FILE", help="Write a table to this file.")] = None,
    precision: Precision = None,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Say what is in pictures. Exit code 1 where none of them could be read."""
    from fovea.apps import models
    from fovea.apps import predict as app
    from fovea.apps.counter import Counter

    if as_json and csv is not None:
        _usage("--json and --csv exclude each other")
    _understand(models.check_precision, precision)
    _set_threads(threads)
    network = models.trained(model, precision)
    entries = []
    with Counter("reading") as counter:
        for entry in app.predict(network, places, progress=counter):
            entries.append(entry)
            if not as_json and entry["error"]:
                print(f"fovea: {entry['file']}: {entry['error']}", file=sys.stderr)
            elif not as_json and csv is None:
                print(f"{entry['file']}\t{entry['class']}\t{entry['probabilities'][entry['class']]:.2%}")
    if as_json:
        print(json.dumps(entries, indent=2))
    if csv is not None:
        app.write_csv(csv, entries, models.class_names(network))
        print(f"{len(entries)} lines written to {csv}")
    if all(entry["error"] for entry in entries):
        raise typer.Exit(1)


@app.command(epilog="[bold]Example:[/bold]  fovea summary lenet5")
def summary(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Model file, run folder or built-in architecture.")
    ],
    debug: Debug = False,
) -> None:
    """Show a network's layers, what each costs, and what a fully connected one in its place would."""
    from fovea.apps import models

    print(models.any_of(model).summary())


@app.command(epilog="[bold]Example:[/bold]  fovea cache --empty")
def cache(
    empty: Annotated[
        bool, typer.Option("--empty", help="Delete what is in it; it is made again when needed.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Say where compiled kernels and decoded pictures are kept, and how large they are."""
    from fovea import caching

    root = caching.root()
    print(root)
    for name in ("kernels", "pictures"):
        print(f"  {name:8}  {_bytes(caching.size(root / name)):>9}")
    if empty:
        print(f"freed {_bytes(caching.empty(root))}")


def _set_threads(threads: int | None) -> None:
    from fovea import engine

    if engine.current() == "halide":
        from fovea.kernels import runtime

        runtime.set_threads(threads)
        runtime.threads()  # complains of a wrong FOVEA_THREADS now, before anything is done


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _understand(check: Callable[..., object], *values: Any) -> None:
    """Wrong values of options are a wrong command."""
    try:
        check(*values)
    except FoveaError as error:
        _usage(str(error))


def _usage(text: str) -> NoReturn:
    raise typer.BadParameter(text)


def _measured(metrics: dict[str, Any]) -> str:
    where = "all pictures" if metrics["split"] == "all" else metrics["split"]
    loss = "not a number" if metrics["loss"] is None else f"{metrics['loss']:.4f}"
    words = (
        f"top-1 {_percent(metrics['top1']).strip()}",
        f"top-5 {_percent(metrics['top5']).strip()}",
        f"loss {loss}",
    )
    return f"{where} ({metrics['n']:,}): {', '.join(words)}"


def _percent(share: float | None) -> str:
    """ " 98.70%", or that there was nothing to measure."""
    return "no pictures" if share is None else f"{share:7.2%}"


def _tell_of_bad(bad: dict[str, str], listed: Any) -> None:
    if bad:
        print(f"{len(bad)} pictures could not be read and were passed over: {listed}")


def _bytes(count: int) -> str:
    """1.5 MB"""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError


if __name__ == "__main__":
    main()
