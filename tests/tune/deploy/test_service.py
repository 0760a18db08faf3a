"""The service: right answers, strict questions, and who may ask."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.processes import start
from tests.stored_models import CHANNELS, CLASSES, measured, stored_model
from tune.core.listening import Rules
from tune.deploy import service as service_module
from tune.deploy.classifier import OnnxClassifier
from tune.deploy.onnx_model import to_onnx
from tune.deploy.queries import MOST_SEQUENCES, decoder_of, query_for
from tune.deploy.service import service as service_for

MODEL = stored_model("gru", {"hidden_size": 4})
SEQUENCES = [measured().sequence(k).tolist() for k in range(5)]
TOKEN = "a-token-of-many-letters"


CLASSIFIER = OnnxClassifier(to_onnx(MODEL), "toy.onnx")


@pytest.fixture
def service() -> FastAPI:
    return service_for(CLASSIFIER, Rules())


def ask(
    service: FastAPI,
    path: str,
    body: object = None,
    method: str | None = None,
    headers: Mapping[str, str] | None = None,
    raw: bytes | None = None,
) -> tuple[int, Any, dict[str, str]]:
    """Status, body and headers of an answer; a body that is JSON is read."""
    content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
    size = {"content-length": str(len(content))} if content else {}
    given = {"host": "localhost", "content-type": "application/json", **size, **(headers or {})}
    scope = {
        "type": "http",
        "path": path,
        "root_path": "",
        "query_string": b"",
        "method": method or ("GET" if not content else "POST"),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(service(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    answer = sent[1]["body"]
    is_json = found["content-type"] == "application/json" and answer
    return sent[0]["status"], json.loads(answer) if is_json else answer, found


def test_its_answers_are_the_networks(service: FastAPI) -> None:
    status, found, _ = ask(service, "/predict", {"sequences": SEQUENCES, "probabilities": True})
    assert status == 200
    expected = MODEL.probabilities(measured()).numpy()
    for one, row in zip(found["predictions"], expected, strict=True):
        assert one["class"] == CLASSES[int(row.argmax())]
        assert one["probability"] == pytest.approx(row.max(), abs=1e-5)
        np.testing.assert_allclose([one["probabilities"][name] for name in CLASSES], row, atol=1e-5)
    _, found, _ = ask(service, "/predict", {"sequences": SEQUENCES[:1]})
    assert found["predictions"][0].keys() == {"class", "probability", "windows"}


def test_all_sequences_together_have_a_limit(service: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "MOST_VALUES", 100)
    status, found, _ = ask(service, "/predict", {"sequences": [[STEP] * 13] * 2})
    assert (status, "At most 100 values" in found["error"]) == (413, True)


STEP = [1.0] * len(CHANNELS)
NUMBERS: st.SearchStrategy[object] = st.floats(-5, 5) | st.sampled_from(
    [0, 9.5, 10, 10.4, 1e12, -1e13, 1e300, True, None, "1", []]
)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 422, 'sequences = "dict of 0": Field required'),
        ({"sequences": []}, 422, "at least 1 item"),
        ({"sequences": [[]]}, 422, "at least 1 item"),
        ({"sequences": [[STEP[:-1]]]}, 422, "at least 4 items"),
        ({"sequences": [[[*STEP, 1]]]}, 422, "at most 4 items"),
        ({"sequences": [[["1", 2, 3, 4]]]}, 422, "valid number"),
        ({"sequences": [[[None, 2, 3, 4]]]}, 422, "valid number"),
        (
            {"sequences": [[[1e300, 2, 3, 4]]]},
            422,
            "sequences.0.0.0 = 1e+300: Input should be less than or equal to 1000000000000",
        ),
        ({"sequences": [[STEP]] * (MOST_SEQUENCES + 1)}, 422, "at most 256"),
        ({"sequences": [[STEP]], "other": 1}, 422, "Extra inputs"),
        ({"sequences": [[STEP]], "sample_rate_hz": 50}, 422, "sample_rate_hz = 50: Input should be less than"),
        ({"sequences": [[STEP]], "sample_rate_hz": 0}, 422, "greater than"),
    ],
)
def test_what_is_not_understood_is_said(service: FastAPI, body: object, status: int, said: str) -> None:
    found = ask(service, "/predict", body)
    assert found[0] == status
    assert said in found[1]["error"]


@pytest.mark.parametrize(
    "raw",
    [
        *(b'{"sequences": [[[NaN, 1, 1, 1]]]}', b"[", b"\xff", b"[" * 10_000, b'{"sequences": 1e999}'),
        *(b'{"sequences\xfa": []}', b'{"sequences": "\xfa"}', b'{"sequences": [[["\xfa"]]]}'),
    ],
)
def test_what_is_no_json_is_said(service: FastAPI, raw: bytes) -> None:
    status, found, _ = ask(service, "/predict", raw=raw)
    assert status == 422
    assert found["error"]


@given(
    st.fixed_dictionaries(
        {"sequences": st.lists(st.lists(st.lists(NUMBERS, min_size=3, max_size=5), max_size=3), max_size=3)},
        optional={"sample_rate_hz": NUMBERS, "probabilities": NUMBERS, "other": NUMBERS},
    )
    | st.none(),
)
@settings(max_examples=300, deadline=None)
def test_both_readers_take_the_same(body: object) -> None:
    """What the quick one takes is right, and it takes all that is right."""
    query, raw = query_for(CLASSIFIER.facts), json.dumps(body).encode()
    try:
        expected = query.model_validate_json(raw)
    except ValidationError:
        with pytest.raises(msgspec.ValidationError):
            decoder_of(query).decode(raw)
    else:
        found = decoder_of(query).decode(raw)
        assert {name: getattr(found, name) for name in query.model_fields} == dict(expected)


def test_too_short_is_said() -> None:
    lengths = {"shortest": 8, "median": 8, "longest": 12}
    strict = service_for(OnnxClassifier(to_onnx(stored_model("gru", lengths=lengths)), "toy.onnx"), Rules())
    status, found, _ = ask(strict, "/predict", {"sequences": [[STEP] * 8, [STEP] * 3]})
    assert (status, found["error"]) == (
        422,
        'sequences.1 = "list of 3": List should have at least 4 items after validation, not 3',
    )


def test_bodies_have_a_limit(service: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "LARGEST_BODY", 20)
    assert ask(service, "/predict", {"sequences": SEQUENCES})[0] == 413
    assert ask(service, "/predict", {}, headers={"content-length": "21"})[0] == 413
    assert ask(service, "/predict", {}, headers={"transfer-encoding": "chunked"})[0] == 411
    monkeypatch.setattr(service_module, "MOST_HELD", 10)
    assert ask(service, "/predict", {}, headers={"content-length": "11"})[0] == 503
    assert ask(service, "/health")[0] == 200


@pytest.mark.parametrize(
    "raw",
    [
        b'{"sequences": [[' + b'["", "", "", ""],' * 400_000 + b"[]]]}",
        b"{" + b",".join(b'"%d": 1' % k for k in range(400_000)) + b"}",
        b'{"sequences": [' + b"[[0, 0, 0, 0]]," * 400_000 + b"[[]]]}",
    ],
    ids=["wrong values", "unknown fields", "too many sequences"],
)
def test_a_million_mistakes_are_one_sentence(service: FastAPI, raw: bytes) -> None:
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status, found, _ = ask(service, "/predict", raw=raw)
    assert status == 422
    assert len(found["error"]) < 300
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < 500 << 20


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        ("/predict", "GET", {}, 405),
        ("/health", "POST", {}, 405),
        ("/health", "HEAD", {}, 200),
        ("/nothing", "GET", {}, 404),
        ("/../etc/passwd", "GET", {}, 404),
        ("/predict", "POST", {"content-type": "text/plain"}, 415),
        ("/model", "GET", {"host": "evil.example"}, 403),
        ("/model", "GET", {"origin": "http://evil.example"}, 403),
        ("/model", "GET", {"origin": "http://localhost"}, 200),
    ],
)
def test_what_may_be_asked(service: FastAPI, path: str, method: str, headers: dict[str, str], status: int) -> None:
    found = ask(service, path, method=method, headers=headers, raw=b"{}" if method == "POST" else b"")
    assert found[0] == status
    assert status != 405 or found[2]["allow"]
    assert status < 400 or found[1]["error"]


def test_a_token_is_asked_of_everyone() -> None:
    locked = service_for(CLASSIFIER, Rules(token=TOKEN))
    assert ask(locked, "/health")[0] == 200
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}, {"authorization": "Bearer é"}):
        assert ask(locked, "/model", headers=headers)[0] == 401
        assert ask(locked, "/predict", {"sequences": SEQUENCES}, headers=headers)[0] == 401
    assert ask(locked, "/predict", {"sequences": SEQUENCES}, headers={"authorization": f"Bearer {TOKEN}"})[0] == 200
    assert ask(locked, "/openapi.json", headers={"authorization": f"Bearer {TOKEN}"})[0] == 200


def test_the_page_says_what_there_is(service: FastAPI) -> None:
    status, page, headers = ask(service, "/docs")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    for word in ("/predict", "/health", "curl", *CHANNELS, *CLASSES):
        assert word.encode() in page
    assert b"<script" not in page


def test_it_is_what_it_describes(service: FastAPI) -> None:
    """Schemathesis sends what the description allows, and what it forbids, and compares the answers with it."""
    local = {"Host": "localhost"}
    schema = schemathesis.openapi.from_asgi("/openapi.json", service, headers=local)
    n_asked = 0
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]

        @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy())
        def sent(case: Any) -> None:
            nonlocal n_asked
            n_asked += 1
            case.call_and_validate(headers=local)

        @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
        def sent_wrong(case: Any) -> None:
            nonlocal n_asked
            n_asked += 1
            case.call_and_validate(headers=local)

        sent()
        if operation.path == "/predict":
            sent_wrong()
    assert n_asked >= 10


@pytest.mark.slow
def test_it_is_served_until_it_is_told_to_stop(tmp_path: Path) -> None:
    model = tmp_path / "toy.onnx"
    model.write_bytes(to_onnx(MODEL))
    process = start("serve", "--model", str(model), "--port", "0")
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = next(word for word in line.split() if word.startswith("http://")).removesuffix("/predict,")
        request = urllib.request.Request(
            f"{address}/predict",
            json.dumps({"sequences": SEQUENCES}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert len(json.load(answer)["predictions"]) == 5
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    finally:
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert output == "Stopped.\n"
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "0.0.0.0"), "everyone could use the network without a password"),
        (("--host", "0.0.0.0", "--allow-remote"), "needs a --token"),
        (("--token", "short"), "at least 16"),
    ],
)
def test_others_need_a_token(options: tuple[str, ...], said: str) -> None:
    process = start("serve", "--model", "nothing.onnx", *options)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said in errors
