"""Shared parts of the commands: the application, arguments and options, usage errors, warnings."""

import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NoReturn

import typer
import typer.core

from fovea.errors import FoveaError
from fovea.names import counted, say, visible


class _Commands(typer.core.TyperGroup):
    """Passes Ctrl-C, with the message of a stopped training, on to `_report`."""

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


def usage(text: str) -> NoReturn:
    raise typer.BadParameter(text)


def or_usage_error(check: Callable[..., Any], *values: Any) -> Any:
    """The result of `check` on options, with its errors turned into usage errors."""
    try:
        return check(*values)
    except FoveaError as error:
        usage(str(error))


def _checked_precision(precision: str | None) -> str | None:
    if precision is not None:
        from fovea.training import trained

        or_usage_error(trained.check_precision, precision)
    return precision


DEBUG = "--debug"
CHOSEN = "chosen for the data"

# Arguments and options that several commands share
Data = Annotated[str, typer.Argument(metavar="DATA", help="Folder of pictures or IDX files, or digits.")]
Pictures = Annotated[list[str], typer.Argument(metavar="IMAGE_OR_FOLDER...", help="Pictures or folders.")]
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="Model file, run folder or built-in architecture.")
]
Trained = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A model file, a run folder (its best model), or a built-in network with weights.",
    ),
]
Architecture = Annotated[
    str | None,
    typer.Option(help="Built-in architecture, or a trained model to continue.", show_default=CHOSEN),
]
Size = Annotated[
    str | None,
    typer.Option(
        metavar="HxW", help="Height and width to resize pictures to.", show_default="theirs, at most 128"
    ),
]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Pictures per step.", show_default=CHOSEN)]
Optimizer = Annotated[
    str | None, typer.Option(help="sgd or adam, with settings: sgd,nesterov.", show_default=CHOSEN)
]
Augment = Annotated[
    str | None,
    typer.Option(help="Random changes to training pictures: flip,pad=4,reflect.", show_default=CHOSEN),
]
Seed = Annotated[int | None, typer.Option(min=0, help="Random seed.", show_default="0")]
Flips = Annotated[
    bool, typer.Option("--flips", help="Average predictions over each picture and its mirror image.")
]
Out = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Folder to write to.", show_default="a new folder in runs"),
]
Threads = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Number of threads.", show_default="all cores")
]
Debug = Annotated[bool, typer.Option(DEBUG, help="Show the full traceback of an error.")]
Json = Annotated[bool, typer.Option("--json", help="Print only JSON on standard output.")]
Precision = Annotated[
    str | None,
    typer.Option(
        help="fast, or exact: without Winograd's algorithm, which rounds more.",
        show_default="the model's",
        callback=_checked_precision,
    ),
]


def set_threads(threads: int | None) -> None:
    from fovea import engine

    if engine.current() == "halide":
        from fovea.kernels import runtime

        runtime.set_threads(threads)
        runtime.threads()  # raises for an invalid FOVEA_THREADS now, before any work


def is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def check_alone(context: typer.Context) -> None:
    """Raise a usage error if options are given beside --resume that the run has settled."""
    free = ("resume", "threads", "debug")
    given = [name for name in context.params if name not in free and is_given(context, name)]
    if given:
        usage(f"--resume takes every other setting from the run: leave out {', '.join(given)}")


def warn(line: str) -> None:
    """Print a line on standard error, so that standard output stays readable by programs."""
    print(f"fovea: {visible(line)}", file=sys.stderr)


def skipped(bad: Mapping[str, str], listed: object) -> None:
    """Report the number of unreadable pictures, and the file with the reasons."""
    if bad:
        say(f"skipped {counted(len(bad), 'picture')}; the reasons are in {listed}")
