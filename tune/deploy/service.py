"""The service: FastAPI around one network, with a guard in front and a queue that answers many requests together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import chain, islice
from typing import Any

import jinja2
import msgspec
import numpy as np
from fastapi import FastAPI, HTTPException, Request, Response, Security
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import ValidationError
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from data.errors import DataError
from data.unlabelled import Unlabelled

from ..core.listening import Rules, answers_to, same_secret, site_of
from ..core.problems import SettingsError
from .classifier import Classifier
from .inputs import Wanted
from .metadata import Facts
from .predictions import predictions
from .queries import MOST_VALUES, Failure, Predictions, Query, decoder_of, query_for, sentences

JSON = "application/json"
LARGEST_BODY = 16 << 20
# Of all requests together that are not answered yet.
MOST_HELD = 8 * LARGEST_BODY
# More in one pass would keep the first ones waiting, for little: the gain is in the first few.
MOST_AT_ONCE, LARGEST_AT_ONCE = 16, 1 << 20


class Direct(APIRoute):
    """Hands the request to the function as it is: FastAPI's search for arguments takes half of the time."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **described: Any) -> None:
        super().__init__(path, endpoint, **described)
        self.app = request_response(endpoint)


class Described(FastAPI):
    """Describes itself as FastAPI does and answers as Starlette does, without the steps that are for arguments."""

    build_middleware_stack = Starlette.build_middleware_stack


def service(classifier: Classifier, rules: Rules) -> FastAPI:
    """The application that answers with one network."""
    facts, query = classifier.facts, query_for(classifier.facts)
    queue = Queue(partial(respond, classifier, partial(_read, query, decoder_of(query), len(facts.channel_names))))
    app = Described(
        title=f"seqtune: {facts.study}",
        version=f"trial {facts.trial}",
        docs_url=None,  # a page that loads its scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        exception_handlers={StarletteHTTPException: _failed, Exception: _failed},
    )
    app.router.route_class = Direct
    app.add_middleware(Guard, rules=rules)
    locked = [] if rules.token is None else [Security(HTTPBearer(auto_error=False))]
    foreign = [403] if rules.token is None else [401, 403]
    example = {"sequences": [[[0.0] * len(facts.channel_names)] * min(facts.lengths.median, 5)]}
    asked = {JSON: {"schema": query.model_json_schema(), "example": example}}

    @app.post(
        "/predict",
        summary="Classify sequences",
        response_model=Predictions,
        responses=_failures(*foreign, 411, 413, 415, 422, 503),
        dependencies=locked,
        # Declared as an argument, it would be read in the thread that keeps all connections going.
        openapi_extra={"requestBody": {"required": True, "content": asked}},
    )
    async def predict(request: Request) -> Response:
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != JSON:
            raise HTTPException(415, "Send JSON, with the header Content-Type: application/json.")
        try:
            return Response(await queue.answer(await request.body()), media_type=JSON)
        except ClientDisconnect:
            return Response(status_code=400)

    @app.get(
        "/model",
        summary="What the network is",
        response_model=Facts,
        responses=_failures(*foreign),
        dependencies=locked,
    )
    async def model(_request: Request) -> Response:
        return Response(facts.model_dump_json(), media_type=JSON)

    @app.get("/health", summary="Whether the service works", response_model=dict[str, str], responses=_failures(403))
    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    @app.get("/", include_in_schema=False)
    @app.get("/docs", include_in_schema=False)
    async def page(_request: Request) -> Response:
        return HTMLResponse(html)

    templates = jinja2.Environment(loader=jinja2.PackageLoader(__package__), autoescape=True, trim_blocks=True)
    html = templates.get_template("service.html").render(facts=facts, about=app.openapi())
    return app


