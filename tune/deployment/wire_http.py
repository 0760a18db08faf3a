"""HTTP/1.1 for the service, as a protocol of uvicorn: strict, and quick enough not to take longer than the network.

uvicorn keeps the sockets, the signals and the end. Its own parser in Python takes twice the time of a default network,
and what is offered here is little: requests with a known length, one after the other on a connection. What RFC 9112
leaves open or lets a server repair (folded headers, two lengths, chunks, blanks before a colon) is refused, so that a
proxy in front and this parser cannot understand one request differently (section 11.2, request smuggling).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from time import monotonic
from typing import Any

from .queries import LARGEST_BODY
from .service import PREDICT, Refused, Reply, Service, described, is_large

LARGEST_HEAD = 16_384
MOST_CONNECTIONS = 256
# Without a byte, or with a request that does not come to its end.
PATIENCE_SECONDS = 30.0
REQUEST_LINE = re.compile(rb"([A-Z]{1,20}) (/[\x21-\x7e]*) HTTP/1\.([01])")
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*?)[ \t]*")
ONCE = frozenset({b"host", b"content-length", b"content-type", b"authorization", b"origin"})
STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Head:
    """What stands above a request's body.

    Args:
        text: Without the empty line.

    Attributes:
        method: In capitals.
        path: Without what follows a question mark.
        headers: Names in small letters.
        length: Of the body.
        keep_alive: Whether another request may follow.

    Raises:
        Refused: If it is not as it must be.
    """

    def __init__(self, text: bytes) -> None:
        first, *lines = text.split(b"\r\n")
        line = REQUEST_LINE.fullmatch(first)
        if line is None:
            raise Refused(400, "This is no request of HTTP/1.1.")
        self.method, self.path = line[1].decode(), line[2].decode().split("?", 1)[0]
        self.headers: dict[bytes, bytes] = {}
        for one in lines:
            found = HEADER.fullmatch(one)
            if found is None:
                raise Refused(400, "A header is not as it must be.")
            name = found[1].lower()
            if name in self.headers and name in ONCE:
                raise Refused(400, f"The header {name.decode()} stands there twice.")
            self.headers[name] = found[2]
        if b"transfer-encoding" in self.headers:
            raise Refused(411, "Send the header Content-Length instead of chunks.")
        length = self.headers.get(b"content-length", b"0")
        if not re.fullmatch(rb"[0-9]{1,12}", length):
            raise Refused(400, "Content-Length is no number.")
        self.length = int(length)
        if self.length > LARGEST_BODY:
            raise Refused(413, f"A request has at most {LARGEST_BODY:,} bytes.")
        asked = self.headers.get(b"connection", b"").lower()
        self.keep_alive = asked != b"close" and (line[3] == b"1" or asked == b"keep-alive")


class Connection(asyncio.Protocol):
    """One connection; made by uvicorn, whose ``config.app`` is the ``Service``.

    Args:
        config: Of uvicorn.
        server_state: Of uvicorn: all connections, and the tasks that it waits for at its end.
        app_state: Not used.
        _loop: Not used.
    """

    def __init__(self, config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> None:
        self.service: Service = config.app
        self.state = server_state
        self.buffer = bytearray()
        self.head: Head | None = None
        self.busy = self.closing = self.ended = False
        self.timer: asyncio.TimerHandle | None = None
        self.last_sign = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes part, unless there are too many already."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.state.connections.add(self)
        self._wait()
        if len(self.state.connections) > MOST_CONNECTIONS:
            self._refuse(Refused(503, "Too many ask at once."))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self.state.connections.discard(self)
        self.closing = True
        if self.timer is not None:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answers every request that is whole."""
        self.buffer += data
        self._go_on()

    def eof_received(self) -> bool:
        """Whoever has nothing more to ask may still be waiting for an answer."""
        self.ended = True
        return self.busy

    def pause_writing(self) -> None:
        """Reads no further requests of who does not read the answers."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Goes on."""
        if not self.closing:
            self.transport.resume_reading()

    def shutdown(self) -> None:
        """Called by uvicorn at its end: what is being answered is still answered."""
        self.closing = True
        if not self.busy:
            self.transport.close()

    def _go_on(self) -> None:
        try:
            while not self.busy and not self.closing and self._next():
                pass
        except Refused as refused:
            self._refuse(refused)

    def _next(self) -> bool:
        """Answers the next request, if it is whole.

        Raises:
            Refused: If the connection cannot go on.
        """
        if self.head is None:
            end = self.buffer.find(b"\r\n\r\n", 0, LARGEST_HEAD)
            if end < 0:
                if len(self.buffer) > LARGEST_HEAD:
                    raise Refused(431, f"The headers have more than {LARGEST_HEAD:,} bytes.")
                return False
            self.head = Head(bytes(self.buffer[:end]))
            del self.buffer[: end + 4]
            # Before the body is read: who is refused need not be listened to.
            self.service.admit(self.head.method, self.head.path, self.head.headers)
            if self.head.headers.get(b"expect", b"").lower() == b"100-continue" and len(self.buffer) < self.head.length:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        head = self.head
        if len(self.buffer) < head.length:
            return False
        body = bytes(self.buffer[: head.length])
        del self.buffer[: head.length]
        self.head = None
        self.state.total_requests += 1
        self._wait()
        if is_large(body):
            self.busy = True
            self.transport.pause_reading()
            task = asyncio.get_running_loop().create_task(self._respond_later(head, body))
            self.state.tasks.add(task)
            task.add_done_callback(self.state.tasks.discard)
        elif head.path == PREDICT and len(self.state.connections) > 1:
            self.busy = True
            self.service.predict_soon(body, partial(self._answered, head))
        else:
            self._send(self.service.respond(head.method, head.path, body), head)
        return True

    async def _respond_later(self, head: Head, body: bytes) -> None:
        reply = await asyncio.to_thread(self.service.respond, head.method, head.path, body)
        if not self.transport.is_closing():
            self.transport.resume_reading()
        self._answered(head, reply)

    def _answered(self, head: Head, reply: Reply) -> None:
        self.busy = False
        if not self.transport.is_closing():
            self._send(reply, head)
            self._go_on()
            if self.ended and not self.busy:
                self.transport.close()

    def _send(self, reply: Reply, head: Head | None) -> None:
        stays = head is not None and head.keep_alive and not self.closing
        lines = [STATUS_LINES[reply.status], *(name + b": " + value + b"\r\n" for name, value in described(reply))]
        lines.append(b"\r\n" if stays else b"connection: close\r\n\r\n")
        if head is None or head.method != "HEAD":
            lines.append(reply.body)
        self.transport.write(b"".join(lines))
        if not stays:
            self.closing = True
            self.transport.close()

    def _refuse(self, refused: Refused) -> None:
        """Says why, and ends the connection: what follows in it is not to be trusted to be a request."""
        head, self.head = self.head, None
        if head is not None:
            head.keep_alive = False
        self.buffer.clear()
        self._send(refused.reply, head)

    def _wait(self) -> None:
        """Gives who asks some time from now; a timer of its own for every request would take longer than its head."""
        self.last_sign = monotonic()
        if self.timer is None:
            self._wait_for(PATIENCE_SECONDS)

    def _wait_for(self, seconds: float) -> None:
        end: Callable[[], None] = self._look_at_the_time
        self.timer = asyncio.get_running_loop().call_later(seconds, end)

    def _look_at_the_time(self) -> None:
        left = self.last_sign + PATIENCE_SECONDS - monotonic()
        if self.busy or left > 0:
            self._wait_for(PATIENCE_SECONDS if self.busy else left)
        else:
            self.closing = True
            self.transport.close()
