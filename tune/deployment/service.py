"""The service as an ASGI application: three addresses, a page about them, and a guard in front of all.

It is so small that a framework around it would take longer than the network.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from html import escape
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError
from pydantic_core import to_json

from data.errors import DataError
from data.unlabelled import Unlabelled

from ..dashboard_guard import Rules, answers_to, same_secret, site_of
from ..problems import SettingsError
from .answers import answers
from .classifier import Array, Classifier
from .inputs import Wanted
from .queries import LARGEST_BODY, LARGEST_VALUE, MOST_VALUES, Query, open_api, query_for

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PLAIN_JSON = b"application/json"
MOST_SAID = 3
LARGE_BODY = 200_000
# More predictions in one pass would keep the first ones waiting, for little: the gain is in the first few.
MOST_AT_ONCE = 16
PREDICT = "/predict"
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
)


class Reply(NamedTuple):
    """An answer that is ready to be sent.

    Attributes:
        status: Of HTTP.
        body: Its bytes.
        content_type: Of the body.
        headers: Beside those of every answer.
    """

    status: int
    body: bytes
    content_type: bytes = PLAIN_JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Refused(Exception):
    """A request that is not answered.

    Attributes:
        reply: What is sent instead.
    """

    def __init__(self, status: int, sentence: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.reply = Reply(status, to_json({"error": sentence}), headers=headers)
        super().__init__(sentence)


class Service:
    """Answers requests with one network.

    Args:
        classifier: The network.
        rules: Who may ask.
    """

    def __init__(self, classifier: Classifier, rules: Rules) -> None:
        self.classifier, self.rules = classifier, rules
        self._waiting: list[tuple[bytes, Callable[[Reply], None]]] = []
        self.query: type[Query] = query_for(classifier.facts)
        description = open_api(classifier.facts, self.query, rules.token is not None)
        page = _page(description, classifier)
        self._read_only = {
            "/": Reply(200, page, b"text/html; charset=utf-8"),
            "/docs": Reply(200, page, b"text/html; charset=utf-8"),
            "/openapi.json": Reply(200, json.dumps(description).encode()),
            "/model": Reply(200, classifier.facts.model_dump_json().encode()),
            "/health": Reply(200, b'{"status":"ok"}'),
        }

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request, as an ASGI application."""
        if scope["type"] != "http":
            return  # Neither web sockets nor anything else is offered.
        method, path = scope["method"], scope["path"]
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            self.admit(method, path, headers)
            body = await _body(receive)
            if is_large(body):
                reply = await asyncio.to_thread(self.respond, method, path, body)
            else:
                reply = self.respond(method, path, body)
        except Refused as refused:
            reply = refused.reply
        await send({"type": "http.response.start", "status": reply.status, "headers": described(reply)})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})

    def admit(self, method: str, path: str, headers: Mapping[bytes, bytes]) -> None:
        """Looks at a request before its body is read.

        Raises:
            Refused: If it is another host name's or site's, knows no token, or is nothing that is answered.
        """
        host = headers.get(b"host", b"").decode("latin-1")
        if not answers_to(host, self.rules):
            raise Refused(403, "This service does not answer to that host name; --allowed-host NAME adds one.")
        origin = headers.get(b"origin")
        if origin is not None and site_of(origin.decode("latin-1")) != host.lower():
            raise Refused(403, "Requests from other sites are refused.")
        if self.rules.token is not None and path != "/health":
            scheme, _, shown = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
            if scheme.lower() != "bearer" or not same_secret(shown.strip(), self.rules.token):
                raise Refused(401, "Send the header Authorization: Bearer TOKEN.", ((b"www-authenticate", b"Bearer"),))
        if path == PREDICT:
            if method != "POST":
                raise Refused(405, "Sequences are sent with POST.", ((b"allow", b"POST"),))
            if headers.get(b"content-type", b"").split(b";")[0].strip().lower() != PLAIN_JSON:
                raise Refused(415, "Send JSON, with the header Content-Type: application/json.")
            if int(headers.get(b"content-length", b"0")) > LARGEST_BODY:
                raise Refused(413, f"A request has at most {LARGEST_BODY:,} bytes.")
        elif path not in self._read_only:
            raise Refused(404, "There is /predict, /model, /health, /docs and /openapi.json.")
        elif method not in ("GET", "HEAD"):
            raise Refused(405, "This can be read only.", ((b"allow", b"GET, HEAD"),))

    def respond(self, method: str, path: str, body: bytes) -> Reply:
        """The answer to a request that was admitted, whatever its body is."""
        return self._read_only[path] if path != PREDICT else self.predict_all([body])[0]

    def predict_soon(self, body: bytes, give: Callable[[Reply], None]) -> None:
        """Calls ``give`` with the answer to a prediction that was admitted, at the end of this turn of the event loop.

        Those that came at the same time are answered together, which takes less than one after the other.
        """
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._answer_those_who_wait)
        self._waiting.append((body, give))

    def _answer_those_who_wait(self) -> None:
        now, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._answer_those_who_wait)
        # Whatever happens, nobody shall wait for ever for an answer that will not come.
        replies = [Refused(500, "The service failed; its log says why.").reply] * len(now)
        try:
            replies = self.predict_all([body for body, _ in now])
        finally:
            for (_, give), reply in zip(now, replies, strict=True):
                give(reply)

    def predict_all(self, bodies: Sequence[bytes]) -> list[Reply]:
        """The answers to several predictions that were admitted.

        The network sees all of them at once, so that the last digits of a probability may depend on the others.
        """
        replies: dict[int, Reply] = {}
        queries: dict[int, Query] = {}
        for k, body in enumerate(bodies):
            try:
                queries[k] = self._query(body)
            except Refused as refused:
                replies[k] = refused.reply
        try:
            found = self._classified(list(queries.values()))
            replies |= {k: Reply(200, to_json({"predictions": one})) for k, one in zip(queries, found, strict=True)}
        except (DataError, SettingsError) as error:
            if len(queries) == 1:
                return [replies.get(k) or Refused(422, str(error)).reply for k in range(len(bodies))]
            # One of them cannot be classified, which is no reason not to answer the others.
            replies |= {k: self.predict_all([bodies[k]])[0] for k in queries}
        return [replies[k] for k in range(len(bodies))]

    def _query(self, body: bytes) -> Query:
        try:
            query = self.query.model_validate_json(body)
        except ValidationError as error:
            raise Refused(422, _sentences(error)) from error
        n_values = sum(map(len, query.sequences)) * len(self.classifier.facts.channel_names)
        if n_values > MOST_VALUES:
            raise Refused(413, f"At most {MOST_VALUES:,} values are classified at once: send fewer sequences.")
        return query

    def _classified(self, queries: Sequence[Query]) -> list[list[dict[str, Any]]]:
        n_channels, names = len(self.classifier.facts.channel_names), self.classifier.facts.class_names
        recordings = [
            Unlabelled(f"sequences[{k}]", _table(steps, n_channels), None, query.sample_rate_hz)
            for query in queries
            for k, steps in enumerate(query.sequences)
        ]
        found = answers(self.classifier, recordings, Wanted())
        predictions = []
        for query in queries:
            mine = []
            for one in islice(found, len(query.sequences)):
                said = {"class": one.class_name, "probability": one.probability, "windows": one.n_windows}
                if query.probabilities:
                    said["probabilities"] = dict(zip(names, one.probabilities.tolist(), strict=True))
                mine.append(said)
            predictions.append(mine)
        return predictions


