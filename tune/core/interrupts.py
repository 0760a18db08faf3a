"""Ctrl-C and the processes that are started: it is for the one that was started by hand, which passes it on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Keeps Ctrl-C, which the terminal sends to every process, from a worker that cannot yet ignore it.

    What is blocked stays blocked in a new process (pthread_sigmask(3)); to this one it comes a moment later.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # A worker's start begins with it, and it would let the signal through again.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
