"""What stands in front of optuna-dashboard, which by itself lets whoever reaches it delete studies.

Its dangers, and what meets each: another web page that sends requests in the browser's name (Origin, Sec-Fetch-Site);
a page whose name turns into this machine's address after it was loaded (Host; "DNS rebinding"); a stored artefact that
the browser takes for a page of ours (Content-Disposition, Content-Security-Policy: sandbox, nosniff); other people
(token); and a wrong click (read-only, and never a deletion).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from ..core.listening import Rules, answers_to, same_secret, site_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

READING = ("GET", "HEAD")

# What may be changed with --writable. Deleting, renaming and telling would pull a study away from under its workers.
CHANGES = (
    ("PUT", re.compile(r"/api/studies/\d+(/\d+)?/note")),
    ("POST", re.compile(r"/api/artifacts/\d+(/\d+)?")),
)

# The dashboard's own pages and answers; whatever else there is, artefacts above all, is only ever downloaded.
OWN_PATHS = re.compile(r"/|/(dashboard|static|api|csv)(/.*)?|/favicon\.ico")
HARMLESS_TYPES = ("image/", "audio/", "video/", "text/csv", "application/json")

# Of gzip: as fast as the lowest; the usual one takes half a second more for a large study.
_LEVEL = 3

FOR_EVERY_ANSWER = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "same-origin"),
)
FOR_DOWNLOADS = (("Content-Disposition", "attachment"), ("Content-Security-Policy", "sandbox"))


def guarded(application: WSGIApplication, rules: Rules) -> WSGIApplication:
    """The application behind the rules; what they refuse never reaches it."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        refused = refusal(environ, rules)
        if refused is not None:
            status, sentence = refused
            extra = {"405": [("Allow", ", ".join(READING))], "401": [("WWW-Authenticate", "Bearer")]}
            return _plain(start_response, status, sentence, extra.get(status[:3], []))
        if rules.token is not None and _shown_token(environ) is not None:
            # A redirect in place of Refresh would not bring the cookie along when a link on another site led here.
            headers = [("Set-Cookie", _cookie(environ, rules)), ("Refresh", "0; url=/")]
            return _plain(start_response, "200 OK", "Welcome: the dashboard opens.", headers)
        # The dashboard takes the header for granted, and fails where it is no UTF-8.
        environ["HTTP_ACCEPT_ENCODING"] = "gzip" if "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "") else ""
        return application(environ, _hardened(start_response, environ))

    return answer


def compressed(application: WSGIApplication) -> WSGIApplication:
    """The application, whose answers of a large study repeat every range with every trial, in a fraction of the bytes.

    To be put behind ``guarded``, which says in a word whether the browser takes that.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        takes_it = environ["REQUEST_METHOD"] == "GET" and environ["HTTP_ACCEPT_ENCODING"] == "gzip"
        if not takes_it or not environ.get("PATH_INFO", "").startswith("/api/"):
            return application(environ, start_response)
        begun: list[Any] = []

        def note(*given: Any) -> Callable[[bytes], object]:
            begun[:] = given
            return lambda _: None  # Nothing here is written as PEP 3333 had it before its answers were iterables.

        body = gzip.compress(b"".join(application(environ, note)), _LEVEL)
        status, headers, *exception = begun
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        described = [("Content-Encoding", "gzip"), ("Content-Length", str(len(body))), ("Vary", "Accept-Encoding")]
        start_response(status, [*kept, *described], *exception)
        return [body]

    return answer


def refusal(environ: WSGIEnvironment, rules: Rules) -> tuple[str, str] | None:
    """Status and sentence for a request that is not let through; None for one that is."""
    method, path, host = environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), environ.get("HTTP_HOST", "")
    if not answers_to(host, rules):
        return "403 Forbidden", "This dashboard does not answer to that host name; --allowed-host NAME adds one."
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and site_of(origin) != host.lower():
        return "403 Forbidden", "Requests from other sites are refused."
    if environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("same-origin", "none") and not _follows_a_link(environ):
        return "403 Forbidden", "Requests from other sites are refused."
    if rules.token is not None and not _knows_token(environ, rules):
        return (
            "401 Unauthorized",
            "Add ?token=TOKEN to the address once, or send the header Authorization: Bearer TOKEN.",
        )
    if method in READING:
        return None
    if not rules.writable:
        return "405 Method Not Allowed", "The dashboard is read-only: start it with --writable to change notes."
    if not any(method == allowed and pattern.fullmatch(path) for allowed, pattern in CHANGES):
        return "405 Method Not Allowed", "Only notes and attached files can be changed here, and nothing be deleted."
    return None


def _follows_a_link(environ: WSGIEnvironment) -> bool:
    """Whether the browser opens a page because of a link elsewhere; the page that has the link sees nothing of it."""
    kind = (environ.get("HTTP_SEC_FETCH_MODE"), environ.get("HTTP_SEC_FETCH_DEST"), environ["REQUEST_METHOD"])
    return kind == ("navigate", "document", "GET")


def _knows_token(environ: WSGIEnvironment, rules: Rules) -> bool:
    scheme, _, bearer = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    shown = _shown_token(environ) or (bearer.strip() if scheme.lower() == "bearer" else "")
    if same_secret(shown, rules.token or ""):
        return True
    cookies = (part.strip().partition("=") for part in environ.get("HTTP_COOKIE", "").split(";"))
    return any(name == _cookie_name(environ) and same_secret(value, rules.session) for name, _, value in cookies)


def _shown_token(environ: WSGIEnvironment) -> str | None:
    """The token in the address; None if there is none."""
    tokens = parse_qs(environ.get("QUERY_STRING", "")).get("token")
    return tokens[0] if tokens else None


def _cookie_name(environ: WSGIEnvironment) -> str:
    # Cookies know no ports, and two dashboards may run on one machine.
    return f"seqtune-{environ['SERVER_PORT']}"


def _cookie(environ: WSGIEnvironment, rules: Rules) -> str:
    secure = "; Secure" if environ.get("HTTP_X_FORWARDED_PROTO") == "https" else ""
    return f"{_cookie_name(environ)}={rules.session}; Path=/; HttpOnly; SameSite=Strict{secure}"


def _hardened(start_response: StartResponse, environ: WSGIEnvironment) -> StartResponse:
    """Sets the headers that keep a browser from taking an answer for something else."""
    is_download = OWN_PATHS.fullmatch(environ.get("PATH_INFO", "")) is None

    def start(status: str, headers: list[tuple[str, str]], *exception: Any) -> Callable[[bytes], object]:
        added = [*FOR_EVERY_ANSWER, *(FOR_DOWNLOADS if is_download else ())]
        replaced = {name.lower() for name, _ in added} | {"access-control-allow-origin"}
        kept = [(name, value) for name, value in headers if name.lower() not in replaced]
        if is_download:
            kept = [(name, _harmless(value) if name.lower() == "content-type" else value) for name, value in kept]
        return start_response(status, [*kept, *added], *exception)

    return start


def _harmless(content_type: str) -> str:
    return content_type if content_type.lower().startswith(HARMLESS_TYPES) else "application/octet-stream"


def _plain(
    start_response: StartResponse, status: str, sentence: str, headers: list[tuple[str, str]]
) -> Iterable[bytes]:
    body = f"{sentence}\n".encode()
    described = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(status, [*described, *FOR_EVERY_ANSWER, ("Cache-Control", "no-store"), *headers])
    return [body]
