"""HTTP as the service reads it, over real sockets: strict, one request after the other, and nobody holds it up."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace

import pytest

from tests.stored_models import measured, stored_model
from tune.dashboard_guard import Rules
from tune.deployment import wire_http
from tune.deployment.classifier import OnnxClassifier
from tune.deployment.onnx_model import to_onnx
from tune.deployment.queries import LARGEST_BODY
from tune.deployment.service import MOST_AT_ONCE, Reply, Service
from tune.deployment.wire_http import LARGEST_HEAD, Connection

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]
SERVICE = Service(OnnxClassifier(to_onnx(stored_model("gru", {"hidden_size": 4})), "toy.onnx"), Rules())
BODY = json.dumps({"sequences": [measured().sequence(0).tolist()]}).encode()
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
PREDICT = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
WHOLE = PREDICT + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


def said(talk: Talk) -> bytes:
    """All that the service says to one connection."""

    async def run() -> bytes:
        state = SimpleNamespace(connections=set(), tasks=set(), total_requests=0)
        config = SimpleNamespace(app=SERVICE)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(config, state, {}), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            return await asyncio.wait_for(talk(reader, writer), 60)
        finally:
            writer.close()
            server.close()
            await server.wait_closed()

    return asyncio.run(run())


def sent(*pieces: bytes) -> bytes:
    """What is answered to some bytes, sent one piece after the other, until the service ends the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        writer.write_eof()
        return await reader.read()

    return said(talk)


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def test_requests_are_answered_one_after_the_other() -> None:
    answer = sent(HEALTH + WHOLE + HEALTH)
    assert statuses(answer) == [200, 200, 200]
    assert answer.index(b'"status":"ok"') < answer.index(b'"predictions"') < answer.rindex(b'"status":"ok"')


def test_requests_that_come_at_the_same_time_are_answered_together_each_on_its_own() -> None:
    lonely = json.loads(sent(WHOLE).partition(b"\r\n\r\n")[2])
    far_away = json.dumps({"sequences": [[[1e12, *step[1:]] for step in measured().sequence(0).tolist()]]}).encode()
    wrong = [BODY.replace(b"sequences", b"sequence"), far_away.replace(b"1000000000000.0", b"9e99")]
    bodies = [BODY, wrong[0], BODY, wrong[1], *[BODY] * 16]

    async def run() -> tuple[list[bytes], list[int]]:
        state = SimpleNamespace(connections=set(), tasks=set(), total_requests=0)
        sizes: list[int] = []
        service = Service(SERVICE.classifier, Rules())
        predict_all = service.predict_all

        def counted(bodies: Sequence[bytes]) -> list[Reply]:
            sizes.append(len(bodies))
            return predict_all(bodies)

        service.predict_all = counted  # type: ignore[method-assign]
        loop = asyncio.get_running_loop()
        config = SimpleNamespace(app=service)
        server = await loop.create_server(lambda: Connection(config, state, {}), "127.0.0.1", 0)
        pairs = [await asyncio.open_connection(*server.sockets[0].getsockname()) for _ in bodies]
        await asyncio.sleep(0.1)
        for (_, writer), body in zip(pairs, bodies, strict=True):
            writer.write(PREDICT + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            writer.write_eof()
        said = [await asyncio.wait_for(reader.read(), 60) for reader, _ in pairs]
        for _, writer in pairs:
            writer.close()
        server.close()
        await server.wait_closed()
        return said, sizes

    said, sizes = asyncio.run(run())
    assert [statuses(one) for one in said] == [[422] if body in wrong else [200] for body in bodies]
    assert 1 < max(sizes) <= MOST_AT_ONCE
    for one, body in zip(said, bodies, strict=True):
        if body not in wrong:
            (found,) = json.loads(one.partition(b"\r\n\r\n")[2])["predictions"]
            (expected,) = lonely["predictions"]
            assert found["class"] == expected["class"]
            assert found["probability"] == pytest.approx(expected["probability"], abs=1e-5)


def test_a_failure_is_an_answer_to_all_who_wait() -> None:
    said: list[int] = []

    async def run() -> None:
        service = Service(SERVICE.classifier, Rules())
        service.classifier = None  # type: ignore[assignment]
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: said.append(0))
        for _ in range(3):
            service.predict_soon(BODY, lambda reply: said.append(reply.status))
        await asyncio.sleep(0.05)

    asyncio.run(run())
    assert said == [500, 500, 500, 0]


def test_a_request_may_come_in_pieces() -> None:
    assert sent(*(WHOLE[k : k + 7] for k in range(0, len(WHOLE), 7))) == sent(WHOLE)


def test_a_large_body_is_answered_in_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_http, "is_large", lambda body: len(body) > 10)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(WHOLE + HEALTH)
        return await reader.readuntil(b'"status":"ok"}')

    assert statuses(said(talk)) == [200, 200]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /health HTTP/2.0\r\nHost: localhost\r\n\r\n", 400),
        (b"get /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET  /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\nY: b\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\n\r\n", 403),
        (PREDICT + b"Content-Length: +5\r\n\r\n", 400),
        (PREDICT + b"Content-Length: -5\r\n\r\n", 400),
        (PREDICT + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (PREDICT + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (PREDICT + b"Content-Length: %d\r\n\r\n" % (LARGEST_BODY + 1), 413),
        (b"GET /" + b"a" * LARGEST_HEAD + b" HTTP/1.1\r\n", 431),
        (b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    ],
)
def test_what_is_not_clear_ends_the_connection(request_: bytes, status: int) -> None:
    answer = sent(request_ + HEALTH)
    assert statuses(answer) == [status]
    assert b"connection: close" in answer


def test_head_gives_no_body_and_close_closes() -> None:
    answer = sent(
        HEALTH.replace(b"GET", b"HEAD") + HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + HEALTH
    )
    assert statuses(answer) == [200, 200]
    assert answer.count(b'"status"') == 1
    assert statuses(sent(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n" + HEALTH)) == [200]


def test_who_waits_is_told_to_go_on() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(PREDICT + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        await reader.readline()
        writer.write(BODY)
        return await reader.readuntil(b"]}")

    assert statuses(said(talk)) == [200]


def test_who_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_http, "PATIENCE_SECONDS", 0.05)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"GET /health HT")
        return await reader.read()

    assert said(talk) == b""


def test_too_many_connections_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_http, "MOST_CONNECTIONS", 0)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        return await reader.read()

    assert statuses(said(talk)) == [503]
