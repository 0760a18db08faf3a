"""How long the report of a large study takes, and how large its page is.

    PYTHONPATH=. .venv/bin/python -m benchmarks.report --trials 1000

Makes up a study in a database of its own: trials with 23 hyperparameters and histories of twelve epochs, a tenth of
them failed, half of the rest pruned. Then times what `./run_tuning.sh report` does, part by part.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from tune.config.settings import Settings, resolve
from tune.core.folders import StudyFolder
from tune.report.outputs import write_exports
from tune.study.storage import open_storage, sqlite_url

N_EPOCHS, N_CLASSES, N_PEOPLE = 12, 20, 8
Result = TypeVar("Result")


def make_trial(number: int, settings: Settings, generator: np.random.Generator) -> FrozenTrial:
    """A trial whose score depends on two of its hyperparameters, and on chance."""
    searched, fixed = settings.ranges()
    sampler = optuna.samplers.RandomSampler(seed=int(generator.integers(2**31)))
    empty: Any = None
    params = {name: sampler.sample_independent(empty, empty, name, space) for name, space in searched.items()}
    chance = float(generator.normal(0, 0.01))
    score = 0.95 - 0.02 * (np.log10(params["learning_rate"]) + 2.3) ** 2 - 0.3 * (params["dropout"] - 0.2) ** 2 + chance
    score = float(min(max(score, 0.05), 1.0))
    draw = generator.random()
    state = TrialState.FAIL if draw < 0.1 else TrialState.PRUNED if draw < 0.55 else TrialState.COMPLETE
    n_epochs = 3 if state == TrialState.PRUNED else N_EPOCHS
    curve = [score * (1 - 0.6**epoch) for epoch in range(1, n_epochs + 1)]
    history = [
        {
            "epoch": epoch,
            "train_loss": 3 * 0.7**epoch,
            "train_accuracy": accuracy,
            "learning_rate": params["learning_rate"],
            "gradient_norm": 1.0,
            "validation": {"accuracy": accuracy, "macro_f1": accuracy, "loss": 3 * 0.75**epoch},
            "seconds": 1.2,
        }
        for epoch, accuracy in enumerate(curve, 1)
    ]
    attributes: dict[str, Any] = {
        "history": [history],
        "epochs_run": n_epochs,
        "best_epochs": [n_epochs],
        "training_seconds": 1.2 * n_epochs,
        "n_parameters": 50_000,
        "seed": number,
        "fixed_parameters": fixed,
        "accuracy_gap": 0.01,
        **{f"{part}_{name}": score for part in ("train", "validation") for name in ("accuracy", "macro_f1", "loss")},
    }
    if state == TrialState.FAIL:
        attributes = {"reason": "RuntimeError: out of memory", "fixed_parameters": fixed}
    begun = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None) + timedelta(minutes=number)
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=state,
        value=score if state == TrialState.COMPLETE else None,
        values=None,
        datetime_start=begun,
        datetime_complete=begun + timedelta(seconds=15),
        params=params,
        distributions=searched,
        user_attrs=attributes,
        system_attrs={},
        intermediate_values=dict(enumerate(curve, 1)),
    )


def make_study(place: Path, n_trials: int) -> tuple[optuna.Study, Settings, StudyFolder]:
    """A study of that many trials in a database under ``place``."""
    settings = resolve({"dataset": "smartwatch"})
    study = optuna.create_study(
        storage=open_storage(sqlite_url(place / "tune.db")), study_name="large", direction="maximize"
    )
    generator = np.random.default_rng(0)
    study.add_trials([make_trial(number, settings, generator) for number in range(n_trials)])
    names = [f"gesture {k}" for k in range(N_CLASSES)]
    parts = {
        name: {"n_sequences": 650, "people": [f"{name} {k}" for k in range(3)]} for name in ("train", "validation")
    }
    judged = {
        "accuracy": 0.95,
        "macro_f1": 0.95,
        "loss": 0.2,
        "intervals_95": {"accuracy": [0.93, 0.97], "macro_f1": [0.93, 0.97], "loss": [0.15, 0.25]},
        "intervals_resample": "people",
        "n_sequences": 650,
        "n_people": N_PEOPLE,
        "confusion": (30 * np.eye(N_CLASSES, dtype=int) + generator.integers(0, 2, (N_CLASSES, N_CLASSES))).tolist(),
        "per_class": [{"class": name, "precision": 0.9, "recall": 0.9, "f1": 0.9, "support": 32} for name in names],
        "per_person": {f"person {k}": {"accuracy": 0.9 + k / 100, "n_sequences": 80} for k in range(N_PEOPLE)},
        "calibration_error": 0.03,
    }
    attributes = {
        "data": {
            "name": "smartwatch",
            "n_sequences": 3250,
            "class_names": names,
            "channel_names": ["ax (m/s²)", "ay (m/s²)", "az (m/s²)"],
            "normalisers": [],
        },
        "split": {"kind": "group", "parts": [{**parts, "test": {"n_sequences": 650, "people": ["someone else"]}}]},
        "n_validation": 650,
        "data_fingerprint": "0" * 64,
        "evaluations": {str(study.best_trial.number): {"validation": judged, "test": judged}},
        "settings": settings.model_dump(mode="json"),
        "study_id": "benchmark",
    }
    for name, value in attributes.items():
        study.set_user_attr(name, value)
    return study, settings, StudyFolder(place, "large")


def timed(name: str, act: Callable[[], Result]) -> Result:
    """Does it, and prints how long it took: on the clock, and of the processor."""
    begun, busy = time.monotonic(), time.process_time()
    result = act()
    print(f"{name}: {time.monotonic() - begun:.1f} s, {time.process_time() - busy:.1f} s of the processor")
    return result


def main() -> None:
    """Makes the study, and the report twice: with all files of the trials still to write, and with those there."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--trials", type=int, default=1000)
    n_trials = arguments.parse_args().trials
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as place:
        _, settings, folder = timed("making the study", lambda: make_study(Path(place), n_trials))

        def report() -> None:
            # As a new process would: nothing is in memory.
            storage = open_storage(sqlite_url(Path(place) / "tune.db"))
            write_exports(optuna.load_study(study_name="large", storage=storage), settings, folder)

        timed(f"everything that `report` writes of {n_trials} trials", report)
        timed("the same again, the folder of every trial being there", report)
        for name in ("report.html", "report.md", "plots.html"):
            print(f"{name}: {(folder.root / name).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
