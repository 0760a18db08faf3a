"""What the runs of a comparison predicted, lined up: seed by seed, sequence by sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from data.sequences import SequenceDataset

from ..core.problems import Problem, SettingsError
from ..evaluation.evaluate import FEWEST_PEOPLE
from ..study.database import HISTORY
from ..study.study import with_histories
from ..training.predictions import unpack
from ..training.splits import Splits
from .running import Running

ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True, eq=False)
class Judged:
    """The sequences that all configurations of a protocol are judged on.

    Attributes:
        part: ``validation`` or ``test``.
        units: Whom or what each sequence belongs to, in the order of the predictions.
        folds: Fold that each sequence is judged in; all of them in every fold for ``test``.
        unit: What the units are: ``people``, ``recordings`` or ``sequences``.
        n_people: Who performed the sequences; None where that is not known.
        new_people: Whether none of them is in the training set.
    """

    part: str
    units: NDArray[np.int64]
    folds: NDArray[np.int64]
    unit: str
    n_people: int | None
    new_people: bool

    @property
    def n_units(self) -> int:
        """Different units."""
        return len(np.unique(self.units))


@dataclass(frozen=True, eq=False)
class Predictions:
    """One configuration's complete runs.

    Attributes:
        numbers: Of the runs; the same number is the same seed in every configuration.
        right: For each run, whether each judged sequence was classified correctly; a share where several networks
            judged it.
        n_lost: Runs that ended without a score.
    """

    name: str
    numbers: tuple[int, ...]
    right: NDArray[np.float64]
    trials: tuple[FrozenTrial, ...]
    n_lost: int

    def of_runs(self, numbers: Sequence[int]) -> NDArray[np.float64]:
        """The predictions of some runs, in their order: [runs, sequences]."""
        return self.right[[self.numbers.index(number) for number in numbers]]


def judged_sequences(splits: Splits, part: str) -> Judged:
    """The sequences that are judged, and what of them is independent.

    People, where nobody is in two parts and at least five are judged; else recordings, where several sequences were cut
    from one; else every sequence by itself.
    """
    pieces: list[SequenceDataset] = [getattr(fold, part) for fold in splits.folds]
    if part == "test":
        pieces = pieces[:1]  # The same sequences in every fold.
    folds = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    groups, recordings = _joined(pieces, "groups"), _joined(pieces, "recordings")
    n_people = None if groups is None else len(np.unique(groups))
    new_people = groups is not None and splits.split.kind != "stratified" and _apart(splits, part)
    if groups is not None and new_people and len(np.unique(groups)) >= FEWEST_PEOPLE:
        return Judged(part, groups, folds, "people", n_people, new_people)
    if recordings is not None and len(np.unique(recordings)) < len(recordings):
        return Judged(part, recordings, folds, "recordings", n_people, new_people)
    return Judged(part, np.arange(len(folds)), folds, "sequences", n_people, new_people)


def _joined(pieces: Sequence[SequenceDataset], name: str) -> NDArray[np.int64] | None:
    splits = [getattr(piece, name) for piece in pieces]
    return None if any(part is None for part in splits) else np.concatenate([part.numpy() for part in splits])


def _apart(splits: Splits, part: str) -> bool:
    """Whether nobody who is judged was trained on; a publisher's split need not see to that."""
    for fold in splits.folds:
        judged = getattr(fold, part).groups
        if judged is None or fold.train.groups is None or np.isin(judged.numpy(), fold.train.groups.numpy()).any():
            return False
    return True


def check_same_sequences(splits: Mapping[str, Splits], part: str) -> None:
    """All configurations of a protocol must be judged on the same sequences, or nothing can be paired."""
    (first, ours), *others = splits.items()
    problems = []
    for name, theirs in others:
        if theirs is not ours and _labels(theirs, part) != _labels(ours, part):
            rule = f"is judged on other sequences than {first}, so they cannot be paired"
            suggestion = "give classes, windows and split to the suite or the protocol, not to a configuration"
            problems.append(Problem(f"configuration {name}", part, rule, suggestion))
    if problems:
        raise SettingsError(problems)


def _labels(splits: Splits, part: str) -> list[tuple[list[int], list[int]]]:
    pieces = [getattr(fold, part) for fold in splits.folds]
    return [(p.labels.tolist(), [] if p.groups is None else p.groups.tolist()) for p in pieces]


def predictions_of(one: Running, part: str, n_seeds: int) -> Predictions:
    """The complete runs of a configuration, at most ``n_seeds``, the first ones."""
    trials = one.study.get_trials(deepcopy=False, states=ENDED)
    judged = [trial for trial in trials if trial.user_attrs.get("answers", {}).get("part") == part]
    complete = [trial for trial in judged if trial.state == TrialState.COMPLETE][:n_seeds]
    right = [_right(trial, one.splits, part) for trial in complete]
    return Predictions(
        name=one.entry.configuration.name,
        numbers=tuple(trial.number for trial in complete),
        right=np.array(right),
        trials=tuple(complete),
        n_lost=sum(trial.state != TrialState.COMPLETE for trial in trials),
    )


def _right(trial: FrozenTrial, splits: Splits, part: str) -> NDArray[np.float64]:
    sizes = [len(getattr(fold, part)) for fold in splits.folds]
    packed = trial.user_attrs["answers"]["right"]
    folds = [unpack(one, size).astype(float) for one, size in zip(packed, sizes, strict=True)]
    return np.mean(folds, axis=0) if part == "test" else np.concatenate(folds)


def run_rows(one: Running, n_seeds: int) -> list[dict[str, Any]]:
    """A row for every fold of every run, as ``comparison.csv`` has them."""
    rows = []
    for trial in with_histories(one.study, one.study.get_trials(deepcopy=False, states=ENDED)):
        attributes = trial.user_attrs
        found = attributes.get("answers", {})
        for fold, history in enumerate(attributes.get(HISTORY) or [[]]):
            scores = found["scores"][fold] if found else {}
            best = attributes["best_epochs"][fold] if attributes.get("best_epochs") else None
            rows.append(
                {
                    "protocol": one.entry.protocol.name,
                    "configuration": one.entry.configuration.name,
                    "study": one.entry.study_name,
                    "run": trial.number,
                    "seed": attributes.get("seed"),
                    "fold": fold,
                    "state": trial.state.name.lower(),
                    "judged": found.get("part"),
                    **{name: scores.get(name) for name in ("accuracy", "macro_f1", "loss")},
                    "epochs_run": len(history),
                    "best_epoch": best,
                    "seconds": round(sum(epoch["seconds"] for epoch in history), 3),
                    "n_parameters": attributes.get("n_parameters"),
                    "reason": attributes.get("reason", ""),
                }
            )
    return rows
