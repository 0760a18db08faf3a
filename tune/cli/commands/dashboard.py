"""``dashboard``: optuna-dashboard on the study database, with the pictures attached, behind a guard."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterable
from contextlib import nullcontext
from socketserver import ThreadingMixIn
from types import FrameType
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from optuna_dashboard import wsgi

from ...core.folders import SaveDir
from ...core.listening import in_url, is_loopback, rules_for
from ...core.problems import Problem, SettingsError
from ...core.terminal import say
from ...report.artefacts import artefact_store
from ...report.dashboard_guard import compressed, guarded
from ...report.dashboard_pages import readable
from ...report.dashboard_study import brief
from ...study.agreement import check_agreement
from ...study.study import study_names
from .opening import open_existing

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class _Server(ThreadingMixIn, WSGIServer):
    """Answers each request in its own thread, so that a slow page does not hold up the others."""

    daemon_threads = True


class _ServerSix(_Server):
    """The same for an IPv6 address."""

    address_family = socket.AF_INET6


class _QuietHandler(WSGIRequestHandler):
    """Does not print a line for every request, which could hold the token."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def dashboard_command(save_dir: SaveDir, *, host: str, port: int, writable: bool, **who: Any) -> None:
    """Serves the dashboard until SIGINT or SIGTERM, to ``who`` may ask (see ``rules_for``)."""
    rules = rules_for(host, danger="read every study", writable=writable, **who)
    storage = open_existing(save_dir)
    check_agreement(storage, map(save_dir.study, study_names(storage)))
    drawing = threading.Lock()
    attached = artefact_store(save_dir.local)
    pages = readable(brief(wsgi(storage, artifact_store=attached), storage, attached), writable=writable)
    application = guarded(compressed(_drawing_in_turn(pages, drawing)), rules)
    try:
        server = make_server(host, port, application, _ServerSix if ":" in host else _Server, _QuietHandler)
    except OSError as error:
        rule = f"cannot be listened on: {error.strerror}"
        raise SettingsError([Problem("--port", f"{host}:{port}", rule, "try another --port, or 0")]) from error

    def stop(number: int, frame: FrameType | None) -> None:
        # shutdown() waits for the loop that this handler interrupts.
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    address = f"http://{in_url(host)}:{server.server_port}/"
    say(f"Dashboard: {address}{'?token=…' if rules.token else ''}  (Ctrl-C stops it)")
    if rules.token:
        say("The token has to be added to the address once, in place of the dots.")
    if not is_loopback(host):
        say(
            "Data and token go over the network as they are: put TLS in front (a reverse proxy such as Caddy or nginx "
            "that keeps the Host header), or use ssh -L instead.",
        )
    with server:
        server.serve_forever()
    say("Stopped.")
    if not drawing.acquire(blocking=False):
        os._exit(0)  # The interpreter's end can wait for good for a thread that it stops in the midst of an import.


def _drawing_in_turn(application: WSGIApplication, lock: threading.Lock) -> WSGIApplication:
    """One figure after the other: plotly imports whatever it draws, and two threads that import wait for each other."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with lock if "/plot/" in environ["PATH_INFO"] else nullcontext():
            return application(environ, start_response)

    return answer
