"""Accidents to runs and to workers at random moments: nothing is lost, and one worker's study is the same to the bit.

In an ordinary test run there are a few of them; ``--chaos N`` makes N.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.studies import FINISHED, arguments, check_that_nothing_is_lost, outcome, trials
from tests.children import PROC, is_alive, wait_until_gone, workers_of
from tests.databases import n_epochs, n_finished
from tests.processes import run, start

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (PROC / "self" / "stat").exists(), reason="looks for workers in /proc"),
]

# More than a bracket, so that what is drawn by the first one's results is compared too.
N_TRIALS = 11
SHARE_IN_START_UP = 0.25
START_UP_SECONDS = 5.0
MOST_SECONDS_OF_WORK = 3.0
# Of a machine that does many other things too.
SECONDS_TO_LEAVE = 60.0
MOST_SECONDS_TO_AN_EPOCH = 600.0

# What is done to the process of a run, and the exit codes that it may then have: 0 if it was done before.
ENDS: dict[str, tuple[tuple[signal.Signals, ...], set[int]]] = {
    "SIGKILL to the run": ((signal.SIGKILL,), {-signal.SIGKILL, 0}),
    "SIGTERM to the run": ((signal.SIGTERM,), {143, -signal.SIGTERM, 0}),
    "SIGTERM twice to the run": ((signal.SIGTERM, signal.SIGTERM), {143, -signal.SIGTERM, 0}),
    "Ctrl-C": ((signal.SIGINT,), {130, -signal.SIGINT, 0}),
    "SIGSTOP, SIGCONT, SIGKILL to the run": (
        (signal.SIGSTOP, signal.SIGCONT, signal.SIGKILL),
        {-signal.SIGKILL, 0},
    ),
}
TO_A_WORKER: dict[str, tuple[signal.Signals, ...]] = {
    "SIGKILL to a worker": (signal.SIGKILL,),
    "SIGTERM to a worker": (signal.SIGTERM,),
    "SIGSTOP, SIGCONT to a worker": (signal.SIGSTOP, signal.SIGCONT),
    "SIGKILL to both workers": (signal.SIGKILL,),
}


class Chaos:
    """Accidents to one study after another, until there were enough of them."""

    def __init__(self, place: Path, accidents: range, *more: str) -> None:
        self._place, self._more = place, more
        self._dice = random.Random(f"{accidents} {more}")
        self._n_left = len(accidents)
        self.accidents: Counter[str] = Counter()
        self.n_studies = self.n_trials = 0

    def go(self, accident: Callable[[subprocess.Popen[str], Path], None], check: Callable[[Path], object]) -> None:
        """Has accidents happen, and checks each study when it is finished, and the last one."""
        while self._n_left > 0:
            save_dir = self._place / f"study-{self.n_studies}"
            save_dir.mkdir()
            while self._n_left > 0 and n_finished(save_dir) < N_TRIALS:
                process = start(*arguments(save_dir, N_TRIALS, *self._more), own_group=True)
                try:
                    accident(process, save_dir)
                finally:
                    process.kill()
                    process.communicate()
            check(save_dir)
            self.n_studies += 1
            self.n_trials += len(trials(save_dir))

    def end(self, process: subprocess.Popen[str], save_dir: Path) -> None:
        """Ends a run at a random moment, in one of several ways."""
        if not self.wait(process, save_dir):
            return
        workers = workers_of(process.pid)
        what = self._dice.choice(list(ENDS))
        signals, codes = ENDS[what]
        self.count(what)
        self.send(process.pid, signals, to_group=what == "Ctrl-C")
        _, errors = process.communicate(timeout=MOST_SECONDS_TO_AN_EPOCH)
        assert process.returncode in codes, (what, process.returncode, errors)
        assert "Traceback" not in errors or n_epochs(save_dir) == 0, (what, errors)
        # Sometimes the next run meets workers of the last one.
        if self._dice.random() < 0.5:
            assert wait_until_gone(workers, SECONDS_TO_LEAVE) == [], what

    def hit_a_worker(self, process: subprocess.Popen[str], save_dir: Path) -> None:
        """Hits workers of a run, again and again, or ends the run."""
        while self._n_left > 0:
            if self._dice.random() < 0.3:
                self.end(process, save_dir)
                return
            if not self.wait(process, save_dir):
                return
            what = self._dice.choice(list(TO_A_WORKER))
            workers = workers_of(process.pid)
            self._dice.shuffle(workers)
            if workers:
                self.count(what)
            for worker in workers if "both" in what else workers[:1]:
                self.send(worker, TO_A_WORKER[what])

    def wait(self, process: subprocess.Popen[str], save_dir: Path) -> bool:
        """Until a random moment of its start-up, or of its work; False if it has come to its end before."""
        if self._dice.random() < SHARE_IN_START_UP:
            until, seconds = n_epochs(save_dir), self._dice.uniform(0, START_UP_SECONDS)
        else:
            until, seconds = n_epochs(save_dir) + 1, self._dice.uniform(0, MOST_SECONDS_OF_WORK)
        deadline = time.monotonic() + MOST_SECONDS_TO_AN_EPOCH
        while n_epochs(save_dir) < until and process.poll() is None:
            assert time.monotonic() < deadline, f"no epoch in {MOST_SECONDS_TO_AN_EPOCH:g} s"
            time.sleep(0.02)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        output, errors = process.communicate()
        assert process.returncode == 0, output + errors
        return False

    def send(self, pid: int, signals: tuple[signal.Signals, ...], to_group: bool = False) -> None:
        """One signal after another; the process may be gone before."""
        for number in signals:
            if not is_alive(pid):
                return
            try:
                os.killpg(pid, number) if to_group else os.kill(pid, number)
            except ProcessLookupError:
                return
            time.sleep(self._dice.uniform(0.2, 1.5) if len(signals) > 1 else 0)

    def count(self, what: str) -> None:
        self.accidents[what] += 1
        self._n_left -= 1

    def counts(self) -> dict[str, int]:
        """What was done, and to how much."""
        return {**self.accidents, "studies": self.n_studies, "trials": self.n_trials}


@pytest.fixture(scope="module")
def peaceful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study without an accident."""
    save_dir = tmp_path_factory.mktemp("peaceful")
    run(*arguments(save_dir, N_TRIALS))
    return save_dir


