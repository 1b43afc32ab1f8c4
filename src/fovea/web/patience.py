"""How long a connection may keep the server waiting, and how many there may be.

A client that sends its request, or reads its answer, a byte at a time would hold a connection for ever, and
many of them the whole server. A request may take `SECONDS`, and what its bytes take at `RATE`; an answer must
move on within `SECONDS`. Between requests, uvicorn's own time-out closes a connection.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 5.0
RATE = 128 << 10  # bytes a second of a request: a slow wireless network
MOST = 128  # connections: a browser opens six
_EVERY = 0.5  # seconds between looks at a connection


class Patient(H11Protocol):
    """uvicorn's HTTP, with an end to its patience."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._begin()
        self._unsent = 0  # bytes of an answer that the client has not read
        self._moved = self.loop.time()
        self._timer: asyncio.TimerHandle | None = None
        if len(self.connections) > MOST:
            transport.abort()
        else:
            self._look()

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
        """Wait for a request from now on."""
        self._since, self._received = self.loop.time(), 0

    def _look(self) -> None:
        now, unsent = self.loop.time(), self.transport.get_write_buffer_size()
        if unsent != self._unsent or not unsent:
            self._unsent, self._moved = unsent, now
        asking = self.conn.their_state in (h11.IDLE, h11.SEND_BODY)
        slow = asking and now - self._since > SECONDS + self._received / RATE
        if slow or now - self._moved > SECONDS:
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(_EVERY, self._look)
