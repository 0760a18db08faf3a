"""A run ends when its time is up or a signal asks for it, between two steps and never inside one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tune.core.stopping import StopRequested, StopWatch, seconds_before_exports

ROOT = Path(__file__).resolve().parents[3]


def test_without_a_limit_nothing_stops_it() -> None:
    stop = StopWatch()
    stop.check()
    assert (stop.reason, stop.seconds_left, stop.exit_code) == (None, None, 0)


def test_a_time_that_is_up_is_a_reason_but_no_error() -> None:
    stop = StopWatch(timeout_seconds=0.01)
    assert stop.seconds_left is not None
    time.sleep(0.02)
    assert (stop.reason, stop.seconds_left, stop.exit_code) == ("time is up", 0.0, 0)
    with pytest.raises(StopRequested, match="time is up"):
        stop.check()


@pytest.mark.parametrize(
    ("number", "reason", "exit_code"), [(signal.SIGINT, "interrupted", 130), (signal.SIGTERM, "terminated", 143)]
)
def test_a_signal_is_a_request(number: signal.Signals, reason: str, exit_code: int) -> None:
    stop, before = StopWatch(), signal.getsignal(number)
    with stop.watch_signals():
        stop.check()
        os.kill(os.getpid(), number)
        with pytest.raises(StopRequested, match=reason):
            stop.check()
    assert (stop.reason, stop.exit_code) == (reason, exit_code)
    assert signal.getsignal(number) is before


def test_a_second_signal_ends_at_once() -> None:
    script = (
        "import os, signal, time; from tune.core.stopping import StopWatch\n"
        "with StopWatch().watch_signals():\n"
        "    os.kill(os.getpid(), signal.SIGINT); print('still here', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("still here\n", 130)


def test_the_time_is_up_earlier_where_something_has_to_follow() -> None:
    stop = StopWatch(timeout_seconds=60)
    assert stop.reason is None
    stop.reserved_seconds = 61.0
    assert stop.reason == "time is up"


@pytest.mark.parametrize(("timeout", "left"), [(300.0, 291.0), (1_000.0, 990.0), (10.0, 9.7)])
def test_a_command_keeps_a_little_of_its_time_for_the_exports(timeout: float, left: float) -> None:
    assert seconds_before_exports(timeout) == pytest.approx(left)
    assert seconds_before_exports(None) is None
