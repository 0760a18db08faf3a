"""Everything that the report of a study says, in order: the same for the page and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .answer import Answer, answer
from .classes import classes_sections
from .confirmation import confirmation_section
from .events import events_section, timeline_of
from .facts import Facts
from .figures.collection import Figures, ranked_parameters, section_of, unknown_choice
from .figures.curves import curves_info
from .figures.sections import Section, gathered, not_drawn
from .figures.slices import slices_info
from .figures.words import StudyContext
from .people import people_section
from .reproduction import command, reproduction_section
from .trials import trials_sections


class Content(NamedTuple):
    """A report before it is written down.

    Attributes:
        title: Of the report.
        subtitle: What it is about, in a line.
        answer: Comes first.
        sections: In order.
        running: How far the study has come, while it runs; else empty.
    """

    title: str
    subtitle: str
    answer: Answer
    sections: tuple[Section, ...]
    running: str = ""


def content(
    facts: Facts,
    first: Sequence[Section] = (),
    *,
    searched: Sequence[Section] | None = None,
    title: str | None = None,
    again: str | None = None,
) -> Content:
    """The whole report of a study.

    Args:
        facts: Of the study.
        first: Sections to put before all others: architectures, or a front of two objectives.
        searched: The figures of the search as sections, where they are made already.
        title: Instead of the study's name.
        again: The command that makes all of it again, where it is not the study's own.
    """
    if searched is None:
        searched = searched_sections(facts.figures, facts.context)
    named = {section.name: section for section in searched}

    def there(*names: str) -> list[Section]:
        return [named[name] for name in names if name in named]

    confirmation, events, timeline = confirmation_section(facts), events_section(facts), timeline_of(facts)
    varied = ranked_parameters(facts.trials, facts.figures.importances)
    how: list[Section] = []
    if not unknown_choice(facts.figures.importances, varied):
        slices = section_of("slices", slices_info(facts.trials, varied, facts.context), facts.context)
        how = [slices, *there("contour")]
    nothing_judged = not_drawn("classes", "People and classes", "nothing has been judged yet, or an older version did")
    sections = (
        *first,
        *([] if confirmation is None else [confirmation]),
        *([] if events is None else [events]),
        *([] if timeline is None else [section_of("timeline", timeline, facts.context)]),
        *([people_section(facts), *classes_sections(facts)] if facts.answers else [nothing_judged]),
        *there("history", "importances"),
        *how,
        *there("parallel"),
        section_of("curves", curves_info(facts.trials, facts.context), facts.context),
    )
    again = again or command(facts.settings, facts.name, facts.channel_names)
    data = facts.attributes.get("data") or {}
    subtitle = (
        f"{facts.settings.architecture} on {data.get('name', facts.settings.dataset)}: "
        f"{data.get('n_sequences', '?')} sequences of {len(facts.class_names) or '?'} classes"
    )
    return Content(
        title or facts.name,
        subtitle,
        answer(facts, again, [section.summary for section in first]),
        (*gathered(sections), *trials_sections(facts), reproduction_section(facts)),
        facts.running,
    )


def searched_sections(figures: Figures, context: StudyContext) -> list[Section]:
    """The figures of a search as sections; of those that are missing for one reason the first says it."""
    first = {info: name for name, info in reversed(figures._asdict().items()) if isinstance(info, str)}
    return [
        section_of(name, info, context)
        for name, info in figures._asdict().items()
        if not isinstance(info, str) or first[info] == name
    ]
