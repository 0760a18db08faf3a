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
from .front import Candidate, front_of, knee_of
from .study import best_trial, metric_value

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
        test_accuracy: Of that trial on test; None without a test part.
        n_parameters: Of that trial's network.
        latency_ms: Of that trial's network; None where the study did not ask for it.
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
    latency_ms: float | None
    seconds: float
    n_complete: int
    n_pruned: int


def compare(done: Sequence[Finished]) -> list[ComparedStudy]:
    """The studies, best first; those without a complete trial last.

    With two objectives each study stands with its knee, and first comes the knee of these knees.
    """
    rows = [_row(finished) for finished in done]
    sign = -1 if rows and rows[0].metric == "loss" else 1
    rows.sort(key=lambda row: (row.validation is None, -sign * (row.validation or 0.0)))
    if done and done[0].settings.search.second_objective:
        best = {finished.study.study_name: best_trial(finished.study) for finished in done}
        knees = [Candidate(k, *trial.values) for k, row in enumerate(rows) if (trial := best[row.study]) is not None]
        if knees:
            rows.insert(0, rows.pop(knee_of(front_of(knees, sign), sign).number))
    return rows


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
    evaluations = finished.study.user_attrs.get("evaluations", {})
    found = {} if best is None else evaluations.get(str(best.number), {})
    return ComparedStudy(
        architecture=finished.settings.architecture,
        study=finished.study.study_name,
        metric=finished.settings.search.metric,
        validation=None if best is None else metric_value(best),
        test_accuracy=found["test"]["accuracy"] if "test" in found else None,
        n_parameters=None if best is None else best.user_attrs["n_parameters"],
        latency_ms=None if best is None else best.user_attrs.get("latency_ms"),
        seconds=sum(trial.user_attrs.get("training_seconds", 0.0) for trial in trials),
        n_complete=sum(trial.state == TrialState.COMPLETE for trial in trials),
        n_pruned=sum(trial.state == TrialState.PRUNED for trial in trials),
    )
