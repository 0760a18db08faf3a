"""Runs that begin at the same instant on the same new study, and runs that come to their end on a busy machine."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.studies import arguments, check_that_nothing_is_lost
from tests.processes import start

pytestmark = pytest.mark.slow

MOST_SECONDS = 600.0
# Enough for the libraries of the exports to be loaded between two trials.
N_TRIALS_TO_THE_END = 5
WAYS_TO_BEGIN = {"both with --resume": (True, True), "one with --resume": (True, False), "neither": (False, False)}


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, output and errors."""
    output, errors = process.communicate(timeout=MOST_SECONDS)
    assert "Traceback" not in errors, errors
    return process.returncode, output, errors


def begin_together(save_dir: Path, resume: tuple[bool, bool]) -> list[tuple[int, str, str]]:
    """How two runs of a study end that begin at the same instant, before there is a database."""
    processes = []
    for resumes in resume:
        words = arguments(save_dir, 1)
        processes.append(start(*(words if resumes else [word for word in words if word != "--resume"])))
    return [ended(process) for process in processes]


def test_two_runs_begin_the_same_study_at_the_same_instant(
    tmp_path: Path, accidents: range, record_property: Callable[[str, object], None]
) -> None:
    counts: Counter[str] = Counter()
    for number in accidents:
        save_dir = tmp_path / f"begun-{number}"
        save_dir.mkdir()
        way = list(WAYS_TO_BEGIN)[number % len(WAYS_TO_BEGIN)]
        ends = begin_together(save_dir, WAYS_TO_BEGIN[way])
        for (code, _, errors), resumes in zip(ends, WAYS_TO_BEGIN[way], strict=True):
            # Who comes second and did not ask to go on is told that the study exists, and how to.
            refused = code == 2 and not resumes and "exists already" in errors
            assert code == 0 or refused, (way, ends)
        assert [code for code, *_ in ends].count(0) >= 1, ends
        check_that_nothing_is_lost(save_dir, 1)
        counts[way] += 1
    record_property("accidents: two runs begun at once", dict(counts))


@contextmanager
def busy_cores() -> Iterator[None]:
    """Other processes compute on every core meanwhile."""
    busy = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_studies_come_to_their_end_on_a_busy_machine(
    tmp_path: Path, accidents: range, record_property: Callable[[str, object], None]
) -> None:
    counts: Counter[str] = Counter()
    dice = random.Random(str(accidents))
    for number in accidents:
        save_dir = tmp_path / f"ended-{number}"
        save_dir.mkdir()
        way = ("one worker", "two workers", "two runs")[number % 3]
        more = ("--workers", "2") if way == "two workers" else ()
        words = arguments(save_dir, N_TRIALS_TO_THE_END, *more)
        with busy_cores():
            processes = [start(*words, cold=True)]
            if way == "two runs":
                time.sleep(dice.uniform(0, 3))
                processes.append(start(*words, cold=True))
            for process in processes:
                code, _, errors = ended(process)
                assert (code, errors) == (0, ""), way
        check_that_nothing_is_lost(save_dir, N_TRIALS_TO_THE_END)
        counts[way] += 1
    record_property("accidents: ends on a busy machine", dict(counts))
