"""Two attacks on a ``serve`` that really runs, which anyone on the network could try, and what other clients notice.

    PYTHONPATH=. .venv/bin/python tests/attacks.py --model studies/watch-gru/export/model.onnx

The first sends a header that was once taken apart by an expression of cubic time. The second opens as many connections
as there may be, sends one request after the other and reads no answer. Linux, since memory is read from ``/proc``.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
HEADER = b"GET / HTTP/1.1\r\nA:" + b" " * 16_000 + b"\0\r\n\r\n"
N_CONNECTIONS = 256
# Many in one piece, as a pipe sends them, and one by one, as whoever knows the limits does.
PIECES = (2_000, 1)


class Service(NamedTuple):
    """A running ``serve``."""

    process: subprocess.Popen[str]
    port: int

    def connect(self) -> socket.socket:
        """A connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def health(self) -> tuple[int, float]:
        """Status of ``/health`` for a client of its own, and seconds until it came."""
        begun = time.monotonic()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=60) as answer:
                answer.read()
                status = int(answer.status)
        except urllib.error.HTTPError as error:
            status = error.code
        except OSError:  # the connection was ended before the request was read
            status = 0
        return status, time.monotonic() - begun

    def memory(self) -> int:
        """Resident MB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024

    def stop(self) -> int:
        """Its exit code after SIGTERM.

        Raises:
            TimeoutExpired: If it does not end.
        """
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


class Unread(NamedTuple):
    """What connections that read nothing do to a service.

    Attributes:
        grown: By how many MB its memory was larger at most.
        left: By how many MB it is larger in the end.
        waited: Seconds until somebody else was answered after the last request of the attack.
    """

    grown: int
    left: int
    waited: float


@contextmanager
def serving(model: Path) -> Iterator[Service]:
    """A service in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "tune", "serve", "--model", str(model), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        line = process.stdout.readline() if process.stdout else ""
        port = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        if port is None:
            raise RuntimeError(f"the service did not start: {line}")
        service = Service(process, int(port[1]))
        service.health()
        yield service
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def attack_with_a_header(service: Service, n_times: int = 20) -> float:
    """Seconds that another client waits for ``/health`` at most while such headers come."""
    slowest = 0.0
    for _ in range(n_times):
        with service.connect() as attacker:
            attacker.sendall(HEADER)
            status, seconds = service.health()
            slowest = max(slowest, seconds if status == 200 else float("inf"))
    return slowest


def attack_without_reading(service: Service, n_at_once: int, seconds: float = 10.0) -> Unread:
    """Connections that send requests for some seconds, so many in a piece, and read no answer."""
    before = most = service.memory()
    piece = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * n_at_once
    attackers = []
    for _ in range(N_CONNECTIONS):
        attacker = service.connect()
        attacker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        attacker.setblocking(False)
        attackers.append(attacker)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for attacker in attackers:
            with suppress(OSError):  # it would block, or has been ended
                attacker.send(piece)
        most = max(most, service.memory())
        time.sleep(0.2)
    begun = time.monotonic()
    while service.health()[0] != 200 and time.monotonic() - begun < 120:
        most = max(most, service.memory())
        time.sleep(0.2)
    waited = time.monotonic() - begun
    for attacker in attackers:
        attacker.close()
    time.sleep(1)
    return Unread(most - before, service.memory() - before, waited)


def main() -> None:
    """Prints what happens."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    with serving(parser.parse_args().model) as service:
        print(f"header: /health of another client within {1000 * attack_with_a_header(service):.0f} ms")
        for n_at_once in PIECES:
            found = attack_without_reading(service, n_at_once)
            print(
                f"{N_CONNECTIONS} connections, {n_at_once:,} requests at once, nothing read: {found.grown} MB more, "
                f"{found.left} MB afterwards, others answered after {found.waited:.1f} s"
            )
        print(f"SIGTERM: exit code {service.stop()}")


if __name__ == "__main__":
    main()
