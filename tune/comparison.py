"""Which architecture: the studies of one run side by side."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from .files import write_bytes, write_text
from .study import best_trial
from .winner import chosen_trial

if TYPE_CHECKING:
    from .run import Finished


@dataclass(frozen=True)
class ComparedStudy:
    """One architecture's result.

    Attributes:
        architecture: Registered name.
        study: Name of its study.
        metric: Score that decides.
        validation: Best validation score; None without a complete trial.
        test_accuracy: Of the trial to use on test; None without a test part.
        n_parameters: Of that trial's network.
        seconds: Training time of all its trials.
        n_complete: Trials that ran to their end.
        n_pruned: Trials that were ended early.
    """

    architecture: str
    study: str
    metric: str
    validation: float | None
    test_accuracy: float | None
    n_parameters: int | None
    seconds: float
    n_complete: int
    n_pruned: int


def compare(done: Sequence[Finished]) -> list[ComparedStudy]:
    """The studies, best first; those without a complete trial last."""
    rows = [_row(finished) for finished in done]
    sign = 1 if rows and rows[0].metric == "loss" else -1
    return sorted(rows, key=lambda row: (row.validation is None, sign * (row.validation or 0.0)))


def overall_best(done: Sequence[Finished]) -> Finished | None:
    """The study with the best validation score; None if no trial of any is complete."""
    rows = compare(done)
    if not rows or rows[0].validation is None:
        return None
    return next(finished for finished in done if finished.study.study_name == rows[0].study)


def write_comparison(done: Sequence[Finished], folder: Path) -> list[ComparedStudy]:
    """Writes ``comparison.csv`` and the overall best's ``best_config.json``; returns the rows, best first."""
    rows = compare(done)
    text = io.StringIO()
    table = csv.DictWriter(text, [field.name for field in fields(ComparedStudy)], lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(row) for row in rows)
    write_text(folder / "comparison.csv", text.getvalue())
    best = overall_best(done)
    if best is not None:
        write_bytes(folder / "best_config.json", (best.folder.root / "best_config.json").read_bytes())
    return rows


def _row(finished: Finished) -> ComparedStudy:
    trials = finished.study.get_trials(deepcopy=False)
    best = best_trial(finished.study)
    chosen = chosen_trial(finished.study)
    evaluations = finished.study.user_attrs.get("evaluations", {})
    found = {} if chosen is None else evaluations.get(str(chosen.number), {})
    return ComparedStudy(
        architecture=finished.settings.architecture,
        study=finished.study.study_name,
        metric=finished.settings.search.metric,
        validation=None if best is None else best.value,
        test_accuracy=found["test"]["accuracy"] if "test" in found else None,
        n_parameters=None if chosen is None else chosen.user_attrs["n_parameters"],
        seconds=sum(trial.user_attrs.get("training_seconds", 0.0) for trial in trials),
        n_complete=sum(trial.state == TrialState.COMPLETE for trial in trials),
        n_pruned=sum(trial.state == TrialState.PRUNED for trial in trials),
    )
