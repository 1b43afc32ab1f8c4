"""What the commands have in common: the application, options by their types, and wrong use."""

import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NoReturn

import typer
import typer.core

from fovea.errors import FoveaError
from fovea.names import say, visible


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
    int | None, typer.Option(min=1, max=1024, help="Number of threads.", show_default="all cores")
]
Debug = Annotated[bool, typer.Option(DEBUG, help="Show the full traceback of an error.")]
Json = Annotated[bool, typer.Option("--json", help="Print only JSON on standard output.")]
Precision = Annotated[
    str | None,
    typer.Option(
        help="fast, or exact: without Winograd's algorithm, which rounds more.", show_default="the model's"
    ),
]
Trained = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model file, or a run folder (its best model).")
]


def set_threads(threads: int | None) -> None:
    from fovea import engine

    if engine.current() == "halide":
        from fovea.kernels import runtime

        runtime.set_threads(threads)
        runtime.threads()  # complains of a wrong FOVEA_THREADS now, before anything is done


def is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def or_usage_error(check: Callable[..., Any], *values: Any) -> Any:
    """What `check` makes of options; wrong values of them are a wrong command."""
    try:
        return check(*values)
    except FoveaError as error:
        usage(str(error))


def pictures(count: int) -> str:
    return f"{count:,} picture{'' if count == 1 else 's'}"


def warn(line: str) -> None:
    """A line on standard error, which leaves what others read on standard output alone."""
    print(f"fovea: {visible(line)}", file=sys.stderr)


def skipped(bad: Mapping[str, str], listed: object) -> None:
    """Say how many pictures could not be read, and where the reasons are."""
    if bad:
        say(f"skipped {pictures(len(bad))}; the reasons are in {listed}")


def usage(text: str) -> NoReturn:
    raise typer.BadParameter(text)
