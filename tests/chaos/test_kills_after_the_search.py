"""SIGKILL while the best are confirmed, trained once more and exported, and while configurations are compared.

Whatever was killed and gone on with, with one worker or two, ends as what nothing happened to, to the last bit.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest

from tests.chaos.studies import NAME, arguments, outcome
from tests.databases import n_epochs, n_finished
from tests.processes import run, start

pytestmark = pytest.mark.slow

N_TRIALS, N_EPOCHS = 3, 8
# Every run of the confirmation, whatever the clock says.
CONFIRMED = ("--set=confirmation.configurations=2", "--set=confirmation.seeds=2", "--set=confirmation.time_share=null")
SUITE: dict[str, Any] = {
    "name": "tiny",
    "settings": {
        "dataset": "watch",
        "data": {"classes": 2, "window_seconds": 4.0},
        "split": {"folds": 2, "test_fraction": 0.0},
        "training": {"epochs": 4},
        "space": {"gru": {"front_layers": 1, "front_channels": 4, "front_stride": 4, "n_layers": 1}},
    },
    "configurations": [{"name": f"of-{n}", "settings": {"space": {"gru": {"hidden_size": n}}}} for n in (4, 8)],
}
START_UP_SECONDS, MOST_SECONDS_BEYOND, MOST_SECONDS = 5.0, 1.5, 600.0
SHARE_IN_START_UP = 0.15
WORKERS = pytest.mark.parametrize("n_workers", [1, 2])


def _has_trained(save_dir: Path, aim: int) -> bool:
    return n_epochs(save_dir) >= aim


def studies_in(save_dir: Path) -> dict[str, optuna.Study]:
    storage = optuna.storages.RDBStorage(f"sqlite:///{save_dir}/tune.db")
    names = optuna.get_all_study_names(storage)
    return {name: optuna.load_study(study_name=name, storage=storage) for name in names}


def without_times(found: Any) -> Any:
    """Whatever depends on the clock, on this folder, or on how often something was begun left out."""
    if isinstance(found, dict):
        left_out = ("seconds", "latency_ms", "created", "study_id", "history", "training_seconds", "identity")
        return {name: without_times(value) for name, value in found.items() if name not in left_out}
    return [without_times(one) for one in found] if isinstance(found, list) else found


def everything(save_dir: Path) -> dict[str, Any]:
    """What must not depend on accidents: trials, confirmation, evaluations, weights."""
    found: dict[str, Any] = {}
    for name, study in studies_in(save_dir).items():
        # Runs that two workers share are begun in any order; which configuration and seed they have is what counts.
        trials = [{**without_times(outcome(trial)), "number": None} for trial in study.get_trials(deepcopy=False)]
        attributes = {key: study.user_attrs.get(key) for key in ("confirmation", "evaluations", "test_uses")}
        found[name] = (sorted(map(repr, trials)), without_times(attributes))
    weights = sorted(save_dir.glob("*/best_model/*.safetensors"))
    found["weights"] = [hashlib.sha256(path.read_bytes()).hexdigest() for path in weights]
    return found


def stage(save_dir: Path) -> str:
    """What a run of the study was about."""
    studies = studies_in(save_dir)
    attributes, others = studies[NAME].user_attrs, [study for name, study in studies.items() if name != NAME]
    if "evaluations" in attributes:
        return "exports"
    if attributes.get("confirmation") or list((save_dir / NAME / ".checkpoints").glob("refit-*")):
        return "last fit"
    return "confirmation" if any(study.get_trials(deepcopy=False) for study in others) else "start-up"


Moment = Callable[[], bool]


def moments_of_work(save_dir: Path, n_epochs_ahead: int) -> dict[str, Moment]:
    """What a run is waited for before it is killed, each within a stage of its own."""
    folder, aim = save_dir / NAME, n_epochs(save_dir) + n_epochs_ahead
    before = (folder / "best_config.json").stat().st_mtime_ns if (folder / "best_config.json").exists() else 0
    return {
        "confirmation": lambda: n_epochs(save_dir) >= aim,
        "last fit": lambda: any((folder / ".checkpoints").glob("refit-*")),
        "exports": lambda: (
            (folder / "best_config.json").exists() and (folder / "best_config.json").stat().st_mtime_ns > before
        ),
    }


def killed_at(words: tuple[str, ...], moment: Moment, dice: random.Random) -> bool:
    """Begins a run and kills it a little after the moment, or somewhere in its start-up; False if it ended before."""
    in_start_up, deadline = dice.random() < SHARE_IN_START_UP, time.monotonic() + MOST_SECONDS
    process = start(*words, own_group=True)
    while process.poll() is None and not (in_start_up or moment()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with suppress(subprocess.TimeoutExpired):
        seconds = dice.uniform(0, START_UP_SECONDS if in_start_up else MOST_SECONDS_BEYOND)
        output, errors = process.communicate(timeout=seconds)
        assert process.returncode == 0, output + errors
        return False
    process.kill()
    process.communicate()
    return True


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that was killed when its search had come to its end."""
    save_dir = tmp_path_factory.mktemp("searched")
    process = start(*arguments(save_dir, N_TRIALS, *CONFIRMED), own_group=True)
    deadline = time.monotonic() + MOST_SECONDS
    while n_finished(save_dir) < N_TRIALS and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert "evaluations" not in studies_in(save_dir)[NAME].user_attrs
    return save_dir


