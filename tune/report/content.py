"""Everything that the report of a study says, in order: the same for the page and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..figures import ranked_parameters
from ..figures.curves import curves_info
from ..figures.slices import slices_info
from ..pages.curves import curves_figures
from ..pages.sections import HALF, QUARTER, Drawn, Section, Written, figure_sections, not_drawn
from ..pages.slices import slices_figures
from .answer import Answer, answer
from .classes import classes_sections
from .confirmation import confirmation_section
from .facts import Facts
from .people import people_section
from .reproduction import command, reproduction_section

_HEADINGS = {"history": "Search", "importances": "What matters", "parallel": "All trials", "contour": "Pairs"}


class Content(NamedTuple):
    """A report before it is written down.

    Attributes:
        title: Of the report.
        subtitle: What it is about, in a line.
        answer: Comes first.
        sections: In order.
        figures: The interactive figures that the sections name, as JSON.
    """

    title: str
    subtitle: str
    answer: Answer
    sections: tuple[Section, ...]
    figures: dict[str, str]


def content(
    facts: Facts,
    first: Sequence[Drawn] = (),
    *,
    searched: Written | None = None,
    title: str | None = None,
    again: str | None = None,
) -> Content:
    """The whole report of a study.

    Args:
        facts: Of the study.
        first: Sections to put before all others, with their figures: architectures, or a front of two objectives.
        searched: The figures of the search as sections, where they are made already.
        title: Instead of the study's name.
        again: The command that makes all of it again, where it is not the study's own.
    """
    sections, made = searched or figure_sections(facts.figures, facts.context)
    figures = dict(made)
    named = {section.name: section._replace(heading=_HEADINGS[section.name]) for section in sections}
    confirmation = confirmation_section(facts)
    others: list[Drawn] = [
        *first,
        *([] if confirmation is None else [(confirmation, {})]),
        people_section(facts),
        *classes_sections(facts),
        (named["history"], {}),
        (named["importances"], {}),
        _slices(facts),
        (named["contour"], {}),
        (named["parallel"], {}),
        _curves(facts),
        (reproduction_section(facts), {}),
    ]
    for _, drawn in others:
        figures.update({name: figure.to_json() for name, figure in drawn.items()})
    again = again or command(facts.settings, facts.name, facts.channel_names)
    data = facts.attributes.get("data") or {}
    subtitle = (
        f"{facts.settings.architecture} on {data.get('name', facts.settings.dataset)}: "
        f"{data.get('n_sequences', '?')} sequences of {len(facts.class_names) or '?'} classes"
    )
    return Content(
        title or facts.name,
        subtitle,
        answer(facts, again, [section.summary for section, _ in first]),
        tuple(section for section, _ in others),
        figures,
    )


def _slices(facts: Facts) -> Drawn:
    names = ranked_parameters(facts.trials, facts.figures.importances)
    info = slices_info(facts.trials, names, facts.context)
    if isinstance(info, str):
        return not_drawn("slices", "The score along each hyperparameter", info)._replace(heading="How"), {}
    figures = slices_figures(info, facts.context)
    words = info.words
    section = Section("slices", words.title, words.summary, words.notes, tuple(figures), least_width=QUARTER)
    return section._replace(heading="How", key="● complete   ★ best"), figures


def _curves(facts: Facts) -> Drawn:
    info = curves_info(facts.trials, facts.context)
    if isinstance(info, str):
        return not_drawn("curves", "Learning curves", info)._replace(heading="Learning"), {}
    figures = curves_figures(info, facts.context)
    words = info.words
    section = Section("curves", words.title, words.summary, words.notes, tuple(figures), least_width=HALF)
    return section._replace(heading="Learning"), figures
