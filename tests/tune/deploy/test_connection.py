"""HTTP as the service reads it, over real sockets: one request after the other, and nobody holds it up."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import pytest
import uvicorn
from fastapi import FastAPI
from uvicorn.server import ServerState

from tests.attacks import PIECES, attack_with_a_header, attack_without_reading, serving
from tests.stored_models import measured, stored_model
from tune.core.listening import Rules
from tune.deploy import connection, service
from tune.deploy.classifier import OnnxClassifier
from tune.deploy.connection import LARGEST_HEAD, MOST_AHEAD, MOST_HEADERS, Connection
from tune.deploy.onnx_model import to_onnx
from tune.deploy.service import LARGEST_BODY, MOST_AT_ONCE

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
Talk = Callable[[Reader, Writer], Awaitable[bytes]]
CLASSIFIER = OnnxClassifier(to_onnx(stored_model("gru", {"hidden_size": 4})), "toy.onnx")
BODY = json.dumps({"sequences": [measured().sequence(0).tolist()]}).encode()
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
PREDICT = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
WHOLE = PREDICT + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


def said(*talks: Talk, app: FastAPI | None = None) -> list[bytes]:
    """All that the service says to each of several connections."""

    async def run() -> list[bytes]:
        application = app or service.service(CLASSIFIER, Rules())
        config = uvicorn.Config(application, ws="none", lifespan="off", log_config=None, access_log=False)
        state, loop = ServerState(), asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(config, state, {}), "127.0.0.1", 0)
        pairs = [await asyncio.open_connection(*server.sockets[0].getsockname()) for _ in talks]
        try:
            together = (talk(*pair) for talk, pair in zip(talks, pairs, strict=True))
            return await asyncio.wait_for(asyncio.gather(*together), 60)
        finally:
            for _, writer in pairs:
                writer.close()
            server.close()
            await server.wait_closed()

    return asyncio.run(run())


def sending(*pieces: bytes) -> Talk:
    """Sends some bytes, one piece after the other, and reads until the service ends the connection."""

    async def talk(reader: Reader, writer: Writer) -> bytes:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        writer.write_eof()
        return await reader.read()

    return talk


def sent(*pieces: bytes) -> bytes:
    return said(sending(*pieces))[0]


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def test_requests_are_answered_one_after_the_other() -> None:
    answer = sent(HEALTH + WHOLE + HEALTH)
    assert statuses(answer) == [200, 200, 200]
    assert answer.index(b'"status":"ok"') < answer.index(b'"predictions"') < answer.rindex(b'"status":"ok"')


def test_requests_that_come_at_the_same_time_are_answered_together_each_on_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lonely = json.loads(sent(WHOLE).partition(b"\r\n\r\n")[2])
    wrong = [BODY.replace(b"sequences", b"sequence"), b'{"sequences": [[[9e99, 1, 1, 1]]]}']
    bodies = [BODY, wrong[0], BODY, wrong[1], *[BODY] * 36]
    sizes: list[int] = []
    respond = service.respond

    def counted(*arguments: object) -> list[bytes | Exception]:
        assert isinstance(arguments[-1], Sequence)
        sizes.append(len(arguments[-1]))
        return respond(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(service, "respond", counted)
    answers = said(*(sending(PREDICT + b"Content-Length: %d\r\n\r\n" % len(body) + body) for body in bodies))
    assert [statuses(one) for one in answers] == [[422] if body in wrong else [200] for body in bodies]
    assert 1 < max(sizes) <= MOST_AT_ONCE
    for one, body in zip(answers, bodies, strict=True):
        if body not in wrong:
            (found,) = json.loads(one.partition(b"\r\n\r\n")[2])["predictions"]
            (expected,) = lonely["predictions"]
            assert found["class"] == expected["class"]
            assert found["probability"] == pytest.approx(expected["probability"], abs=1e-5)


def test_a_failure_is_an_answer_to_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*arguments: object) -> list[bytes | Exception]:
        raise RuntimeError("a bug")

    monkeypatch.setattr(service, "respond", failing)
    assert [statuses(one) for one in said(*[sending(WHOLE)] * 3)] == [[500]] * 3


def test_large_requests_are_answered_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "LARGEST_AT_ONCE", 10)
    assert [statuses(one) for one in said(*[sending(WHOLE + HEALTH)] * 3)] == [[200, 200]] * 3


def test_a_request_may_come_in_pieces() -> None:
    pieces = [WHOLE[k : k + 7] for k in range(0, len(WHOLE), 7)]
    assert sent(*pieces).partition(b"\r\n\r\n")[2] == sent(WHOLE).partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /health HTTP/7.0\r\nHost: localhost\r\n\r\n", 400),
        (b"get /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nA:%16000s\0\r\n\r\n" % b"", 400),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * MOST_HEADERS + b"\r\n", 400),
        (PREDICT + b"Content-Length: +5\r\n\r\n", 400),
        (PREDICT + b"Content-Length: -5\r\n\r\n", 400),
        (PREDICT + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (PREDICT + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ],
)
def test_what_is_not_clear_ends_the_connection(request_: bytes, status: int) -> None:
    answer = sent(request_ + HEALTH)
    assert statuses(answer) == [status]
    assert b"connection: close" in answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /health HTTP/1.1\r\n\r\n", 403),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400),
        (PREDICT + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 411),
        (PREDICT + b"Content-Length: %d\r\n\r\n" % (LARGEST_BODY + 1), 413),
        (b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200),
        (b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ],
)
def test_what_is_refused_is_said_before_the_body_is_read(request_: bytes, status: int) -> None:
    assert statuses(said(reading_a_line(request_))[0]) == [status]


def reading_a_line(request: bytes) -> Talk:
    """Sends a request whose body may be missing; reads the first line of the answer."""

    async def talk(reader: Reader, writer: Writer) -> bytes:
        writer.write(request)
        return await reader.readline()

    return talk


@pytest.mark.parametrize("piece", [b"a" * 1000, b"a: b\r\n" * 10])
def test_headers_have_an_end(piece: bytes) -> None:
    async def talk(reader: Reader, writer: Writer) -> bytes:
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        for _ in range(2 * LARGEST_HEAD // len(piece)):
            await asyncio.sleep(0.002)
            writer.write(piece)
        try:
            return await reader.readline()  # would wait for ever if there were no end
        except ConnectionError:  # what was sent after the answer has made it unreadable
            return b""

    assert statuses(said(talk)[0]) in ([400], [])


def test_head_gives_no_body_and_close_closes() -> None:
    answer = sent(
        HEALTH.replace(b"GET", b"HEAD") + HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + HEALTH
    )
    assert statuses(answer) == [200, 200]
    assert answer.count(b'"status"') == 1
    assert statuses(sent(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n" + HEALTH)) == [200]


def test_more_requests_than_may_wait_end_the_connection_after_those_that_may() -> None:
    assert statuses(sent(WHOLE + HEALTH * 100)) == [200] * (1 + MOST_AHEAD)


def test_who_waits_is_told_to_go_on() -> None:
    async def talk(reader: Reader, writer: Writer) -> bytes:
        writer.write(PREDICT + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        await reader.readline()
        writer.write(BODY)
        return await reader.readuntil(b"]}")

    assert statuses(said(talk)[0]) == [200]


@pytest.mark.parametrize("begun", [b"", b"GET /health HT", PREDICT + b"Content-Length: 9\r\n\r\n{", HEALTH])
def test_who_says_nothing_more_is_not_waited_for(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.2)

    async def talk(reader: Reader, writer: Writer) -> bytes:
        writer.write(begun)
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""

    assert statuses(said(talk)[0]) == ([200] if begun == HEALTH else [])


def test_who_reads_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is kept for it meanwhile is bounded: its requests are not read any more."""
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.5)
    app, answered = FastAPI(), 0

    @app.get("/")
    async def much() -> str:
        nonlocal answered
        answered += 1
        return "x" * (1 << 20)

    async def talk(reader: Reader, writer: Writer) -> bytes:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(400):
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.sleep(0.005)
            if writer.is_closing():
                break
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        try:
            while await reader.read(1 << 20):
                pass
        except ConnectionResetError:
            pass
        return b"ended"

    assert said(talk, app=app) == [b"ended"]
    assert answered < 100


