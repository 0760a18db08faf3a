"""Errors: which class is confused with which, for whom and how long, and whether the network knows how sure to be."""

from __future__ import annotations

import torch

from ...evaluation.evaluate import wilson_interval
from ...evaluation.per_class import class_scores
from ...report.figures import sheets
from ...report.figures.confusion import confusion_info, draw_confusion
from ...report.figures.palette import LIGHT
from ...report.figures.rows import Row, Rows, draw_rows
from ...report.figures.sections import Section, Table, on_page, section
from ...report.figures.words import StudyContext, Words
from ...training.metrics import confusion_matrix
from ..measures.errors import (
    Confusion,
    GroupScore,
    by_length,
    most_confused,
)
from ..measures.states import classes_in
from ..model import Diagnosed
from ..words import listed, percent, person_text
from .calibration import calibration
from .mistakes import mislabelled, mistakes

MOST_GROUPS = 40
# Of figures whose words are the page's.
_CONTEXT = StudyContext("", "accuracy", "maximize", percent=True)


def errors_section(diagnosed: Diagnosed) -> Section:
    """Where it is wrong."""
    return Section(
        "errors",
        "Errors",
        "What does it get wrong, and does it know?",
        sections=(
            confusion(diagnosed),
            report(diagnosed),
            by_person(diagnosed),
            accuracy_by_length(diagnosed),
            calibration(diagnosed),
            mistakes(diagnosed),
            mislabelled(diagnosed),
        ),
    )


def confusion(diagnosed: Diagnosed) -> Section:
    """The confusion matrix."""
    matrix = confusion_matrix(diagnosed.predicted, diagnosed.labels, diagnosed.n_classes)
    info = confusion_info(matrix.numpy(), diagnosed.class_names, diagnosed.part)
    n_wrong, accuracy = int(matrix.sum() - matrix.diagonal().sum()), float(matrix.diagonal().sum() / matrix.sum())
    head = (
        f"{n_wrong} of {int(matrix.sum())} sequences of {diagnosed.part_words} are wrong ({percent(accuracy)} correct)."
    )
    pairs = most_confused(matrix, 3)
    rows = tuple((name, *map(str, row.tolist())) for name, row in zip(diagnosed.class_names, matrix, strict=True))
    summary = f"{head} {_about_pairs(diagnosed, pairs, n_wrong)}" if pairs else f"{head} Nothing is confused."
    return Section(
        "confusion",
        "Which class is confused with which",
        summary,
        info.words.notes,
        alt=f"A confusion matrix. {summary}",
        tables=(Table("Confusion matrix, in sequences", ("true \\ predicted", *diagnosed.class_names), rows),),
        **on_page(draw_confusion, info, _CONTEXT),
    )


def _about_pairs(diagnosed: Diagnosed, pairs: list[Confusion], n_wrong: int) -> str:
    names = diagnosed.class_names
    first = pairs[0]
    told = (
        f"Most often {names[first.true]} is predicted as {names[first.predicted]}: {first.n} times, "
        f"{percent(first.share)} of its sequences and {percent(first.n / n_wrong)} of all mistakes"
    )
    back = next((pair for pair in pairs[1:] if (pair.true, pair.predicted) == (first.predicted, first.true)), None)
    if back is not None:
        return f"{told}; the other way round {back.n} times. The two look alike to it."
    rest = [f"{names[pair.true]} for {names[pair.predicted]} ({pair.n})" for pair in pairs[1:]]
    return f"{told}{f'; then {listed(rest, 2)}' if rest else ''}."


def report(diagnosed: Diagnosed) -> Section:
    """Precision, recall and F1 of every class, and the most confused pairs."""
    matrix = confusion_matrix(diagnosed.predicted, diagnosed.labels, diagnosed.n_classes)
    names = diagnosed.class_names
    scores = class_scores(matrix, names, 1)
    known = [(one.f1, name) for one, name in zip(scores, names, strict=True) if one.f1 is not None]
    known.sort()
    pairs = most_confused(matrix)
    about = "; ".join(
        f"{names[pair.true]} for {names[pair.predicted]} {pair.n} of {int(matrix[pair.true].sum())}"
        for pair in pairs[:6]
    )
    worst, best = known[0], known[-1]
    summary = f"Hardest is {worst[1]} (F1 {percent(worst[0])}), easiest {best[1]} ({percent(best[0])})."
    if worst[0] == best[0]:
        summary = f"Every class has an F1 of {percent(best[0])}."
    if pairs:
        summary += f" The most confused pairs: {about}."
    shown = sorted(range(len(names)), key=lambda k: -1.0 if scores[k].f1 is None else float(scores[k].f1 or 0.0))
    shown = shown[:MOST_GROUPS]
    figure, (axes,) = sheets.panels(1, 1, max(1.6, 0.24 * len(shown) + 0.7))
    for label, key, marker, colour, moved in (
        (
            "precision: of those predicted as this class, the share that truly is",
            "precision",
            "o",
            LIGHT.complete,
            -0.15,
        ),
        ("recall: of those of this class, the share that was found", "recall", "D", LIGHT.best, 0.15),
    ):
        points = [(getattr(scores[k], key), place + moved) for place, k in enumerate(shown)]
        there = [(value, place) for value, place in points if value is not None]
        across, down = [value for value, _ in there], [place for _, place in there]
        axes.scatter(across, down, color=colour, marker=marker, s=26, label=label, zorder=3, clip_on=False)
    sheets.named_ticks(axes, "y", [names[k] for k in shown], n_characters=30)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(right=1.0)
    sheets.in_percent(axes.xaxis)
    sheets.gridded(axes, "both")
    sheets.legend_below(figure, axes, 1)
    rows = tuple(
        (
            name,
            *("–" if value is None else f"{value:.4f}" for value in (one.precision, one.recall, one.f1)),
            str(one.support),
        )
        for name, one in zip(names, scores, strict=True)
    )
    return Section(
        "classification_report",
        "Scores of every class",
        summary,
        ("Hardest first. A class without a mark neither occurs nor was predicted.",),
        figure,
        "Precision and recall of each class, hardest first.",
        (Table("Classification report", ("class", "precision", "recall", "F1", "sequences"), rows),),
    )


