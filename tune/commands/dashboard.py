"""``dashboard``: optuna-dashboard on the study database, with the pictures attached."""

from __future__ import annotations

import ipaddress
import signal
import socket
import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from types import FrameType
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from optuna_dashboard import wsgi
from rich.console import Console

from ..artefacts import artefact_store
from ..problems import Problem, SettingsError
from ..summary import say
from .opening import open_existing


class _Server(ThreadingMixIn, WSGIServer):
    """Answers each request in its own thread, so that a slow page does not hold up the others."""

    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    """Does not print a line for every request."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def dashboard_command(
    console: Console, storage_url: str | None, save_dir: Path, host: str, port: int, allow_remote: bool
) -> None:
    """Serves the dashboard until SIGINT or SIGTERM."""
    if not is_loopback(host) and not allow_remote:
        rule = (
            "reaches beyond this machine, and the dashboard has no password: whoever reaches it can read and delete "
            "every study"
        )
        raise SettingsError([Problem("--host", host, rule, "use 127.0.0.1, or add --allow-remote if that is meant")])
    storage = open_existing(storage_url, save_dir)
    application = wsgi(storage, artifact_store=artefact_store(save_dir))
    try:
        server = make_server(host, port, application, _Server, _QuietHandler)
    except OSError as error:
        rule = f"cannot be listened on: {error.strerror}"
        raise SettingsError([Problem("--port", f"{host}:{port}", rule, "try another --port, or 0")]) from error

    def stop(number: int, frame: FrameType | None) -> None:
        # shutdown() waits for the loop that this handler interrupts.
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    say(console, f"Dashboard: http://{_in_url(host)}:{server.server_port}/  (Ctrl-C stops it)")
    with server:
        server.serve_forever()
    say(console, "Stopped.")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(str(address).split("%")[0]).is_loopback for address in addresses)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