def test_too_many_connections_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 0)

    async def talk(reader: Reader, writer: Writer) -> bytes:
        return await reader.read()

    assert statuses(said(talk)[0]) == [503]


def test_a_further_connection_takes_the_place_of_the_one_that_has_done_nothing_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 2)
    order: list[str] = []

    async def idle(reader: Reader, writer: Writer) -> bytes:
        with suppress(ConnectionResetError):
            await reader.read()
        order.append("ended")
        return b""

    async def busy(reader: Reader, writer: Writer) -> bytes:
        writer.write(HEALTH)
        answer = await reader.readuntil(b"}")
        port = writer.get_extra_info("peername")[1]
        later_reader, later = await asyncio.open_connection("127.0.0.1", port)
        later.write(HEALTH)
        answer += await later_reader.readuntil(b"}")
        order.append("answered")
        writer.write(HEALTH)
        answer += await reader.readuntil(b"}")
        for one in (later, writer):
            one.close()
        return answer

    assert statuses(said(idle, busy)[1]) == [200, 200, 200]
    assert sorted(order) == ["answered", "ended"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "toy.onnx"
    path.write_bytes(to_onnx(stored_model("gru", {"hidden_size": 4})))
    return path


@pytest.mark.slow
def test_a_header_holds_nobody_up_and_the_service_ends_when_it_is_told_to(model: Path) -> None:
    with serving(model) as running:
        # 5 to 15 ms where nothing else runs; the header once took longer than anyone has waited.
        assert attack_with_a_header(running) < 5
        with running.connect() as attacker:
            attacker.sendall(b"GET / HTTP/1.1\r\nA:" + b" " * 16_000)
            assert running.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("n_at_once", PIECES)
def test_connections_that_read_nothing_cost_little_and_others_are_served(n_at_once: int, model: Path) -> None:
    with serving(model) as running:
        found = attack_without_reading(running, n_at_once)
        assert found.grown < 200
        assert found.left < 50
        assert found.waited < connection.PATIENCE_SECONDS + 15  # for a busy machine
        assert running.stop() == 0


@pytest.mark.slow
def test_what_has_been_read_is_answered_before_the_end(model: Path) -> None:
    many = json.dumps({"sequences": [measured().sequence(0).tolist() * 1000] * 10}).encode()
    question = PREDICT + b"Content-Length: %d\r\n\r\n" % len(many) + many
    with serving(model) as running:
        asking = [running.connect() for _ in range(8)]
        for one in asking:
            one.sendall(question + HEALTH)
        while running.health()[0] != 200:
            pass
        assert running.stop() == 0
        for one in asking:
            answer = b""
            while piece := one.recv(1 << 16):
                answer += piece
            assert statuses(answer) == [200, 200]
            one.close()
