"""uvicorn's HTTP/1.1, with an end to everything that a client may hold back or heap up."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_CONNECTIONS = 256
# For a request to come to its end, for its answer to be read, and until the next request begins.
PATIENCE_SECONDS = 30.0
# The same after a signal; whatever stops a service waits for ten seconds and more before it kills it.
LAST_PATIENCE_SECONDS = 5.0
LARGEST_HEAD, MOST_HEADERS = 16_384, 100
# Requests that wait on one connection for the answer to another.
MOST_AHEAD = 16
TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Connection(HttpToolsProtocol):
    """One connection; made by uvicorn."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes part; of too many, the one ends that has kept the service waiting longest."""
        super().connection_made(transport)
        self.in_head, self.head_size, self.piece_size = False, 0, 0
        self.since, self.patience = self.loop.time(), PATIENCE_SECONDS
        self.timer = self.loop.call_later(self.patience, self._look_at_the_time)
        if len(self.connections) > MOST_CONNECTIONS:
            others = (one for one in self.connections if isinstance(one, Connection) and one is not self)
            waiting = [one for one in others if not (one.is_answered or one.transport.is_closing())]
            if waiting:
                min(waiting, key=lambda one: one.since).transport.abort()
            else:
                transport.write(TOO_MANY)
                transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self.timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on, unless the last request has come to its end."""
        self.piece_size = len(data)
        if self.head_size > LARGEST_HEAD:
            self.send_400_response(f"The headers have more than {LARGEST_HEAD:,} bytes.")
        elif self.cycle is None or self.cycle.keep_alive or self.cycle.more_body:
            super().data_received(data)
            self.head_size += self.piece_size if self.in_head else 0

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whoever has nothing more to ask may still be waiting for an answer."""
        super().shutdown()
        return self.cycle is not None and not self.cycle.more_body

    def shutdown(self) -> None:
        """Called by uvicorn at its end: what has been read is still answered, if somebody reads the answer."""
        super().shutdown()
        self.patience = LAST_PATIENCE_SECONDS
        self.timer.cancel()
        self._look_at_the_time()

    def send_400_response(self, msg: str) -> None:
        """Called where the parser stops: the requests before are still answered, and the connection ends."""
        if self.cycle is None or self.cycle.response_complete:
            super().send_400_response(msg)
        elif self.cycle.more_body:
            self.transport.abort()
        else:
            self.cycle.keep_alive = False

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        # What came before it in the same piece does not count, nor what follows there: the system bounds a piece.
        self.in_head, self.head_size = True, -self.piece_size
        self.since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; whatever is raised stops the parser."""
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            raise ValueError

    def on_headers_complete(self) -> None:
        """A request is answered from here on, its body being read meanwhile; raising as above."""
        if len(self.pipeline) >= MOST_AHEAD:
            raise ValueError
        self.in_head = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """An answer has been handed over."""
        super().on_response_complete()
        self.since = self.loop.time()

    @property
    def is_answered(self) -> bool:
        """Whether it is the service that has something to do, and not the client."""
        cycle: Any = self.cycle
        return cycle is not None and not (cycle.response_complete or cycle.more_body or self.flow.write_paused)

    def _look_at_the_time(self) -> None:
        left = self.patience if self.is_answered else self.since + self.patience - self.loop.time()
        if left > 0:
            self.timer = self.loop.call_later(left, self._look_at_the_time)
        else:
            self.transport.abort()