class Guard:
    """Looks at a request before its body is read: who asks, and how much."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app, self.rules, self.held = app, rules, 0
        self._answers_to = lru_cache(1_000)(partial(answers_to, rules=rules))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the application, or refuses."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        size = int(headers.get("content-length", 0))
        try:
            if [name for name, _ in scope["headers"]].count(b"host") > 1:
                raise HTTPException(400, "The header Host stands there twice.")
            self._admit(scope["path"], headers, size)
        except HTTPException as refused:
            await (await _failed(None, refused))(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # uvicorn leaves out the body
            scope = {**scope, "method": "GET"}
        self.held += size
        try:
            await self.app(scope, receive, send)
        finally:
            self.held -= size

    def _admit(self, path: str, headers: Mapping[str, str], size: int) -> None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._answers_to(host):
            raise HTTPException(403, "This service does not answer to that host name; --allowed-host NAME adds one.")
        if origin is not None and site_of(origin) != host.lower():
            raise HTTPException(403, "Requests from other sites are refused.")
        if self.rules.token is not None and path != "/health":
            scheme, _, shown = headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not same_secret(shown.strip(), self.rules.token):
                raise HTTPException(401, "Send the header Authorization: Bearer TOKEN.", {"www-authenticate": "Bearer"})
        if "transfer-encoding" in headers:
            raise HTTPException(411, "Send the header Content-Length instead of chunks.")
        if size > LARGEST_BODY:
            raise HTTPException(413, f"A request has at most {LARGEST_BODY:,} bytes.")
        if size and self.held + size > MOST_HELD:
            raise HTTPException(503, "Too much is asked at once.")


class Queue:
    """Answers together, in one thread, what came while it made the last answers."""

    def __init__(self, respond: Callable[[Sequence[bytes]], Sequence[bytes | Exception]]) -> None:
        self._respond = respond
        self._waiting: list[tuple[bytes, asyncio.Future[bytes]]] = []
        self._thread = ThreadPoolExecutor(1)
        self._task: asyncio.Task[None] | None = None

    async def answer(self, body: bytes) -> bytes:
        """The answer to a request.

        Raises:
            Exception: Why there is none.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        self._waiting.append((body, future))
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # so that all that has come by now is answered together
            now = self._waiting[:MOST_AT_ONCE]
            if sum(len(body) for body, _ in now) > LARGEST_AT_ONCE:
                now = now[:1]
            del self._waiting[: len(now)]
            found: Sequence[bytes | Exception]
            try:
                bodies = [body for body, _ in now]
                found = await asyncio.get_running_loop().run_in_executor(self._thread, self._respond, bodies)
            except Exception as error:
                found = [error] * len(now)
            for (_, future), answer in zip(now, found, strict=True):
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)


def respond(
    classifier: Classifier, read: Callable[[bytes], Query | HTTPException], bodies: Sequence[bytes]
) -> list[bytes | Exception]:
    """The answer to each of several requests, or why there is none.

    The network sees all of them at once, so that the last digits of a probability may depend on the others.
    """
    asked = [read(body) for body in bodies]
    try:
        found = iter(_classified(classifier, [one for one in asked if not isinstance(one, HTTPException)]))
    except (DataError, SettingsError) as error:
        if len(bodies) == 1:
            return [HTTPException(422, str(error))]
        # One of them cannot be classified, which is no reason not to answer the others.
        return [respond(classifier, read, [body])[0] for body in bodies]
    return [one if isinstance(one, HTTPException) else next(found) for one in asked]


def _read(
    query: type[Query], decoder: msgspec.json.Decoder[Any], n_channels: int, body: bytes
) -> Query | HTTPException:
    try:
        asked: Query = decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # msgspec raises the latter for a key that is no UTF-8
        try:
            asked = query.model_validate_json(body)
        except ValidationError as error:
            return HTTPException(422, sentences(error))
    if sum(map(len, asked.sequences)) * n_channels > MOST_VALUES:
        return HTTPException(413, f"At most {MOST_VALUES:,} values are classified at once: send fewer sequences.")
    return asked


def _classified(classifier: Classifier, queries: Sequence[Query]) -> list[bytes]:
    n_channels, names = len(classifier.facts.channel_names), classifier.facts.class_names
    recordings = [
        Unlabelled(
            f"sequences[{k}]",
            np.fromiter(chain.from_iterable(steps), np.float32).reshape(-1, n_channels),
            None,
            query.sample_rate_hz,
        )
        for query in queries
        for k, steps in enumerate(query.sequences)
    ]
    found = predictions(classifier, recordings, Wanted())
    said = []
    for query in queries:
        listed: list[dict[str, Any]] = []
        for one in islice(found, len(query.sequences)):
            listed.append({"class": one.class_name, "probability": one.probability, "windows": one.n_windows})
            if one.timeline:
                listed[-1]["timeline"] = [
                    {"begin": span.begin, "end": span.end, "class": span.class_name, "probability": span.probability}
                    for span in one.timeline
                ]
            if query.probabilities:
                listed[-1]["probabilities"] = dict(zip(names, one.probabilities.tolist(), strict=True))
        said.append(to_json({"predictions": listed}))
    return said


def _failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Failure} for status in statuses}


async def _failed(_request: object, error: Exception) -> Response:
    # Awaited, since FastAPI calls every other function in a thread.
    if not isinstance(error, StarletteHTTPException):
        error = StarletteHTTPException(500)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
