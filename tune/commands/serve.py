"""``serve``: a small HTTP service around one network."""

from __future__ import annotations

import gc
import importlib.util
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from ..dashboard_guard import Rules
from ..deployment.classifier import Classifier, OnnxClassifier, TorchClassifier, load_classifier
from ..deployment.service import Service
from ..deployment.sources import find_model
from ..deployment.wire_http import MOST_CONNECTIONS, Connection
from ..folders import SaveDir
from ..listening import checked_token, host_names, in_url, is_loopback
from ..problems import Problem, SettingsError
from ..terminal import say

if TYPE_CHECKING:
    import uvicorn

INSTALL = ".venv/bin/python -m pip install uvicorn"


def serve_command(
    console: Console,
    save_dir: SaveDir,
    *,
    model: Path | None,
    study_name: str | None,
    host: str,
    port: int,
    allow_remote: bool,
    allowed_hosts: tuple[str, ...],
    token: str | None,
) -> None:
    """Serves until SIGINT or SIGTERM.

    Raises:
        SettingsError: If uvicorn is not installed, the network cannot be used, or the address must not.
    """
    if importlib.util.find_spec("uvicorn") is None:
        raise SettingsError([Problem("serve", "", "needs uvicorn, which is not installed", INSTALL)])
    import uvicorn

    secret = checked_token(
        host, allow_remote=allow_remote, allowed_hosts=allowed_hosts, token=token, danger="use the network"
    )
    rules = Rules(host_names=host_names(host, allowed_hosts), any_address=not is_loopback(host), token=secret)
    classifier = quickest(find_model(model, study_name, save_dir.local))
    listener = _listen(host, port)
    address = f"http://{in_url(host)}:{listener.getsockname()[1]}"
    facts = classifier.facts
    say(
        console,
        f"{facts.study}, trial {facts.trial}: {address}/predict, described on {address}/docs  (Ctrl-C stops it)",
    )
    if secret is not None:
        say(console, "Every request needs the header Authorization: Bearer TOKEN.")
    if not is_loopback(host):
        say(console, "Data and token go over the network as they are: put TLS in front (such as Caddy or nginx).")
    configuration = uvicorn.Config(
        Service(classifier, rules), http=Connection, lifespan="off", log_level="warning", access_log=False
    )
    server = uvicorn.Server(configuration)
    # uvicorn's own handlers raise the signal once more at the end, which would look like an accident.
    server.capture_signals = lambda: _stopping(server)  # type: ignore[method-assign]
    # What is loaded now stays: looking through it for garbage again and again takes longer than short sequences do.
    gc.freeze()
    server.run(sockets=[listener])
    say(console, "Stopped.")


@contextmanager
def _stopping(server: uvicorn.Server) -> Iterator[None]:
    """Lets SIGINT and SIGTERM end the server."""
    before = {number: signal.signal(number, server.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def quickest(place: Path) -> Classifier:
    """The network of a file or folder, in onnxruntime where that is installed and can run it."""
    classifier = load_classifier(place)
    packages = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))
    if not isinstance(classifier, TorchClassifier) or not packages:
        return classifier
    from ..deployment.onnx_layers import untranslated
    from ..deployment.onnx_model import to_onnx

    if untranslated(classifier.model.network):
        return classifier
    return OnnxClassifier(to_onnx(classifier.model), str(place))


def _listen(host: str, port: int) -> socket.socket:
    """A socket that is listened on; made here, so that a port that is taken is told in a sentence."""
    # asyncio sends without delay only where it is told that this is TCP; else every answer would wait 40 ms.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(MOST_CONNECTIONS)  # before the address is printed: whoever reads it may ask at once
    except OSError as error:
        rule = f"cannot be listened on: {error.strerror}"
        raise SettingsError([Problem("--port", f"{host}:{port}", rule, "try another --port, or 0")]) from error
    return listener
