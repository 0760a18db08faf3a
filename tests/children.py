"""The processes that a process has started, as the system knows them (Linux and others with /proc)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from tests.warm import FORKED

PROC = Path("/proc")


def workers_of(parent: int) -> list[int]:
    """Process numbers of the workers that a run has started and that are alive."""
    return [pid for pid in _processes() if is_alive(pid) and _parent(_parent(pid)) == parent and is_worker(pid)]


def is_worker(pid: int) -> bool:
    """Whether this is a process of multiprocessing that workers are forked from, or one of them."""
    try:
        place = PROC / str(pid)
        return b"multiprocessing.forkserver" in (place / "cmdline").read_bytes() or (
            (place / "comm").read_text().strip() == FORKED
        )
    except OSError:
        return False


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has asked for its exit code does not."""
    return _state(pid) not in ("", "Z", "X")


def wait_until_gone(pids: Iterable[int], seconds: float) -> list[int]:
    """Waits; returns those that are still there."""
    deadline, left = time.monotonic() + seconds, list(pids)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [pid for pid in left if is_alive(pid)]
    return left


def _processes() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdigit()]


def _fields(pid: int) -> list[str]:
    """State, parent and what follows (proc_pid_stat(5)); the name in front may hold spaces and brackets."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _state(pid: int) -> str:
    return (_fields(pid) or [""])[0]


def _parent(pid: int) -> int:
    return int((_fields(pid) or ["", "0"])[1])
