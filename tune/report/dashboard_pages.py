"""What is changed of optuna-dashboard's pages, so that they show what holds behind the guard, and can be read.

Controls that the guard refuses are not shown, and a line says what may be changed. Confirmation runs and floors, which
are studies of their own in the database, are left out of the list: they are in the report of the study that they belong
to. A trial's long attributes are broken into lines; the page was as wide as the longest one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..study.study import COMPANION_MARKS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PAGE = re.compile(r"/dashboard(/.*)?")
_STUDIES = "/api/studies"
# As optuna-dashboard 0.21 marks them; one that it marks otherwise is shown, and refused, beside the line that says so.
_NEVER = (
    '[aria-label="rename study"]', '[aria-label="delete study"]', '[aria-label="skip trial"]',
    '[aria-label="delete artifact"]', 'button:has([data-testid="AddBoxIcon"])', '[data-testid="DeleteIcon"]',
)  # fmt: skip
_UNLESS_WRITABLE = ('button:has([data-testid="EditIcon"])', 'main div:has(> button [data-testid="UploadFileIcon"])')
_PAGE_PART = """<style>
{hidden} {{ display: none !important; }}
main {{ min-width: 0; }}
main div {{ min-width: 0; overflow-wrap: anywhere; }}
main p {{ white-space: normal; }}
main button {{ overflow-wrap: normal; }}
body {{ padding-bottom: 2rem; }}
#seqtune {{ position: fixed; z-index: 2000; inset: auto 0 0 0; padding: .3rem 1rem; background: #1b2733; color: #fff;
  font: .85rem/1.4 system-ui, sans-serif; }}
</style>
<p id="seqtune" role="status" style="margin: 0">{sentence}</p>
"""
_READ_ONLY = (
    "Read-only: what would change a study is left out or refused. Start it with --writable to change notes and to "
    "attach files."
)
_WRITABLE = "Notes and attached files may be changed; studies and trials may not."


def readable(application: WSGIApplication, *, writable: bool) -> WSGIApplication:
    """The application with its pages and its list of studies changed as above."""
    hidden = ", ".join(_NEVER if writable else (*_NEVER, *_UNLESS_WRITABLE))
    part = _PAGE_PART.format(hidden=hidden, sentence=_WRITABLE if writable else _READ_ONLY).encode()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if _PAGE.fullmatch(path):
            return _changed(
                application, environ, start_response, lambda body: body.replace(b"<body>", b"<body>" + part)
            )
        if path == _STUDIES and environ["REQUEST_METHOD"] == "GET":
            return _changed(application, environ, start_response, _without_companions)
        return application(environ, start_response)

    return answer


def _changed(
    application: WSGIApplication,
    environ: WSGIEnvironment,
    start_response: StartResponse,
    change: Callable[[bytes], bytes],
) -> Iterable[bytes]:
    """The answer with another body, as long as it is whole."""
    for name in ("HTTP_RANGE", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH"):
        environ.pop(name, None)
    environ["HTTP_ACCEPT_ENCODING"] = ""
    begun: list[Any] = []

    def begin(status: str, headers: list[tuple[str, str]], *exception: Any) -> Callable[[bytes], object]:
        begun[:] = [status, headers, exception]
        return lambda written: None

    parts = application(environ, begin)
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    status, headers, exception = begun
    if status.startswith("200") and body:
        body = change(body)
        own = {"content-length", "etag", "last-modified", "accept-ranges"}
        headers = [(name, value) for name, value in headers if name.lower() not in own]
        headers.append(("Content-Length", str(len(body))))
    start_response(status, headers, *exception)
    return [body]


def _without_companions(body: bytes) -> bytes:
    answer = json.loads(body)
    answer["study_summaries"] = [
        study
        for study in answer["study_summaries"]
        if COMPANION_MARKS.isdisjoint(attribute["key"] for attribute in study["user_attrs"])
    ]
    return json.dumps(answer).encode()
