"""Which classes are recognised, and what the worst of them look like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..study.tested import REFUSED, unknown_of
from .facts import Facts
from .figures.collection import section_of
from .figures.confusion import ConfusionInfo, confusion_info, read_counts
from .figures.sections import Section, Table, not_drawn
from .figures.signals import legend, read_examples, signal_groups
from .figures.words import percent

_N_WORST = 8
# One is left out, and two are told apart.
FEWEST_TO_LEAVE_OUT = 3


def classes_sections(facts: Facts) -> Iterator[Section]:
    """The confusion matrix, the scores of every class, and examples of the worst."""
    yield section_of("confusion", confusion_of(facts) or _why_no_matrix(facts), facts.context)
    yield _classes(facts)


def confusion_of(facts: Facts) -> ConfusionInfo | None:
    """The confusion matrix of the judged part; None where none is stored."""
    names = facts.class_names
    counts = read_counts(facts.answers.get("confusion"), len(names))
    if counts is None:
        return None
    n_networks = 1 if facts.judged.get("refit") else max(1, len(facts.split.get("parts") or ()))
    return confusion_info(counts, names, facts.part, n_networks)


def _why_no_matrix(facts: Facts) -> str:
    if len(facts.class_names) > 1 and facts.answers.get("per_class"):
        return f"{len(facts.class_names)} classes are more than a matrix can show"
    return "the study holds no answers by class"


def _classes(facts: Facts) -> Section:
    """Scores of every class, the worst first, and stored sequences of those."""
    title = "The worst classes"
    rows = _read_classes(facts.answers.get("per_class"))
    if not rows:
        return not_drawn("classes", title, "the study holds no scores by class")
    rows.sort(key=lambda row: (row["f1"] is None, row["f1"] or 0.0, row["class"]))
    table = [
        (row["class"], percent(row["precision"]), percent(row["recall"]), percent(row["f1"]), str(row["support"]))
        for row in rows
    ]
    head = ("class", "precision", "recall", "F1", "sequences")
    every = Table(f"All {len(table)} classes, the lowest F1 first", head, tuple(table), len(table) <= _N_WORST)
    lowest = Table(f"The {_N_WORST} classes with the lowest F1", head, tuple(table[:_N_WORST]), True)
    tables = [every] if every.is_open else [lowest, every]
    notes = [
        "Precision: of those named so, how many are. Recall: of those that are, how many are named so. F1: both in one."
    ]
    about_unknown, unknown = _unknown(facts)
    notes += about_unknown
    tables += unknown
    worst = rows[0]
    section = Section(
        "classes",
        title,
        f"Lowest is {worst['class']}: F1 {percent(worst['f1'])} over {worst['support']} {facts.part} sequences.",
        tuple(notes),
        tables=tuple(tables),
        heading="Classes",
    )
    return _with_examples(section, facts)


def _unknown(facts: Facts) -> tuple[list[str], list[Table]]:
    """How well sequences of no known class are told, or the command that finds that out."""
    if facts.best is None or facts.is_floor or len(facts.class_names) < FEWEST_TO_LEAVE_OUT:
        return [], []
    stored = unknown_of(facts.attributes, facts.best.number)
    if stored is None:
        why = "Whether it would tell what is of none of these classes was not measured"
        return [f"{why}: {facts.resume} --unknown-classes 3 does, with as many further fits."], []
    classes = stored["classes"]
    note = (
        f"Of no known class: {len(classes)} of the {len(facts.class_names)} classes were left out of training, one a "
        f"fit of trial {facts.best.number}, and told from the others by the highest probability (Hendrycks and Gimpel "
        f"2017) with an AUROC of {stored['auroc']:.3f} on the {stored['part']} set; 0.5 is chance. Refused: of its "
        f"sequences, with a threshold that refuses {REFUSED:.0%} of the others."
    )
    head = ("class left out", "AUROC", "refused", "sequences", "of other classes")
    rows = tuple(
        (one["class"], f"{one['auroc']:.3f}", percent(one["refused"]), f"{one['n_unknown']:,}", f"{one['n_known']:,}")
        for one in classes
    )
    return [note], [Table("Classes that were left out", head, rows, True)]


def _with_examples(section: Section, facts: Facts) -> Section:
    stored = facts.attributes.get("examples")
    of_best = isinstance(stored, Mapping) and facts.best is not None and stored.get("trial") == facts.best.number
    classes = read_examples(stored) if of_best else None
    if classes is None:
        why = "Example signals are stored when a trial is judged by this version of the tuner; here there are none."
        return replace(section, notes=(*section.notes, why))
    if not classes:
        return replace(section, notes=(*section.notes, "No mistake was made, so there are no examples of mistakes."))
    how = (
        "Signals: of each of the worst classes one sequence that is classified correctly, and the most confident "
        "mistakes. A wide drawing lasts longer than a narrow one."
    )
    return replace(
        section, drawings=signal_groups(classes), legend=legend(classes[0]["channels"]), notes=(*section.notes, how)
    )


def _read_classes(stored: Any) -> list[dict[str, Any]]:
    try:
        return [
            {
                "class": str(one["class"]),
                "support": int(one["support"]),
                **{name: None if one[name] is None else float(one[name]) for name in ("precision", "recall", "f1")},
            }
            for one in stored or ()
        ]
    except (KeyError, TypeError, ValueError):
        return []
