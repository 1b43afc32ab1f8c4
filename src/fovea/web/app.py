"""The routes of the page and their handlers."""

from collections.abc import Callable, Sequence
from importlib.resources import files
from math import prod
from typing import Any

import anyio
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fovea.apps.look.session import Look
from fovea.errors import FoveaError
from fovea.web import wire
from fovea.web.guard import Busy, Guard, TooLarge, too_large
from fovea.web.questions import READ, SENT, UPLOADS, Handler

MOST_LETTERS = 2000  # of an error, which may quote the request
QUESTION = 4 << 20  # bytes of a request without its picture: parsed JSON takes much more memory

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def make(look: Look, names: Sequence[str] = ()) -> Guard:
    """The application; `names` are the server's names beside "localhost"."""
    turns = anyio.CapacityLimiter(1)  # a network computes on all cores: requests wait for each other
    uploads = anyio.CapacityLimiter(1)  # a large picture takes seconds: only other uploads wait for it
    longest = QUESTION + 2 * prod(look.network.input_shape)  # bytes, with a picture in base64

    async def reply(handler: Handler, given: Any, limiter: anyio.CapacityLimiter = turns) -> Response:
        try:
            answer, arrays = await run_sync(handler, look, given, limiter=limiter)
        except FoveaError as error:
            return JSONResponse({"error": str(error)[:MOST_LETTERS]}, 400)
        return Response(wire.pack(answer, arrays), media_type=wire.TYPE)

    def read(handler: Handler) -> Callable[..., Any]:
        async def get(request: Request) -> Response:
            return await reply(handler, dict(request.query_params))

        return get

    def sent(name: str, handler: Handler) -> Callable[..., Any]:
        async def post(request: Request) -> Response:
            try:
                body = await request.body()
            except ClientDisconnect:
                return Response(status_code=400)  # nobody receives it
            if name in UPLOADS:
                return await reply(handler, body, uploads)
            if len(body) > longest:
                return await _too_large(request, TooLarge())
            return await reply(handler, body)

        return post

    routes = [Route(path, _asset(content, kind)) for path, (content, kind) in assets().items()]
    routes += [Route(f"/api/{name}", read(handler), methods=["GET"]) for name, handler in READ.items()]
    routes += [Route(f"/api/{name}", sent(name, handler), methods=["POST"]) for name, handler in SENT.items()]
    handlers: dict[Any, Any] = {
        HTTPException: _refused,
        TooLarge: _too_large,
        Busy: _busy,
        Exception: _broken,
    }
    return Guard(Starlette(routes=routes, exception_handlers=handlers), names)


def assets() -> dict[str, tuple[bytes, str]]:
    """The page's files by address, read once: no request is ever turned into a path."""
    contents = {}
    for file in (files("fovea.web") / "static").iterdir():
        kind = _TYPES.get(file.name.rpartition(".")[2])
        if kind:
            address = "/" if file.name == "index.html" else f"/static/{file.name}"
            contents[address] = (file.read_bytes(), kind)
    return contents


def _asset(content: bytes, kind: str) -> Callable[..., Any]:
    async def get(request: Request) -> Response:
        return Response(content, media_type=kind)

    return get


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": f"{request.method} {request.url.path}: {error.detail}"}, error.status_code)


async def _too_large(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": too_large()}, 413, {"Connection": "close"})


async def _busy(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "too many large requests at once: try again"}, 503, {"Connection": "close"})


async def _broken(request: Request, error: Exception) -> Response:
    """A bug in Fovea itself: the terminal shows the traceback, the browser only the type of the error."""
    return JSONResponse({"error": f"internal error, {type(error).__name__}: see the terminal"}, 500)
