"""Why and when a run ends before its work is done: a signal, or its time is up."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

SIGNAL_EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
# Starting and exports took 4 to 10 s of five minutes on two cores.
_SHARE_FOR_EXPORTS, _MOST_FOR_EXPORTS = 0.03, 10.0


@contextmanager
def signals_to(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Has SIGINT and SIGTERM handled so for as long as this lasts."""
    before = {number: signal.signal(number, handle) for number in SIGNAL_EXIT_CODES}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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


class StopRequested(Exception):
    """The run shall end now; what is finished is stored, the epoch under way is given up."""


def seconds_before_exports(timeout_seconds: float | None) -> float | None:
    """Of the time in which a run shall end: all but a few percent, ten seconds at most, which its exports take."""
    if timeout_seconds is None:
        return None
    return timeout_seconds - min(_MOST_FOR_EXPORTS, _SHARE_FOR_EXPORTS * timeout_seconds)


class StopWatch:
    """Knows whether the run shall end.

    Args:
        timeout_seconds: Time from now; None for as long as it takes.
        is_asked: Whether another process asks for the end, which then counts as SIGTERM; looked at between two steps.

    Attributes:
        signal: The first signal that asked for the end; None without one.
        reserved_seconds: What has to be left of the time for what follows.
    """

    def __init__(self, timeout_seconds: float | None = None, is_asked: Callable[[], bool] = lambda: False) -> None:
        self._is_asked = is_asked
        self._deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        self.signal: signal.Signals | None = None
        self.reserved_seconds = 0.0

    @property
    def reason(self) -> str | None:
        """In words; None while the run goes on."""
        if self.signal is None and self._is_asked():
            self.request(signal.SIGTERM)
        if self.signal is not None:
            return "interrupted" if self.signal == signal.SIGINT else "terminated"
        if self._deadline is not None and time.monotonic() + self.reserved_seconds >= self._deadline:
            return "time is up"
        return None

    @property
    def seconds_left(self) -> float | None:
        """Until the time is up; None without a limit."""
        return None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)

    @property
    def exit_code(self) -> int:
        """What a shell expects of a process that a signal ended; 0 without one."""
        return 0 if self.signal is None else SIGNAL_EXIT_CODES[self.signal]

    def request(self, number: signal.Signals) -> None:
        """Asks for the end, as a signal does."""
        self.signal = self.signal or number

    def check(self) -> None:
        """Call between two steps.

        Raises:
            StopRequested: If the run shall end.
        """
        if self.reason is not None:
            raise StopRequested(self.reason)

    def check_signal(self) -> None:
        """Call between two steps of what is still worth doing when the time is up.

        Raises:
            StopRequested: If a signal has asked for the end.
        """
        if self.signal is not None:
            raise StopRequested(self.reason)

    def end_at_once(self, number: int) -> None:
        """What becomes of a second signal."""
        os._exit(SIGNAL_EXIT_CODES[signal.Signals(number)])

    @contextmanager
    def kept_back(self, seconds: float) -> Iterator[None]:
        """For as long as this lasts, the time is up so much earlier."""
        deadline = self._deadline
        self._deadline = None if deadline is None else deadline - seconds
        try:
            yield
        finally:
            self._deadline = deadline

    @contextmanager
    def watch_signals(self) -> Iterator[None]:
        """Turns the first SIGINT or SIGTERM into a request, and the second into an immediate end.

        An exception raised from the handler could hit the middle of a database write; a flag cannot. Signals come to
        the main thread; another one does not see them.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, frame: FrameType | None) -> None:
            if self.signal is not None:
                self.end_at_once(number)
            self.signal = signal.Signals(number)

        with signals_to(handle):
            yield
