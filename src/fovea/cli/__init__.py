"""The command line: a file for each group of commands. They ask `fovea.apps`, print what it answers, and
turn errors into one line.

Exit codes: 0 for success, 1 for an error, 2 for wrong usage. Slow imports are left to the commands that need
them, so that `fovea predict` starts fast.
"""

import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated, NoReturn

import typer

import fovea
from fovea.cli.common import DEBUG, app, warn
from fovea.errors import FoveaError, FoveaWarning
from fovea.memory import is_short
from fovea.names import say, visible

# isort: off
# Each adds its commands, which are shown in this order.
from fovea.cli import classify, paint, learn_style, inspect, edges, learn_filter, models  # noqa: F401
from fovea.cli import weights, summary, look, exchange, convert, cache  # noqa: F401
# isort: on


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and end the process with its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name that the terminal cannot show is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", FoveaWarning)
            warnings.showwarning = _say
            code = app(arguments, prog_name="fovea", standalone_mode=False) or 0
    except BaseException as error:
        if DEBUG in arguments and not hasattr(error, "exit_code"):
            raise
        code = _report(error)
    sys.exit(code)


def _say(message: Warning | str, *_: object) -> None:
    warn(str(message))


def _report(error: BaseException) -> int:
    """Report an error in one line; returns the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    message = getattr(error, "format_message", None)
    if message is not None:  # typer's own: wrong usage
        command = getattr(getattr(error, "ctx", None), "command_path", "fovea")
        if message():  # empty if the help was printed instead
            print(
                f"{command}: {visible(message().removesuffix('.'))} (see {command} --help)", file=sys.stderr
            )
        return getattr(error, "exit_code", 2)
    if isinstance(error, FoveaError):
        text = str(error)
    elif isinstance(error, KeyboardInterrupt | typer.Abort):
        text = "stopped"
    elif is_short(error):
        text = (
            f"not enough memory ({error}): use a smaller batch, network or pictures, or close other programs"
        )
    elif isinstance(error, OSError):
        text = f"{error.filename or 'system'}: {error.strerror or error}"
    else:
        text = f"internal error, {type(error).__name__}: {error}; run with {DEBUG} for the traceback"
    warn(text)
    return 1


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=lambda on: on and _version())
    ] = False,
) -> None:
    """Train, run and look inside convolutional networks on the processor you already have."""


def _version() -> NoReturn:
    say(f"fovea {fovea.__version__}")
    raise typer.Exit
