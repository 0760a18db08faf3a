"""Made-up facts for the tests of the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from tune.config.settings import resolve
from tune.report.facts import Facts
from tune.report.figures.collection import Figures, study_figures
from tune.report.figures.words import StudyContext

SPACES: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "dropout": FloatDistribution(0, 0.5),
    "n_layers": IntDistribution(1, 3),
    "pooling": CategoricalDistribution(["last", "mean", "max"]),
}
CLASSES = ("circle", "square", "swipe")
PEOPLE = ("Ada", "Ben", "Cid")
_MADE: dict[str, Figures] = {}


def history(n_epochs: int) -> list[list[dict[str, Any]]]:
    """Of one fold."""
    return [
        [
            {"epoch": epoch, "train_loss": 2 / epoch, "validation": {"accuracy": 0.9, "loss": 1.5 / epoch}}
            for epoch in range(1, n_epochs + 1)
        ]
    ]


def trials_of(n_trials: int, n_epochs: int = 8) -> list[FrozenTrial]:
    """Every third pruned, every seventh failed, the others complete; the last one is the best."""
    generator = np.random.default_rng(0)
    trials = []
    for number in range(n_trials):
        params: dict[str, Any] = {
            "learning_rate": float(10 ** generator.uniform(-4, -1)),
            "dropout": float(generator.uniform(0, 0.5)),
            "n_layers": int(generator.integers(1, 4)),
            "pooling": str(generator.choice(["last", "mean", "max"])),
        }
        state = (
            TrialState.PRUNED
            if number % 3 == 1
            else TrialState.FAIL
            if number % 7 == 6 and number < n_trials - 1
            else TrialState.COMPLETE
        )
        score = 0.7 + 0.2 * params["dropout"] + 0.09 * number / n_trials
        last = 2 if state == TrialState.PRUNED else n_epochs
        attributes = {
            "n_parameters": 1000 + number,
            "best_epochs": [n_epochs - 1],
            "epochs_run": last,
            "training_seconds": 3.5,
            "history": history(last),
            "train_accuracy": score + 0.01,
            "validation_accuracy": score,
            "accuracy_gap": 0.01,
            "fixed_parameters": {"hidden_size": 8},
            "seed": 1,
        }
        if state == TrialState.FAIL:
            attributes = {"reason": "RuntimeError: out of <memory>"}
        made = create_trial(
            state=state,
            value=score if state == TrialState.COMPLETE else None,
            params=params,
            distributions=SPACES,
            user_attrs=attributes,
            intermediate_values={epoch: score * epoch / last for epoch in range(1, last + 1)},
        )
        made.number = number
        trials.append(made)
    return trials


def scores(classes: Sequence[str] = CLASSES, people: Sequence[str] | None = PEOPLE) -> dict[str, Any]:
    """What is stored about one part."""
    n = len(classes)
    confusion = (9 * np.eye(n, dtype=int) + np.eye(n, k=1, dtype=int)).tolist()
    return {
        "accuracy": 0.93,
        "macro_f1": 0.92,
        "loss": 0.25,
        "intervals_95": {"accuracy": [0.89, 0.97], "macro_f1": [0.88, 0.96], "loss": [0.2, 0.3]},
        "intervals_resample": "sequences",
        "n_sequences": 28,
        "n_people": None if people is None else len(people),
        "accuracy_by_recording": None,
        "refitted": False,
        "confusion": confusion,
        "per_class": [
            {"class": name, "precision": 0.9, "recall": 0.9 - k / 100, "f1": 0.9 - k / 200, "support": 10}
            for k, name in enumerate(classes)
        ],
        "per_person": None
        if people is None
        else {name: {"accuracy": 0.8 + k / 20, "n_sequences": 9} for k, name in enumerate(people)},
        "calibration_error": 0.04,
    }


def examples(
    classes: Sequence[str] = CLASSES, channels: Sequence[str] = ("ax", "ay"), trial: int = 0
) -> dict[str, Any]:
    """Stored example signals of the first class."""
    wave = [round(float(value), 3) for value in np.sin(np.linspace(0, 6, 30))]
    one = {"sureness": 0.9, "person": "Ada", "n_steps": 60, "values": [wave] * len(channels)}
    return {
        "trial": trial,
        "part": "test",
        "channels": list(channels),
        "seconds_per_step": 0.1,
        "classes": [
            {
                "class": classes[0],
                "n_wrong": 1,
                "n_sequences": 10,
                "examples": [
                    {**one, "predicted": classes[0], "is_right": True},
                    {**one, "predicted": classes[1], "is_right": False},
                ],
            }
        ],
    }


def confirmation(trial: int, **changes: Any) -> dict[str, Any]:
    """Two configurations with fresh seeds."""
    one = {"origin": "search", "search_score": 0.95, "seeds": [1, 2], "deviation": 0.01, "n_parameters": 1000}
    return {
        "metric": "accuracy",
        "configurations": [
            {**one, "trial": trial, "scores": [0.92, 0.94], "mean": 0.93, "dropped_after": None},
            {**one, "trial": 0, "origin": "known-good", "scores": [0.9], "mean": 0.9, "dropped_after": 1},
        ],
        "winner": trial,
        "luck": 0.02,
        "runner_up": {"trial": 0, "difference": 0.03, "interval_95": [-0.01, 0.05], "distinguishable": False},
        "latency_ms": 1.4,
        "sentences": ["Of the search's best score about 2.0 points did not repeat."],
        **changes,
    }


def facts_of(
    trials: Sequence[FrozenTrial],
    *,
    name: str = "toy-gru",
    classes: Sequence[str] = CLASSES,
    people: Sequence[str] | None = PEOPLE,
    channels: Sequence[str] = ("ax", "ay"),
    is_judged: bool = True,
    context: StudyContext | None = None,
    **attributes: Any,
) -> Facts:
    """Facts of a study with these trials, judged on a test set unless not."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    best = max(complete, key=lambda trial: trial.value or 0.0) if complete else None
    if "confirmation" in attributes:
        best = trials[attributes["confirmation"]["winner"]]
    parts = {
        "train": {"n_sequences": 60, "people": None if people is None else ["Dan", "Eve"]},
        "validation": {"n_sequences": 40, "people": None if people is None else ["Fay"]},
        "test": {"n_sequences": 28, "people": None if people is None else list(people)},
    }
    stored: dict[str, Any] = {
        "data": {"name": "toy", "n_sequences": 128, "class_names": list(classes), "channel_names": list(channels)},
        "data_fingerprint": "ab" * 32,
        "split": {"kind": "group", "parts": [parts]},
        "n_validation": 40,
        "versions": {"python": "3.11"},
        "created": "2026-01-01T00:00:00+00:00",
    }
    if is_judged and best is not None:
        both = {part: scores(classes, people) for part in ("validation", "test")}
        stored["evaluations"] = {str(best.number): both}
        stored["examples"] = examples(classes, channels, best.number)
    context = context or StudyContext(name, "validation accuracy", "maximize", percent=True, n_validation=40)
    return Facts(
        name=name,
        settings=resolve({"dataset": "smartwatch"}),
        attributes={**stored, **attributes},
        trials=trials,
        best=best,
        figures=_figures(trials, context),
        context=context,
        resume="./run_tuning.sh --study-name toy-gru --resume",
        places="",
    )


def _figures(trials: Sequence[FrozenTrial], context: StudyContext) -> Figures:
    """Those of the same trials are made once: to resample forests for importances takes longer than a page does."""
    times = dict.fromkeys(("_datetime_start", "datetime_complete"))
    key = repr([context, *({**vars(trial), **times} for trial in trials)])
    if key not in _MADE:
        _MADE[key] = study_figures(trials, context)
    return _MADE[key]
