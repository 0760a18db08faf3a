"""Which architecture: the studies of one run side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from ..training.metrics import METRIC_LABELS
from .figures.history import noise_of
from .figures.rows import Row, Rows, draw_rows
from .figures.sections import Link, Section, Table, on_page, section
from .figures.words import StudyContext, Words, counted, percent
from .page_names import REPORT_PAGE
from .words import listed, points, score


class Architecture(NamedTuple):
    """One architecture's study.

    Attributes:
        name: Of the architecture.
        study: Its name.
        best: Best validation score, or that of the knee; None without a complete trial.
        scores: Of all its complete trials.
        test_accuracy: Of the best; None where it was not tested.
        n_parameters: Of the best.
        seconds: Training time of all its trials, in words.
        n_pruned: Trials that were ended early.
        n_validation: Sequences that the scores were judged on; None where that is not known.
        not_continued_after: Trials after which it was left alone, since others led; None where it was not.
    """

    name: str
    study: str
    best: float | None
    scores: tuple[float, ...]
    test_accuracy: float | None
    n_parameters: int | None
    seconds: str
    n_pruned: int
    n_validation: int | None
    not_continued_after: int | None = None


def architectures_section(
    compared: Sequence[Architecture], metric: str, context: StudyContext, *, are_knees: bool = False
) -> Section:
    """The architectures, best first, and which of them are as good as the best within noise.

    Args:
        compared: The best first, those without a complete trial last.
        metric: That decides.
        context: Of the best one's study.
        are_knees: Whether there are two objectives, and each study stands with the knee of its front.
    """
    known = [one for one in compared if one.best is not None]
    noise = _noise(known, metric)
    table = Table("Architectures, best first", _head(metric), tuple(_cells(one, metric) for one in compared), True)
    stands = "the knee of each architecture" if are_knees else "the best trial of each architecture"
    notes = [
        f"Large dots: {stands}, with the noise of its score; small ones: its other scored trials.",
        "Only the best of all is tested: to test every one would be to choose by the test set.",
    ]
    if any(one.not_continued_after is not None for one in compared):
        notes.append("Who was behind after a round was not continued: a good configuration may have been missed there.")
    summary = _summary_of_knees(known, metric) if are_knees and known else _summary(known, metric, noise)
    words = Words("Which architecture", summary, tuple(notes))
    drawn = Rows(tuple(_row(one, metric) for one in known), words, context.metric, is_share=context.percent, best=0)
    figures = on_page(draw_rows, drawn, context) if known else {}
    return section("architectures", words, tables=(table,), heading="Architectures", **figures)


def _noise(known: Sequence[Architecture], metric: str) -> float | None:
    if metric != "accuracy" or not known or not known[0].n_validation or known[0].best is None:
        return None
    return noise_of(known[0].best, known[0].n_validation)


def _summary(known: Sequence[Architecture], metric: str, noise: float | None) -> str:
    if not known:
        return "No trial of any architecture is complete yet."
    first = known[0]
    said = f"{first.name} has the best validation {METRIC_LABELS.get(metric, metric)}, {score(first.best, metric)}."
    if noise is None or len(known) < 2:
        return said
    close = [one for one in known[1:] if abs((first.best or 0.0) - (one.best or 0.0)) <= noise]
    if not close:
        return f"{said} No other comes within the noise of {points(noise)}."
    smallest = min((first, *close), key=lambda one: one.n_parameters or 0)
    rest = len(known) - 1 - len(close)
    words = listed([one.name for one in close])
    said += f" As good within noise ({points(noise)}): {words}"
    said += f"; {counted(rest, 'other')} {'is' if rest == 1 else 'are'} further behind." if rest else "."
    if smallest is not first and smallest.n_parameters:
        said += f" The smallest of these is {smallest.name}, with {smallest.n_parameters:,} parameters."
    return said


def _summary_of_knees(known: Sequence[Architecture], metric: str) -> str:
    first = known[0]
    size = f" with {first.n_parameters:,} parameters" if first.n_parameters else ""
    return (
        f"{first.name} stands first, {METRIC_LABELS.get(metric, metric)} {score(first.best, metric)}{size}: each "
        "architecture stands with the knee of its front, and this is the knee of the knees."
    )


def _head(metric: str) -> tuple[str, ...]:
    validation = f"validation {METRIC_LABELS.get(metric, metric)}"
    return (
        "architecture",
        validation,
        "test accuracy",
        "parameters",
        "training time",
        "complete",
        "pruned",
        "race",
        "",
    )


def _cells(one: Architecture, metric: str) -> tuple[str | Link, ...]:
    return (
        one.name,
        score(one.best, metric),
        percent(one.test_accuracy),
        "–" if one.n_parameters is None else f"{one.n_parameters:,}",
        one.seconds,
        str(len(one.scores)),
        str(one.n_pruned),
        "–" if one.not_continued_after is None else f"not continued after {counted(one.not_continued_after, 'trial')}",
        Link("its report", f"../{quote(one.study, safe='')}/{REPORT_PAGE}"),
    )


def _row(one: Architecture, metric: str) -> Row:
    best = one.best or 0.0
    if metric != "accuracy" or not one.n_validation:
        return Row(one.name, best, best, best, one.scores)
    half = noise_of(best, one.n_validation)
    return Row(one.name, best, max(best - half, 0.0), min(best + half, 1.0), one.scores)
