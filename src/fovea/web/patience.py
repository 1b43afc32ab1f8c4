"""Time limits of connections, and their number.

A client that sends its request, or reads its answer, a byte at a time would hold a connection forever, and
many such clients would block the server. A request may take `SECONDS` plus its bytes / `RATE`; sending an
answer must progress within `SECONDS`. Between requests, uvicorn's own time-out closes a connection.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 5.0
RATE = 128 << 10  # bytes per second of a request: a slow wireless network
MOST = 128  # connections: a browser opens six
_EVERY = 0.5  # seconds between checks of a connection


class Patient(H11Protocol):
    """uvicorn's HTTP protocol with time limits."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._begin()
        self._unsent = 0  # bytes of an answer that the client has not read
        self._moved = self.loop.time()
        self._timer: asyncio.TimerHandle | None = None
        if len(self.connections) > MOST:
            transport.abort()
        else:
            self._check()

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)

    def on_response_complete(self) -> None:
        self._begin()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _begin(self) -> None:
        """Start the clock of the next request."""
        self._since, self._received = self.loop.time(), 0

    def _check(self) -> None:
        now, unsent = self.loop.time(), self.transport.get_write_buffer_size()
        if unsent != self._unsent or not unsent:
            self._unsent, self._moved = unsent, now
        asking = self.conn.their_state in (h11.IDLE, h11.SEND_BODY)
        slow = asking and now - self._since > SECONDS + self._received / RATE
        if slow or now - self._moved > SECONDS:
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(_EVERY, self._check)
