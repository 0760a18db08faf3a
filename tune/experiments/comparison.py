"""Which architecture: the studies of one run side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from ..core.files import csv_text, write_bytes, write_text
from ..search.progress import show_seconds
from ..study.ended import metric_value
from ..study.pareto_front import Candidate, front_of, knee_of
from ..study.selection import selected_trial
from ..study.study import best_trial, trials_so_far
from ..study.tested import evaluation_of
from .race import not_continued_after

if TYPE_CHECKING:
    from ..run import Finished

COMPARED_IN = "compared_in"


@dataclass(frozen=True)
class ComparedStudy:
    """One architecture's result.

    Attributes:
        validation: Best validation score, be it of an unfinished trial; None without one.
        test_accuracy: Of the trial to use on test; None without a test set.
        latency_ms: Of that trial's network; None where the study did not ask for it.
        seconds: Training time of all its trials.
        not_continued: Whether the race left it alone, since others led.
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
    not_continued: bool


def compare(done: Sequence[Finished]) -> list[ComparedStudy]:
    """The studies, best first; those without a score last.

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
    """The study with the best validation score; None if no trial of any has one."""
    rows = compare(done)
    if not rows or rows[0].validation is None:
        return None
    return next(finished for finished in done if finished.study.study_name == rows[0].study)


def write_comparison(done: Sequence[Finished], folder: Path) -> list[ComparedStudy]:
    """Writes ``comparison.csv``, a report and the overall best's ``best_config.json``; returns the rows, best first.

    Each study remembers what it was compared in, so that the same can be made from the database.
    """
    rows = compare(done)
    names = [field.name for field in fields(ComparedStudy)]
    write_text(folder / "comparison.csv", csv_text(names, map(astuple, rows)))
    for finished in done:
        if finished.study.user_attrs.get(COMPARED_IN) != folder.name:
            finished.study.set_user_attr(COMPARED_IN, folder.name)
    best = overall_best(done)
    if best is not None:
        write_bytes(folder / "best_config.json", (best.folder.root / "best_config.json").read_bytes())
        _write_report(done, rows, best, folder)
    return rows


def _write_report(done: Sequence[Finished], rows: Sequence[ComparedStudy], best: Finished, folder: Path) -> None:
    """The best study's report, with all architectures first."""
    # Loads plotly, which a run that fails at once can do without.
    from ..report.architectures import Architecture, architectures_section
    from ..report.content import content
    from ..report.context import study_context
    from ..report.facts import gather
    from ..report.figures.collection import study_figures
    from ..report.figures.scores import scored_trials
    from ..report.page import pareto_sections, write_report
    from ..report.pareto import pareto_of
    from ..report.reproduction import command

    studies = {finished.study.study_name: finished.study for finished in done}
    compared = [
        Architecture(
            name=row.architecture,
            study=row.study,
            best=row.validation,
            scores=tuple(one.score for one in scored_trials(trials_so_far(studies[row.study]))),
            test_accuracy=row.test_accuracy,
            n_parameters=row.n_parameters,
            seconds=show_seconds(row.seconds),
            n_pruned=row.n_pruned,
            n_validation=studies[row.study].user_attrs.get("n_validation"),
            not_continued_after=not_continued_after(studies[row.study]),
        )
        for row in rows
    ]
    metric = rows[0].metric
    context = study_context(best.study, metric, best.study.user_attrs.get("n_validation"))
    figures = study_figures(trials_so_far(best.study), context)
    facts = gather(best.study, best.settings, best.folder, figures, context)
    facts = replace(facts, n_others=sum(row.n_complete for row in rows) - rows[0].n_complete)
    again = command(best.settings, folder.name.removesuffix("-all"), facts.channel_names, every_architecture=True)
    is_front = best.settings.search.second_objective is not None
    first = [architectures_section(compared, metric, context, are_knees=is_front)]
    first += pareto_sections(pareto_of(best.study, best.settings), context)
    write_report(content(facts, first, title=folder.name, again=again), folder)


def _row(finished: Finished) -> ComparedStudy:
    trials = trials_so_far(finished.study)
    best = best_trial(finished.study)
    chosen = selected_trial(finished.study)
    found = evaluation_of(finished.study.user_attrs, chosen)
    return ComparedStudy(
        architecture=finished.settings.architecture,
        study=finished.study.study_name,
        metric=finished.settings.search.metric,
        validation=None if best is None else metric_value(best),
        test_accuracy=found["test"]["accuracy"] if "test" in found else None,
        n_parameters=None if chosen is None else chosen.user_attrs["n_parameters"],
        latency_ms=None if chosen is None else chosen.user_attrs.get("latency_ms"),
        seconds=sum(trial.user_attrs.get("training_seconds", 0.0) for trial in trials),
        n_complete=sum(trial.state == TrialState.COMPLETE for trial in trials),
        n_pruned=sum(trial.state == TrialState.PRUNED for trial in trials),
        not_continued=not_continued_after(finished.study) is not None,
    )