@pytest.fixture(scope="module")
def peaceful(searched: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What becomes of it where nothing happens."""
    save_dir = tmp_path_factory.mktemp("peaceful") / "s"
    shutil.copytree(searched, save_dir)
    run(*arguments(save_dir, N_TRIALS, *CONFIRMED))
    found = everything(save_dir)
    (confirmation,) = {*found} - {NAME, "weights"}
    assert len(found[confirmation][0]) >= 4
    assert found["weights"]
    return found


@WORKERS
def test_confirmation_and_last_fit_come_to_the_same_bits(
    searched: Path,
    peaceful: dict[str, Any],
    n_workers: int,
    tmp_path: Path,
    accidents: range,
    record_property: Callable[[str, object], None],
) -> None:
    dice, counts, n_studies = random.Random(f"{accidents} {n_workers}"), Counter[str](), 0
    while counts.total() < len(accidents):
        save_dir = tmp_path / f"study-{n_studies}"
        shutil.copytree(searched, save_dir)
        words = arguments(save_dir, N_TRIALS, *CONFIRMED, "--workers", str(n_workers))
        goes_on = True
        while goes_on and counts.total() < len(accidents):
            moments = moments_of_work(save_dir, dice.randint(1, N_EPOCHS))
            goes_on = killed_at(words, moments[dice.choice(list(moments))], dice)
            if goes_on:
                counts[stage(save_dir)] += 1
        run(*words)
        assert everything(save_dir) == peaceful
        n_studies += 1
    record_property(f"accidents: SIGKILL after the search, {n_workers} worker(s)", {**counts, "studies": n_studies})


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A comparison that nothing happens to."""
    save_dir = tmp_path_factory.mktemp("compared")
    run(*comparison(save_dir, 1))
    return everything(save_dir)


def comparison(save_dir: Path, n_workers: int) -> tuple[str, ...]:
    suite = save_dir / "tiny.json"
    suite.write_text(json.dumps(SUITE))
    where = ("--save-dir", str(save_dir), "--workers", str(n_workers))
    return ("compare", str(suite), "--seeds", "2", "--resume", *where)


@WORKERS
def test_a_comparison_comes_to_the_same_bits(
    compared: dict[str, Any],
    n_workers: int,
    tmp_path: Path,
    accidents: range,
    record_property: Callable[[str, object], None],
) -> None:
    dice, counts, n_studies = random.Random(f"{accidents} {n_workers}"), Counter[str](), 0
    while counts["SIGKILL"] < len(accidents):
        save_dir = tmp_path / f"comparison-{n_studies}"
        save_dir.mkdir()
        words, goes_on = comparison(save_dir, n_workers), True
        while goes_on and counts["SIGKILL"] < len(accidents):
            aim = n_epochs(save_dir) + dice.randint(1, N_EPOCHS)
            goes_on = killed_at(words, partial(_has_trained, save_dir, aim), dice)
            counts["SIGKILL"] += goes_on
        run(*words)
        assert everything(save_dir) == compared
        assert (save_dir / "tiny" / "comparison.md").read_text().endswith("\n")
        n_studies += 1
    record_property(f"accidents: compare, {n_workers} worker(s)", {**counts, "comparisons": n_studies})
