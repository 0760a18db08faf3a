"""A confirmation as a person runs it: killed, gone on with, extended by two workers, looked at."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from tests.databases import n_finished
from tests.processes import SMALL, run, start
from tune.study.storage import open_storage, sqlite_url
from tune.study.study import load_study


def study(save_dir: Path, name: str) -> optuna.Study | None:
    path = save_dir / "tune.db"
    return load_study(open_storage(sqlite_url(path)), name) if path.exists() else None


def wait_for_run(save_dir: Path, process: subprocess.Popen[str]) -> None:
    """Until a confirmation run is finished, and others are not."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if n_finished(save_dir, "s-confirmation"):
            return
        time.sleep(0.05)
    pytest.fail("no confirmation run has ended")


@pytest.mark.timeout(600)
def test_it_survives_kill_9_and_two_workers_go_on_with_it(tmp_path: Path) -> None:
    where = ("--save-dir", str(tmp_path), "--study-name", "s")
    process = start(*SMALL, *where, "--trials=3", "--pruner=none", "--epochs=6", "--confirm=2", "--confirm-seeds=3")
    wait_for_run(tmp_path, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    output, _ = run("--resume", "--workers=2", *where)
    assert "with 3 fresh seeds" in output
    confirmation, searched = study(tmp_path, "s-confirmation"), study(tmp_path, "s")
    assert confirmation is not None
    assert searched is not None
    found = searched.user_attrs["confirmation"]
    runs = confirmation.get_trials(deepcopy=False)
    assert [trial.state for trial in runs] == [TrialState.COMPLETE] * 3 * len(found["configurations"])
    assert searched.user_attrs["evaluations"].keys() == {str(found["winner"])}
    best = json.loads((tmp_path / "s" / "best_config.json").read_text())
    assert best["trial"] == found["winner"]
    assert {len(one["scores"]) for one in best["confirmation"]["configurations"]} == {3}
    assert not (tmp_path / "s-confirmation" / "best_config.json").exists()
    assert "All is well" in run("status", "--check", "--save-dir", str(tmp_path))[0]
    _, errors = run("--resume", "--save-dir", str(tmp_path), "--study-name", "s-confirmation", expect=2)
    assert "--study-name s)" in errors


@pytest.mark.parametrize("option", ["--confirm=-1", "--confirm-seeds=many"])
def test_nonsense_is_refused(tmp_path: Path, option: str) -> None:
    _, errors = run(*SMALL, option, "--save-dir", str(tmp_path), expect=2)
    assert "confirmation." in errors