def test_one_worker_comes_to_the_same_bits(
    peaceful: Path, tmp_path: Path, accidents: range, record_property: Callable[[str, object], None]
) -> None:
    expected = [outcome(trial) for trial in trials(peaceful)]

    def check(save_dir: Path) -> None:
        assert [outcome(trial) for trial in check_that_nothing_is_lost(save_dir, N_TRIALS)] == expected

    chaos = Chaos(tmp_path, accidents)
    chaos.go(chaos.end, check)
    record_property("accidents with one worker", chaos.counts())


def test_two_workers_come_to_the_same_bits(peaceful: Path, tmp_path: Path) -> None:
    run(*arguments(tmp_path, N_TRIALS, "--workers", "2"))
    assert [outcome(trial) for trial in trials(tmp_path)] == [outcome(trial) for trial in trials(peaceful)]


def test_two_workers_that_are_killed_come_to_the_same_bits(
    peaceful: Path, tmp_path: Path, accidents: range, record_property: Callable[[str, object], None]
) -> None:
    expected = [outcome(trial) for trial in trials(peaceful)]

    def check(save_dir: Path) -> None:
        found = check_that_nothing_is_lost(save_dir, N_TRIALS)
        # One that was hit too often is given up, and another one is tried in its place.
        if all(trial.state in FINISHED for trial in found):
            assert [outcome(trial) for trial in found] == expected

    chaos = Chaos(tmp_path, accidents, "--workers", "2")
    chaos.go(chaos.hit_a_worker, check)
    record_property("accidents with two workers", chaos.counts())
