"""What trackers are told of a trial, as plain values from the database alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from ..config.changes import is_changeable
from ..config.settings import Settings
from ..config.spaces import Scalar
from ..study.study import all_parameters
from ..training.metrics import METRIC_LABELS

STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
# Scores that each epoch has on its own, beside those on validation.
_OF_EPOCH = ("train_loss", "train_accuracy", "learning_rate", "gradient_norm")
# Attributes of a trial that are told as they are, and those whose names say what they are at the best epoch only here.
_FINAL = (
    *("n_parameters", "n_trainable_parameters", "epochs_run", "training_seconds", "accuracy_gap", "latency_ms"),
    *("flash_bytes", "ram_bytes", "macs"),
)
_AT_BEST = tuple(f"{part}_{name}" for part in ("train", "validation") for name in METRIC_LABELS)


@dataclass(frozen=True)
class Epoch:
    """One epoch of a trial, over all folds.

    Attributes:
        ended: Seconds since 1970.
        scores: The mean over the folds; one that has ended counts with its best epoch, as it does for the search.
    """

    number: int
    ended: float
    scores: dict[str, float]


@dataclass(frozen=True)
class TrialRecord:
    """A finished trial.

    Every time in it comes from the database, so that to tell it twice is to tell it once.

    Attributes:
        state: ``complete``, ``pruned`` or ``failed``.
        reason: Why it ended early or failed; empty if it did not.
        started: Seconds since 1970.
        ended: Seconds since 1970.
    """

    number: int
    state: str
    reason: str
    started: float
    ended: float
    parameters: dict[str, Scalar]
    epochs: tuple[Epoch, ...]
    final: dict[str, float]


def trial_record(trial: FrozenTrial) -> TrialRecord:
    """What there is to tell of a finished trial."""
    if trial.datetime_start is None or trial.datetime_complete is None:
        raise ValueError(f"trial {trial.number} is not finished")
    attributes, started = trial.user_attrs, trial.datetime_start.timestamp()
    final = {name: attributes.get(name) for name in _FINAL}
    final |= {f"best_{name}": attributes.get(name) for name in _AT_BEST}
    final["value"] = trial.values[0] if trial.values else None
    epochs = _epochs(attributes.get("history") or [], attributes.get("best_epochs") or [], started)
    # The clock of the machine may have been set back meanwhile.
    ended = max([trial.datetime_complete.timestamp(), started, *(epoch.ended for epoch in epochs[-1:])])
    return TrialRecord(
        number=trial.number,
        state=STATES[trial.state],
        reason=str(attributes.get("reason", "")),
        started=started,
        ended=ended,
        parameters=all_parameters(trial),
        epochs=epochs,
        final=_finite(final),
    )


def study_parameters(settings: Settings) -> dict[str, str]:
    """The settings that stay the same as long as the study lives, by their paths, but for the ranges."""
    plain = settings.model_dump(mode="json", exclude={"space"})
    flat: dict[str, Any] = {}
    for name, value in plain.items():
        flat.update(
            {f"{name}.{inner}": one for inner, one in value.items()} if isinstance(value, dict) else {name: value}
        )
    return {name: str(value) for name, value in flat.items() if value is not None and not is_changeable(name)}


def _epochs(
    history: Sequence[Sequence[dict[str, Any]]], best_epochs: Sequence[int], started: float
) -> tuple[Epoch, ...]:
    epochs: list[Epoch] = []
    for k in range(max(map(len, history), default=0)):
        results = [
            fold[k] if k < len(fold) else fold[best - 1]
            for fold, best in zip(history, best_epochs, strict=True)
            if fold and best
        ]
        if not results:
            break
        scores = {name: fmean(one[name] for one in results) for name in _OF_EPOCH}
        scores |= {
            f"validation_{name}": fmean(one["validation"][name] for one in results) for name in results[0]["validation"]
        }
        started += sum(fold[k]["seconds"] for fold in history if k < len(fold))
        epochs.append(Epoch(k + 1, started, _finite(scores)))
    return tuple(epochs)


def _finite(values: dict[str, Any]) -> dict[str, float]:
    """Those that are numbers; not every tracker takes the others."""
    return {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}
