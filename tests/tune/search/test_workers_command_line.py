"""``--workers`` as a person uses it: the run is killed, interrupted and joined, and no worker outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.children import PROC, wait_until_gone, workers_of
from tests.databases import n_finished
from tests.processes import SMALL, run, start

pytestmark = pytest.mark.skipif(not (PROC / "self" / "stat").exists(), reason="looks for workers in /proc")

# Of a machine that does many other things too; a quiet one takes less than the 5 s that are promised.
SECONDS_TO_LEAVE = 30.0


def trials(save_dir: Path) -> list[FrozenTrial]:
    return optuna.load_study(study_name="many", storage=f"sqlite:///{save_dir}/tune.db").get_trials(deepcopy=False)


def wait_for(save_dir: Path, n_trials: int, process: subprocess.Popen[str]) -> None:
    """Until the study has so many finished trials."""
    deadline = time.monotonic() + 200
    while process.poll() is None and time.monotonic() < deadline:
        if n_finished(save_dir) >= n_trials:
            return
        time.sleep(0.05)
    pytest.fail(f"ended by itself, or took too long: {process.communicate()}")


def options(save_dir: Path, *more: str) -> tuple[str, ...]:
    return (*SMALL, "--save-dir", str(save_dir), "--study-name", "many", *more)


@contextmanager
def two_workers(save_dir: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A run of two workers that has finished two more trials."""
    n_before = n_finished(save_dir)
    process = start(*options(save_dir, "--resume", "--workers", "2", "--trials", "500"), own_group=True)
    try:
        wait_for(save_dir, n_before + 2, process)
        workers = workers_of(process.pid)
        assert len(workers) == 2
        yield process, workers
    finally:
        process.kill()
        process.communicate()


def interrupted(process: subprocess.Popen[str]) -> str:
    """Ends a run in time and without a word of error; what it printed."""
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # As the terminal does with Ctrl-C.
    output, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < SECONDS_TO_LEAVE
    assert errors == "", output
    return output


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_worker_outlives_its_run_and_the_total_is_exact(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (process, workers):
        assert "/500" in run("status", "--save-dir", str(tmp_path))[0]
        process.send_signal(signal.SIGKILL)
        assert wait_until_gone(workers, SECONDS_TO_LEAVE) == []
    with two_workers(tmp_path) as (process, workers):
        assert "--resume" in interrupted(process)
        assert process.returncode == 130
        assert wait_until_gone(workers, 0.1) == []
    n_trials = len(trials(tmp_path)) + 1
    run(*options(tmp_path, "--resume", "--workers", "2", "--trials", str(n_trials)))
    found = trials(tmp_path)
    assert [trial.number for trial in found] == list(range(n_trials))
    assert {trial.state for trial in found} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert not any("crashes" in trial.user_attrs for trial in found)
    folder = tmp_path / "many"
    assert len((folder / "trials.csv").read_text().splitlines()) == 1 + n_trials
    assert not list((folder / ".checkpoints").glob("*"))
    assert [path.name for path in (folder / ".workers").iterdir()] == ["lock"]


@pytest.mark.slow
def test_ctrl_c_while_the_workers_start_leaves_no_traceback(tmp_path: Path) -> None:
    # Cold: workers that are forked with their libraries hardly take any time to start.
    process = start(*options(tmp_path, "--workers", "2", "--trials", "500"), own_group=True, cold=True)
    deadline = time.monotonic() + 100
    while not (workers := workers_of(process.pid)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, ""), output
    assert wait_until_gone(workers, 0.1) == []


@pytest.mark.slow
def test_a_second_run_joins_the_first(tmp_path: Path) -> None:
    first = start(*options(tmp_path, "--trials", "5", "--workers", "2"))
    wait_for(tmp_path, 1, first)
    second = start("--resume", "--save-dir", str(tmp_path), "--study-name", "many", "--trials", "5")
    ended = [process.communicate(timeout=240) for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0], ended
    assert [trial.number for trial in trials(tmp_path)] == list(range(5))
    assert n_finished(tmp_path) == 5
    assert (tmp_path / "many" / "best_config.json").exists()


@pytest.mark.parametrize("written", ["0", "-1", "many", "1.5", "auto2", "", "99999"])
def test_a_number_of_workers_that_makes_no_sense_is_refused(tmp_path: Path, written: str) -> None:
    _, errors = run(*options(tmp_path, f"--workers={written}"), expect=2)
    assert "workers" in errors
    assert not (tmp_path / "tune.db").exists()


@pytest.mark.slow
def test_auto_means_something_on_every_machine(tmp_path: Path) -> None:
    run(*options(tmp_path, "--workers", "auto", "--trials", "2"))
    assert n_finished(tmp_path) == 2
