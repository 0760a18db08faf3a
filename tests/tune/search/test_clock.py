"""A clock that is set back while a study runs, and before it goes on: nothing lasts less than no time, or for ever.

libfaketime (Debian's package ``faketime``) sets the clock of a process; its steady clock goes on, as the system's does.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from tests.postgres import CannotStartError, running_server
from tests.processes import ROOT, SMALL, run, start
from tune.study.storage import open_storage, sqlite_url
from tune.study.study import with_histories
from tune.tracking.records import trial_record

pytestmark = pytest.mark.slow
WHERE = ("lib/*/faketime/libfaketimeMT.so.1", "lib/faketime/libfaketimeMT.so.1", "lib64/faketime/libfaketimeMT.so.1")
STUDY = (*SMALL, "--epochs", "6", "--study-name", "s", "--set=search.pruner=none")


@pytest.fixture
def library() -> Path:
    found = [path for pattern in WHERE for path in Path("/usr").glob(pattern)]
    if not found:
        pytest.skip("libfaketime is not installed (on Debian and Ubuntu: apt-get install faketime)")
    return found[0]


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "SQLite":
        yield sqlite_url(tmp_path / "tune.db")
        return
    pytest.importorskip("psycopg")
    try:
        with running_server() as server:
            yield server.database("clock")
    except CannotStartError as error:
        pytest.skip(str(error))


class Clock:
    """The clock of the processes that it is given to, set by a file."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        # It shifts what time.sleep waits for as well, to before the beginning of all time, which is no time.
        code = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds)\n"
        (file.parent / "sitecustomize.py").write_text(code)
        self.environment = {
            "PYTHONPATH": f"{file.parent}{os.pathsep}{ROOT}",
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Else waiting for a lock with a limit never ends.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }

    def set(self, offset: str) -> None:
        self._file.write_text(f"{offset}\n")


def set_back_while_it_runs(process: subprocess.Popen[str], storage: optuna.storages.RDBStorage, clock: Clock) -> None:
    """By two hours within the first trial, by three days within the second one."""
    for n_epochs, offset in ((2, "-2h"), (8, "-3d")):
        deadline = time.monotonic() + 200
        while n_reported(storage) < n_epochs and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        clock.set(offset)


def n_reported(storage: optuna.storages.RDBStorage) -> int:
    return sum(len(trial.intermediate_values) for trial in all_trials(storage))


def all_trials(storage: optuna.storages.RDBStorage) -> list[optuna.trial.FrozenTrial]:
    studies = [optuna.load_study(study_name=one.study_name, storage=storage) for one in storage.get_all_studies()]
    return [trial for study in studies for trial in with_histories(study, study.get_trials(deepcopy=False))]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_clock_that_is_set_back_changes_no_result(library: Path, address: str, tmp_path: Path, workers: str) -> None:
    clock, storage = Clock(library, tmp_path / "offset"), open_storage(address)
    where = ("--save-dir", str(tmp_path), "--workers", workers, "--timeout", "10m")
    environment = {**clock.environment, "DATABASE": address}

    def ended(process: subprocess.Popen[str]) -> str:
        output, errors = process.communicate(timeout=240)
        assert process.returncode == 0, output + errors
        return output

    clock.set("+0")
    process = start(*STUDY, *where, "--storage", "env:DATABASE", "--trials", "3", environment=environment, cold=True)
    set_back_while_it_runs(process, storage, clock)
    assert "Ended: 3 trials finished" in ended(process)
    clock.set("-9d")
    more = ("--resume", "--trials", "4")
    assert "Ended: 4 trials" in ended(
        start(*STUDY, *where, "--storage", "env:DATABASE", *more, environment=environment, cold=True)
    )
    trials = all_trials(storage)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4
    for trial in trials:
        assert 0 < trial.user_attrs["training_seconds"] < 240
        assert all(epoch["seconds"] > 0 for fold in trial.user_attrs["history"] for epoch in fold)
        record = trial_record(trial)
        assert record.ended >= record.started
    if workers == "1":
        run(*STUDY, "--save-dir", str(tmp_path / "steady"), "--trials", "4")
        steady = all_trials(open_storage(sqlite_url(tmp_path / "steady" / "tune.db")))
        assert json.dumps([trial.params for trial in trials]) == json.dumps([trial.params for trial in steady])
        assert [trial.values for trial in trials] == [trial.values for trial in steady]
    storage.engine.dispose()
