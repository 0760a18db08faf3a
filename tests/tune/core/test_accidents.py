"""What happens to a disk and to files, as a person meets it: one sentence, exit code 3, and nothing is overwritten."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import optuna
import pytest
from optuna.trial import TrialState

from tests.databases import n_finished
from tests.processes import ROOT, SMALL, run, start
from tune.study.storage import open_storage, sqlite_url

pytestmark = pytest.mark.slow
CAP_DAC_OVERRIDE, PR_CAPBSET_DROP = 1, 24
# No trial is put off until others have got as far, so that each that has begun must come to its end.
TO_THE_END = (*SMALL, "--set=search.pruner=none")


def as_anyone() -> None:
    """Takes from a privileged child the right to write where permissions forbid it."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)


def run_with(preexec: Callable[[], None] | None, *arguments: str, expect: int = 3) -> str:
    """Errors of a tuner that ends with one sentence, after something was done to its process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "tune", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, preexec_fn=preexec, timeout=240)
    assert ended.returncode == expect, ended.stdout + ended.stderr
    return one_sentence(ended.stderr)


def one_sentence(errors: str) -> str:
    (line,) = errors.splitlines()
    assert line.startswith("error: ")
    return line


def states(database: Path) -> list[TrialState]:
    (summary,) = (storage := open_storage(sqlite_url(database))).get_all_studies()
    found = [trial.state for trial in storage.get_all_trials(summary._study_id)]
    storage.engine.dispose()
    return found


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    if (
        shutil.which("mount") is None
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=700k", "none", str(place)], capture_output=True
        ).returncode
    ):
        pytest.skip("no right to mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_ends_the_run_and_more_space_lets_it_go_on(small_disk: Path, tmp_path: Path) -> None:
    errors = run_with(None, *TO_THE_END, "--save-dir", str(small_disk), "--study-name", "s", "--trials", "500")
    assert str(small_disk) in errors
    assert "free some space" in errors or "disk is full" in errors
    shutil.copytree(small_disk, tmp_path / "roomy")
    n_begun = len(states(tmp_path / "roomy" / "tune.db"))
    n_finished = sum(state.is_finished() for state in states(tmp_path / "roomy" / "tune.db"))
    run("--resume", "--save-dir", str(tmp_path / "roomy"), "--study-name", "s", "--trials", str(n_finished + 1))
    assert all(state.is_finished() for state in states(tmp_path / "roomy" / "tune.db")), n_begun


def test_a_limit_on_file_sizes_ends_the_run(tmp_path: Path) -> None:
    limit = 200_000
    errors = run_with(
        lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        *SMALL, "--save-dir", str(tmp_path), "--study-name", "s", "--trials", "500",
    )  # fmt: skip
    assert str(tmp_path) in errors
    assert "--resume" in errors


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    place = tmp_path / "studies"
    place.mkdir()
    place.chmod(0o555)
    errors = run_with(as_anyone, *SMALL, "--save-dir", str(place), "--trials", "1")
    assert str(place) in errors
    assert "--save-dir" in errors
    assert list(place.iterdir()) == []


def test_a_database_that_may_not_be_written(tmp_path: Path) -> None:
    optuna.create_study(storage=(storage := open_storage(sqlite_url(tmp_path / "tune.db"))))
    storage.engine.dispose()
    (tmp_path / "tune.db").chmod(0o444)
    before = (tmp_path / "tune.db").read_bytes()
    errors = run_with(as_anyone, *SMALL, "--save-dir", str(tmp_path), "--trials", "1")
    assert "tune.db" in errors
    assert "writable" in errors
    assert (tmp_path / "tune.db").read_bytes() == before


def begun(save_dir: Path, *more: str, database: Path | None = None, unprivileged: bool = False) -> Popen[str]:
    """A run that has finished two trials and has many to go."""
    arguments = (*TO_THE_END, "--save-dir", str(save_dir), "--study-name", "s", "--trials", "500", *more)
    process = start(*arguments, preexec=as_anyone if unprivileged else None)
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and process.poll() is None:
        if n_finished(database.parent if database else save_dir) >= 2:
            return process
        time.sleep(0.1)
    process.kill()
    pytest.fail(f"never began: {process.communicate()}")


def ended_with_one_sentence(process: Popen[str]) -> str:
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 3, errors
    return one_sentence(errors)


def goes_on(*where: str, database: Path) -> None:
    """Two more trials, and none is left or lost."""
    n_before = sum(state.is_finished() for state in states(database))
    run("--resume", *where, "--study-name", "s", "--trials", str(n_before + 2))
    assert sum(state == TrialState.COMPLETE for state in states(database)) >= 2
    assert all(state.is_finished() for state in states(database))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_folder_that_becomes_read_only_in_mid_run(tmp_path: Path, workers: str) -> None:
    process = begun(tmp_path, "--workers", workers, unprivileged=True)
    places = [tmp_path, *(path for path in tmp_path.rglob("*") if path.is_dir())]
    for place in places:
        place.chmod(0o555)
    try:
        output, errors = process.communicate(timeout=120)
    finally:
        for place in places:
            place.chmod(0o755)
    # With workers it may be they who cannot go on, or the run itself.
    assert process.returncode in ({3} if workers == "1" else {1, 3}), errors
    assert "Traceback" not in errors
    assert "Permission denied" in output + errors
    goes_on("--save-dir", str(tmp_path), "--workers", "1", database=tmp_path / "tune.db")


def test_a_database_on_a_disk_that_is_full(small_disk: Path, tmp_path: Path) -> None:
    """What else the study leaves is on another disk, which has room."""
    database = small_disk / "tune.db"
    where = ("--storage", f"sqlite:///{database}")
    process = begun(tmp_path, *where, database=database)
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "film").write_bytes(bytes(1_000_000))
    errors = ended_with_one_sentence(process)
    assert str(database) in errors
    assert "free some space" in errors
    (small_disk / "film").unlink()
    goes_on("--save-dir", str(tmp_path), *where, database=database)


def test_a_database_that_is_moved_and_put_back_has_lost_nothing(tmp_path: Path) -> None:
    process = begun(tmp_path)
    process.send_signal(signal.SIGSTOP)
    for path in tmp_path.glob("tune.db*"):
        path.rename(path.with_name("away-" + path.name))
    process.send_signal(signal.SIGCONT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3, errors
    assert "was deleted or moved away" in one_sentence(errors)
    assert not (tmp_path / "tune.db").exists()
    for path in tmp_path.glob("away-*"):
        path.rename(path.with_name(path.name.removeprefix("away-")))
    n_finished = sum(state.is_finished() for state in states(tmp_path / "tune.db"))
    run("--resume", "--save-dir", str(tmp_path), "--study-name", "s", "--trials", str(n_finished + 1))
    assert all(state.is_finished() for state in states(tmp_path / "tune.db"))
