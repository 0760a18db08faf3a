"""``serve``: a small HTTP service around one network."""

from __future__ import annotations

import gc
import signal
import socket
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

from ...core.folders import SaveDir
from ...core.listening import in_url, is_loopback, rules_for
from ...core.problems import Problem, SettingsError
from ...core.terminal import say
from ...deploy.classifier import Classifier, OnnxClassifier, TorchClassifier, classify, load_classifier
from ...deploy.connection import MOST_CONNECTIONS, PATIENCE_SECONDS, Connection
from ...deploy.service import service
from ...deploy.sources import find_model

HEADERS = [
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
]


def serve_command(
    save_dir: SaveDir,
    *,
    model: Path | None,
    study_name: str | None,
    host: str,
    port: int,
    **who: Any,
) -> None:
    """Serves until SIGINT or SIGTERM, to ``who`` may ask (see ``rules_for``)."""
    rules = rules_for(host, danger="use the network", **who)
    classifier = quickest(find_model(model, study_name, save_dir.local))
    listener = _listen(host, port)
    address = f"http://{in_url(host)}:{listener.getsockname()[1]}"
    # Whatever is imported when a network is first used is imported here, before there are two threads.
    first = np.zeros((classifier.facts.lengths.median, len(classifier.facts.channel_names)), np.float32)
    classify(classifier, [first])
    name = f"{classifier.facts.study}, trial {classifier.facts.trial}"
    say(f"{name}: {address}/predict, described on {address}/docs  (Ctrl-C stops it)")
    if rules.token is not None:
        say("Every request needs the header Authorization: Bearer TOKEN.")
    if not is_loopback(host):
        say("Data and token go over the network as they are: put TLS in front (such as Caddy or nginx).")
    configuration = uvicorn.Config(
        service(classifier, rules),
        http=Connection,
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=HEADERS,
        backlog=MOST_CONNECTIONS,
        timeout_keep_alive=int(PATIENCE_SECONDS),
    )
    server = uvicorn.Server(configuration)
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn's own handler, which it takes away at its end to raise the signal once more.
        signal.signal(number, server.handle_exit)
    # What is loaded now stays: looking through it for garbage again and again takes longer than short sequences do.
    gc.freeze()
    server.run(sockets=[listener])
    say("Stopped.")


def quickest(place: Path) -> Classifier:
    """The network of a file or folder, in onnxruntime where that can run it."""
    classifier = load_classifier(place)
    if not isinstance(classifier, TorchClassifier):
        return classifier
    from ...deploy.onnx_layers import untranslated
    from ...deploy.onnx_model import to_onnx

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