def by_person(diagnosed: Diagnosed) -> Section:
    """Correct predictions of each person's sequences."""
    title, name = "Accuracy of each person", "by_person"
    if any(one.measured.groups is None for one in diagnosed.judged):
        return Section(name, title, "Who performed the sequences is not known.")
    right = diagnosed.predicted == diagnosed.labels
    people = torch.cat([one.measured.groups for one in diagnosed.judged if one.measured.groups is not None])
    names = diagnosed.first.measured.group_names
    groups = [
        GroupScore(names[person], int(right[people == person].sum()), int((people == person).sum()))
        for person in classes_in(people)
    ]
    groups.sort(key=lambda group: group.accuracy)
    if len(groups) == 1:
        summary = (
            f"All judged sequences are of {person_text(groups[0].name)} ({percent(groups[0].accuracy)} right): how it "
            "does with other people cannot be told from one."
        )
    else:
        summary = (
            f"From {percent(groups[0].accuracy)} ({person_text(groups[0].name)}) to "
            f"{percent(groups[-1].accuracy)} ({person_text(groups[-1].name)}): a new person may fare like any of "
            f"them. {_worst_class(diagnosed, people, groups[0])}"
        )
    return _bars(name, title, summary, groups, "person")


def _worst_class(diagnosed: Diagnosed, people: torch.Tensor, group: GroupScore) -> str:
    person = diagnosed.first.measured.group_names.index(group.name)
    own = people == person
    pairs = most_confused(confusion_matrix(diagnosed.predicted[own], diagnosed.labels[own], diagnosed.n_classes), 1)
    if not pairs:
        return ""
    names = diagnosed.class_names
    return (
        f"Of {person_text(group.name)} mostly {names[pairs[0].true]} is mistaken, for {names[pairs[0].predicted]} "
        f"({pairs[0].n} times)."
    )


def accuracy_by_length(diagnosed: Diagnosed) -> Section:
    """Correct predictions by the number of steps."""
    groups = by_length(diagnosed.predicted == diagnosed.labels, diagnosed.lengths)
    title, name = "Accuracy by length", "by_length"
    if len(groups) == 1:
        summary = f"All sequences have about the same length ({groups[0].name} steps): nothing to compare."
        return Section(name, title, summary)
    worst, best = (find(groups, key=lambda group: group.accuracy) for find in (min, max))
    intervals = [wilson_interval(one.accuracy, one.n) for one in (worst, best)]
    if worst.accuracy == best.accuracy:
        return _bars(name, title, f"{percent(best.accuracy)} whatever the length.", groups, "steps")
    summary = (
        f"Best with {best.name} steps ({percent(best.accuracy)}), worst with {worst.name} ({percent(worst.accuracy)})"
    ) + (
        ": more than chance." if intervals[0][1] < intervals[1][0] else ", which may be chance: the intervals overlap."
    )
    return _bars(name, title, summary, groups, "steps")


def _bars(name: str, title: str, summary: str, groups: list[GroupScore], what: str) -> Section:
    intervals = [wilson_interval(group.accuracy, group.n) for group in groups]
    dots = [
        Row(f"{group.name} ({group.n})", group.accuracy, low, high)
        for group, (low, high) in zip(groups[:MOST_GROUPS], intervals, strict=False)
    ]
    rows = tuple(
        (group.name, f"{group.accuracy:.4f}", f"{low:.4f}", f"{high:.4f}", str(group.n))
        for group, (low, high) in zip(groups, intervals, strict=True)
    )
    note = "Dots are the share of correct predictions, lines their 95% interval (Wilson); in brackets the sequences."
    words = Words(title, summary, (note,))
    return section(
        name,
        words,
        alt=f"Accuracy of each {what} with its interval. {summary}",
        tables=(Table(title, (what, "accuracy", "95% from", "to", "sequences"), rows),),
        **on_page(draw_rows, Rows(tuple(dots), words, "accuracy", is_share=True), _CONTEXT),
    )
