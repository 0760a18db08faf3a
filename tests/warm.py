"""The tuner as a process that need not load its libraries: that is half of a short run, and most of other commands.

Run as a program, this file loads them once and forks a process for every request. It goes on as ``python -m`` would,
to the end of its interpreter, and is taken up by the process that asked (``PR_SET_CHILD_SUBREAPER``, prctl(2)),
which waits for it, and kills it, like one that it started itself. What forks share that cold starts do not is the seed
of their hashes; and a library is there before a command asks for it.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import runpy
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
MOST_BYTES = 1 << 20
# What commands load when they come to it. Not onnxruntime, which starts a thread that a fork would not have.
LATE = ("matplotlib.backends.backend_agg", "optuna.visualization", "plotly.graph_objects", "sklearn.manifold")


class Forked(subprocess.Popen[str]):
    """What ``python -m`` would start with ``args``, a module and its arguments; Linux only."""

    def _execute_child(self, args: Sequence[str], *more: Any) -> None:
        """What ``Popen`` calls to start the process, once it has made the pipes."""
        folder, environment = more[4] or os.getcwd(), more[5]
        output, errors, own_group = more[12], more[14], more[20]
        pipes = [writing for reading, writing in (more[11:13], more[13:15]) if reading != -1]
        request = {"command": args, "environment": dict(environment), "folder": str(folder), "own_group": own_group}
        server = _server()
        socket.send_fds(server, [json.dumps(request).encode()], [0, output, errors])
        for pipe in pipes:
            os.close(pipe)
        self._closed_child_pipe_fds = True
        self.pid = int(server.recv(MOST_BYTES))
        self._child_created = True


@cache
def _server() -> socket.socket:
    """The connection to the server of this process, which the first request starts."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", __name__, str(theirs.fileno())]
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        environment = {**os.environ, "PYTHONPATH": root, "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "default"}
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, env=environment, pass_fds=[theirs.fileno()], cwd=root
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _load() -> None:
    import data
    import models
    import tune

    for package in (data, models, tune):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name != "tune.__main__":
                importlib.import_module(module.name)
    for name in LATE:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _next_request(requests: socket.socket) -> dict[str, Any]:
    """Forks for each request. Returns in the forks alone, with what they have to do."""
    while True:
        message, streams, _, _ = socket.recv_fds(requests, MOST_BYTES, 3)
        if not message:
            os._exit(0)
        reading, writing = os.pipe()
        if (between := os.fork()) == 0:
            if (pid := os.fork()) == 0:
                for number, stream in enumerate(streams):
                    os.dup2(stream, number)
                for number in (*streams, reading, writing, requests.detach()):
                    os.close(number)
                request: dict[str, Any] = json.loads(message)
                return request
            os.write(writing, str(pid).encode())
            os._exit(0)
        # Whoever asked must not wait for its process before it is its parent.
        os.waitpid(between, 0)
        requests.send(os.read(reading, MOST_BYTES))
        for number in (*streams, reading, writing):
            os.close(number)


def _become(request: dict[str, Any]) -> None:
    import numpy

    if request["own_group"]:
        os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    numpy.random.seed()
    module, *sys.argv[1:] = request["command"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _load()
    _become(_next_request(socket.socket(fileno=int(sys.argv[1]))))
