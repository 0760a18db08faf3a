"""The tuner as a process that need not load its libraries: that is half of a short run, and most of other commands.

Run as a program, this file loads them once and forks a process for every request. It goes on as ``python -m`` would,
to the end of its interpreter, and is taken up by the process that asked (``PR_SET_CHILD_SUBREAPER``, prctl(2)),
which waits for it, and kills it, like one that it started itself. What forks share that cold starts do not is the seed
of their hashes; and a library is there before a command asks for it.

Every fork has such a server of its own, made while it has no threads, for what it starts with this interpreter: its
workers' server (``multiprocessing.forkserver``), spawned processes, and modules.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import multiprocessing.util
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 15, 36
MOST_BYTES = 1 << 20
MOST_STREAMS, FIRST_APART = 20, 500
# How a fork is called that multiprocessing began, as its workers are.
FORKED = "multiprocessing"
# What commands load when they come to it. Not onnxruntime, which starts a thread that a fork would not have.
LATE = (
    "matplotlib.backends.backend_agg",
    "optuna.artifacts",
    "optuna.visualization",
    "plotly.graph_objects",
    "sklearn.ensemble",
    "sklearn.manifold",
)


class Forked(subprocess.Popen[str]):
    """What ``python -m`` would start with ``args``, a module and its arguments; Linux only."""

    def _execute_child(self, args: Sequence[str], *more: Any) -> None:
        """What ``Popen`` calls to start the process, once it has made the pipes."""
        folder, environment = more[4] or os.getcwd(), more[5]
        streams = [number if stream == -1 else stream for number, stream in enumerate((more[9], more[12], more[14]))]
        self.pid = _fork(_server(), args, dict(environment or os.environ), str(folder), streams, own_group=more[20])
        self._close_pipe_fds(*more[9:15])  # type: ignore[attr-defined]
        self._child_created = True


def _fork(
    server: socket.socket,
    command: Sequence[str],
    environment: dict[str, str],
    folder: str,
    streams: Sequence[int],
    *,
    own_group: bool = False,
) -> int:
    """Has a process forked; returns its number. It has the ``streams``, from the fourth on with the same numbers."""
    request = {"command": command, "environment": environment, "folder": folder, "own_group": own_group}
    socket.send_fds(server, [json.dumps({**request, "numbers": [0, 1, 2, *streams[3:]]}).encode()], list(streams))
    return int(server.recv(MOST_BYTES))


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
    from tune.report.figures import sections

    for package in (data, models, tune):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name != "tune.__main__":
                importlib.import_module(module.name)
    for name in LATE:
        importlib.import_module(name)
    templates = sections._environment()
    for name in templates.list_templates(extensions=["html"]):
        templates.get_template(name)
    gc.collect()
    gc.freeze()


def _next_request(requests: socket.socket) -> dict[str, Any]:
    """Forks for each request. Returns in the forks alone, with what they have to do."""
    import fcntl  # Not on Windows, where this file is loaded too.

    while True:
        message, streams, _, _ = socket.recv_fds(requests, MOST_BYTES, MOST_STREAMS)
        if not message:
            os._exit(0)
        reading, writing = os.pipe()
        if (between := os.fork()) == 0:
            if (pid := os.fork()) == 0:
                request: dict[str, Any] = json.loads(message)
                # Out of the way first, of the numbers that they are to have.
                apart = [fcntl.fcntl(stream, fcntl.F_DUPFD, FIRST_APART) for stream in streams]
                for number in (*streams, reading, writing, requests.detach()):
                    os.close(number)
                for stream, number in zip(apart, request["numbers"], strict=True):
                    os.dup2(stream, number)
                    os.close(stream)
                return request
            os.write(writing, str(pid).encode())
            os._exit(0)
        # Whoever asked must not wait for its process before it is its parent.
        os.waitpid(between, 0)
        requests.send(os.read(reading, MOST_BYTES))
        for number in (*streams, reading, writing):
            os.close(number)


def _serve(requests: socket.socket) -> tuple[dict[str, Any], socket.socket]:
    """Returns in the forks alone, with what they have to do and the connection to a server of their own."""
    while True:
        request = _next_request(requests)
        if request["own_group"]:
            os.setsid()
        ours, requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork():
            requests.close()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return request, ours
        ours.close()
        # It shall keep no pipe open, nor end before its process does, which Ctrl-C may be meant for.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in request["numbers"]:
            os.close(number)
        nowhere = [os.open(os.devnull, os.O_RDWR) for _ in range(3)]
        assert nowhere == [0, 1, 2]


def _become(request: dict[str, Any], server: socket.socket) -> None:
    import numpy

    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    numpy.random.seed()
    _have_forked(server)
    module, *sys.argv[1:] = request["command"]
    if module == "-c":
        ctypes.CDLL(None).prctl(PR_SET_NAME, FORKED.encode())
        code, *sys.argv[1:] = sys.argv[1:]
        exec(code, {"__name__": "__main__"})
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _have_forked(server: socket.socket) -> None:
    """Has this process fork what it would start with its interpreter, and leave all else as it is."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    spawn, execute = multiprocessing.util.spawnv_passfds, subprocess.Popen._execute_child  # type: ignore[attr-defined]

    def spawned(path: bytes, args: Sequence[Any], passfds: Sequence[int]) -> int:
        command = args[args.index("-c") :]
        if "resource_tracker" in command[1]:  # Needs no libraries.
            return spawn(path, args, passfds)
        return _fork(server, command, dict(os.environ), os.getcwd(), [0, 1, 2, *passfds])

    def executed(process: Any, args: Any, *more: Any) -> None:
        if isinstance(args, list | tuple) and tuple(args[:2]) == (sys.executable, "-m") and more[1] is None:
            Forked._execute_child(process, args[2:], *more)
        else:
            execute(process, args, *more)

    multiprocessing.util.spawnv_passfds = spawned
    subprocess.Popen._execute_child = executed  # type: ignore[attr-defined]
    globals()["_server"] = lambda: server


if __name__ == "__main__":
    _load()
    _become(*_serve(socket.socket(fileno=int(sys.argv[1]))))
