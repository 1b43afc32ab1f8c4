"""The command `fovea look`."""

from collections.abc import Callable
from importlib.util import find_spec

from fovea.errors import FoveaError, install, mismatch
from fovea.web.serve import address, is_open_to_others, listen, serve


def look(
    model: str, data: str | None, run: str | None, *, host: str, port: int, open_browser: bool,
    say: Callable[[str], object],
) -> None:  # fmt: skip
    """Serve the page until Ctrl-C. Raises FoveaError."""
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise FoveaError(mismatch("fovea look", "starlette and uvicorn", f"no {missing[0]}", install("web")))
    from fovea.apps.counter import Counter
    from fovea.apps.look.session import Look
    from fovea.web.app import make

    listener = listen(host, port)  # first, because it fails most often
    try:
        session = Look(model, data, run)
        with Counter("compiling") as counter:
            session.warm(counter)
        page = address(listener)

        def ready() -> None:
            if is_open_to_others(listener):
                say("anyone who can reach this machine can open the page, without a password")
            say(f"{page} shows {model}; Ctrl-C ends it")
            if open_browser:
                import webbrowser

                webbrowser.open(page)

        serve(make(session, [host]), listener, ready)
        say("ended")
    finally:
        listener.close()
