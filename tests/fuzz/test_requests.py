"""Whatever strangers send to a running ``serve``: an answer that is no failure of the service, or none."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attacks import Service, serving
from tests.stored_models import measured, stored_model
from tune.deploy.onnx_model import to_onnx

BODY = json.dumps(
    {"sequences": [measured().sequence(0).tolist()], "sample_rate_hz": 10, "probabilities": True}
).encode()
HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nOrigin: http://localhost\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
GET = b"GET /model?a=1 HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: keep-alive\r\n\r\n"
PIECES = st.one_of(
    st.binary(max_size=4),
    st.sampled_from(
        [
            *(b"\r\n", b"\r\n\r\n", b"\0", b"\xff", b" " * 50, b":", b"[" * 500, b"{", b'"', b"NaN", b"1e999", b"-0"),
            *(b"9" * 400, b"HTTP/2.0", b"GET ", b"HEAD ", b"OPTIONS * ", b"/../", b"/%00%ff", b"?" * 20, b"[::1]:x"),
            *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Upgrade: h2c\r\nConnection: Upgrade\r\n"),
            *(b"Host: localhost\r\n", b"Authorization: Bearer \xe9\r\n", b"Origin: null\r\n", b"Expect: x\r\n"),
        ]
    ),
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    path = tmp_path_factory.mktemp("model") / "toy.onnx"
    path.write_bytes(to_onnx(stored_model("gru", {"hidden_size": 4})))
    with serving(path) as service:
        yield service


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Requests with up to four pieces changed; or a good head before a changed body."""
    content = draw(st.sampled_from([WHOLE, GET, WHOLE + GET]))
    whole_head = content is WHOLE and draw(st.booleans())
    if whole_head:
        content = BODY
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(PIECES) + content[at + draw(st.integers(0, 8)) :]
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(content) + content if whole_head else content


@given(request=requests())
def test_any_request_is_answered_or_refused(running: Service, request: bytes) -> None:
    answer = b""
    with running.connect() as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        try:
            while piece := client.recv(1 << 16):
                answer += piece
        except ConnectionResetError:
            pass  # the end of a connection on which more came than was read
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
    assert all(status < 500 for status in statuses), answer
    assert running.process.poll() is None
