"""The server: its socket, its run until Ctrl-C, and its address."""

import errno
import socket
import sys
from collections.abc import Callable
from typing import Any

from fovea.errors import FoveaError, mismatch

LOOPBACK = "127.0.0.1"
PATIENCE = 1  # seconds for open requests when the server stops


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises FoveaError if host or port cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        if sys.platform != "win32":  # where it would allow two servers on one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise FoveaError(_explained(host, port, error)) from error
    return listener


def serve(app: Any, listener: socket.socket, ready: Callable[[], object] = lambda: None) -> None:
    """Answer requests until Ctrl-C; `ready` is called before the first."""
    try:
        server(app, ready).run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn has closed everything and re-raises it
        pass
    finally:
        listener.close()


def server(app: Any, ready: Callable[[], object]) -> Any:
    """uvicorn's server of `app`."""
    import uvicorn

    from fovea.web.patience import Patient

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets=sockets)
            ready()

    config = uvicorn.Config(
        app, log_level="error", access_log=False, lifespan="off", ws="none", server_header=False,
        http=Patient, timeout_graceful_shutdown=PATIENCE,
    )  # fmt: skip
    return Server(config)


def address(listener: socket.socket) -> str:
    """The URL for the browser."""
    host, port = listener.getsockname()[:2]
    host = LOOPBACK if host == "0.0.0.0" else "::1" if host == "::" else host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def is_open_to_others(listener: socket.socket) -> bool:
    """True if other machines can connect."""
    host = listener.getsockname()[0]
    return not (host.startswith("127.") or host == "::1")


def _explained(host: str, port: int, error: Exception) -> str:
    if isinstance(error, OverflowError):
        return mismatch("port", "a number from 0 to 65535", port)
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return mismatch(
            f"port {port}", "a free port", "one in use", "choose another with --port, or any with --port 0"
        )
    if code == errno.EACCES:
        return mismatch(
            f"port {port}", "an unprivileged port", "one below 1024", "choose another with --port"
        )
    reason = getattr(error, "strerror", None) or str(error)
    return mismatch(
        f"host {host}",
        "an address of this machine",
        reason,
        "leave out --host to listen to this machine only",
    )