def _table(steps: Sequence[Sequence[float]], n_channels: int) -> Array:
    """Steps that are known to be alike as an array; twice as quick as NumPy, which has to find that out."""
    table = np.fromiter(chain.from_iterable(steps), np.float64, len(steps) * n_channels)
    if max(table.max(), -table.min()) > LARGEST_VALUE:
        raise DataError(f"a value is larger than {LARGEST_VALUE:g}, which no sensor gives")
    return table.reshape(len(steps), n_channels).astype(np.float32)


def is_large(body: bytes) -> bool:
    """Whether others should not be kept waiting; a thread costs more than a short sequence."""
    return len(body) > LARGE_BODY


def described(reply: Reply) -> list[tuple[bytes, bytes]]:
    """The headers of an answer."""
    return [
        (b"content-type", reply.content_type),
        (b"content-length", str(len(reply.body)).encode()),
        *HEADERS,
        *reply.headers,
    ]


async def _body(receive: Receive) -> bytes:
    """What was sent, if it is not too large.

    Raises:
        Refused: If it is, or stops coming.
    """
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "The request did not come to its end.")
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > LARGEST_BODY:
            raise Refused(413, f"A request has at most {LARGEST_BODY:,} bytes.")
        if not message.get("more_body", False):
            return b"".join(pieces)


def _sentences(error: ValidationError) -> str:
    """The first few things that are wrong, and how many there are."""
    wrong = error.errors(include_url=False, include_context=False, include_input=False)
    said = [f"{'.'.join(map(str, one['loc'])) or 'the request'}: {one['msg']}" for one in wrong[:MOST_SAID]]
    return "; ".join(said) + (f"; and {len(wrong) - MOST_SAID} more" if len(wrong) > MOST_SAID else "")


def _page(described: Mapping[str, Any], classifier: Classifier) -> bytes:
    """A page that says in words what the service offers; it needs nothing from elsewhere."""
    facts = classifier.facts
    example = json.dumps(
        described["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
    )
    token = " -H 'Authorization: Bearer TOKEN'" if "securitySchemes" in described["components"] else ""
    rows = ""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            codes = "; ".join(f"{code}: {one['description']}" for code, one in operation["responses"].items())
            rows += (
                f"<tr><td><code>{method.upper()} {escape(path)}</code></td><td>{escape(operation['summary'])}</td>"
                f"<td>{escape(codes)}</td></tr>"
            )
    rate = "unknown" if facts.sample_rate_hz is None else f"{facts.sample_rate_hz:g} steps a second"
    html = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(described["info"]["title"])}</title>
<meta name="viewport" content="width=device-width"><style>
:root {{ color-scheme: light dark }} body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
padding: 0 1rem }} td, th {{ text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0 }}
pre {{ overflow-x: auto; padding: .8rem; border: 1px solid #8886; border-radius: .4rem }}
table {{ display: block; overflow-x: auto }}</style>
<h1>{escape(facts.study)}, trial {facts.trial}</h1>
<p>{escape(facts.architecture)}; channels {escape(", ".join(facts.channel_names))}; sampled at {rate}; sequences of
{facts.lengths.shortest} to {facts.lengths.longest} steps. Classes: {escape(", ".join(facts.class_names[:200]))}.</p>
<table><tr><th>address</th><th>what it does</th><th>answers</th></tr>{rows}</table>
<h2>Try it</h2><pre>curl{token} -H 'Content-Type: application/json' \\
  -d '{escape(example)}' \\
  http://HOST:PORT/predict</pre>
<p>The whole description, for tools: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p></html>"""
    return html.encode()
