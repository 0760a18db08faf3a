"""The study that accidents happen to: how far it is, and whether it is whole in the end."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from safetensors.torch import load

from tests.processes import SMALL, run
from tune.study.leases import MOST_CRASHES

NAME = "battered"
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
EXPORTS = ("best_config.json", "trials.csv", "plots.html")
PICTURES = ("optimization_history.png", "parallel_coordinate.png")


def arguments(save_dir: Path, n_trials: int, *more: str) -> tuple[str, ...]:
    """Of a run that begins or continues the study."""
    place = ("--save-dir", str(save_dir), "--study-name", NAME, "--trials", str(n_trials), "--resume", "--workers", "1")
    return (*SMALL, "--epochs", "8", *place, *more)


def trials(save_dir: Path) -> list[FrozenTrial]:
    """As the database has them."""
    return optuna.load_study(study_name=NAME, storage=f"sqlite:///{save_dir}/tune.db").get_trials(deepcopy=False)


def outcome(trial: FrozenTrial) -> dict[str, Any]:
    """Everything about a trial that must not depend on accidents."""
    by_accident = ("training_seconds", "history", "crashes")
    attributes = {name: value for name, value in trial.user_attrs.items() if name not in by_accident}
    history = [
        [{key: value for key, value in epoch.items() if key != "seconds"} for epoch in fold]
        for fold in trial.user_attrs["history"]
    ]
    return {
        "number": trial.number,
        "state": trial.state,
        "parameters": trial.params,
        "values": trial.values,
        "reported": trial.intermediate_values,
        "attributes": attributes,
        "history": history,
    }


def check_that_nothing_is_lost(save_dir: Path, n_trials: int) -> list[FrozenTrial]:
    """Lets the run come to its end in peace, and looks at everything that it has left."""
    run(*arguments(save_dir, n_trials))
    with closing(sqlite3.connect(save_dir / "tune.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    found = trials(save_dir)
    assert [trial.number for trial in found] == list(range(len(found)))
    assert sum(trial.state in FINISHED for trial in found) == n_trials
    for trial in found:
        given_up = trial.state == TrialState.FAIL and len(trial.user_attrs.get("crashes", [])) >= MOST_CRASHES
        assert trial.state in FINISHED or given_up, (trial.number, trial.state, trial.user_attrs)
    assert len({json.dumps(trial.params, sort_keys=True) for trial in found}) == len(found)
    _check_exports(save_dir / NAME, found)
    return found


def _check_exports(folder: Path, found: list[FrozenTrial]) -> None:
    best = json.loads((folder / "best_config.json").read_text())
    complete = [trial.value or 0.0 for trial in found if trial.state == TrialState.COMPLETE]
    assert best["value"] == max(complete)
    with (folder / "trials.csv").open() as file:
        assert [int(row["number"]) for row in csv.DictReader(file)] == [trial.number for trial in found]
    for name in PICTURES:
        picture = (folder / name).read_bytes()
        assert picture.startswith(b"\x89PNG"), name
        assert b"IEND" in picture[-12:], name
    assert (folder / "plots.html").read_text().rstrip().endswith("</html>")
    for place in (folder / "trials").iterdir():
        trial = found[json.loads((place / "config.json").read_text())["trial"]]
        if trial.state in FINISHED:
            with (place / "history.csv").open() as file:
                assert [int(row["epoch"]) for row in csv.DictReader(file)] == sorted(trial.intermediate_values)
    assert load((folder / best["trial_folder"] / "weights.safetensors").read_bytes())
    assert not list((folder / ".checkpoints").glob("*.pt"))
