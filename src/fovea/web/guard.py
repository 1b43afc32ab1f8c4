"""Checks of every request: its host, its origin and its size.

Any page that is open in the same browser can send requests to this machine, and a name on the internet can
be made to resolve to it. So a request is answered only

    - if its host is "localhost" or an IP address, and not another name (DNS rebinding)
    - if it comes from a page of this server, by Origin and Sec-Fetch-Site, or was typed into the address bar
    - up to LIMIT bytes, and TOGETHER of all concurrent requests

and every reply forbids the browser to load anything from elsewhere. https://fetch.spec.whatwg.org,
https://www.w3.org/TR/CSP3.
"""

import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

# RFC 9112, 3.2: a name or number and a port, without user and path
_HOST = re.compile(r"(\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[^\s:/?#@\[\]\\]+))(:[0-9]{1,5})?")
LIMIT = 24 << 20  # bytes of a request: a large photograph
TOGETHER = 4 * LIMIT  # bytes of all requests that are being answered

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


class TooLarge(Exception):
    """A request has more than LIMIT bytes."""


class Busy(Exception):
    """All concurrent requests have more than TOGETHER bytes."""


class Guard:
    """ASGI middleware around `app`; `names` are the server's names beside "localhost" and IP addresses."""

    def __init__(self, app: Any, names: Sequence[str] = ()) -> None:
        self.app = app
        self.names = {"localhost", *(name.lower() for name in names)}
        self.held = 0  # bytes of the requests that are being answered

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":  # the only other kind here is "lifespan", the server's start and end
            return await self.app(scope, receive, send) if scope["type"] == "lifespan" else None
        headers, got = Headers(scope=scope), 0

        async def counted() -> Any:
            nonlocal got
            message = await receive()
            size = len(message.get("body", b""))
            got, self.held = got + size, self.held + size
            if got > LIMIT:
                raise TooLarge
            if self.held > TOGETHER:
                raise Busy
            return message

        async def marked(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        status, why = self.refusal(headers)
        if status:
            return await JSONResponse({"error": why}, status)(scope, receive, marked)
        try:
            return await self.app(scope, counted, marked)
        finally:
            self.held -= got

    def refusal(self, headers: Headers) -> tuple[int, str]:
        """The status and the reason to refuse a request; (0, "") for a valid one."""
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._is_own(host):
            return 403, "the request is for another host: open the address that fovea look printed"
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site", "none")
        if (origin is not None and origin.lower() != f"http://{host.lower()}") or site not in (
            "same-origin",
            "none",
        ):
            return 403, "the request comes from another site: open the page by typing its address"
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or int(length) > LIMIT:
            return 413, too_large()
        return 0, ""

    def _is_own(self, host: str) -> bool:
        parts = _HOST.fullmatch(host.lower())
        if parts is None:
            return False
        try:  # an IP address involves no name server
            return ip_address(parts["six"] or parts["name"]).version == (6 if parts["six"] else 4)
        except ValueError:
            return parts["name"] in self.names


def too_large() -> str:
    return f"the request is larger than {LIMIT >> 20} megabytes: make the picture smaller"
