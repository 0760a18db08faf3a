"""Writing the pages and pictures of a study: ``report.html``, ``report.md``, ``plots.html``, and a PNG a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.files import write_bytes, write_text
from .classes import confusion_of
from .content import Content, content, searched_sections
from .facts import Facts
from .figures.collection import KINDS, picture_of, section_of
from .figures.curves import curves_info
from .figures.pareto import ParetoInfo
from .figures.sections import Section, rendered
from .figures.words import StudyContext
from .markdown import as_markdown
from .page_names import PLOTS_PAGE, REPORT_PAGE, REPORT_TEXT


def write_pages(facts: Facts, folder: Path, pareto: ParetoInfo | str | None = None) -> tuple[Content, list[str]]:
    """Writes all of it; a figure of the search that cannot be drawn leaves a picture and a section that say why.

    Each file is whole or not there.

    Args:
        facts: Of a study at any time of its life.
        folder: Where to write; made if it is not there.
        pareto: The front of two objectives, or why there is none yet; None where there is one objective.

    Returns:
        What the report says, and a sentence for every figure of the search that could not be drawn.

    Raises:
        OSError: If a file cannot be written.
    """
    shown: dict[str, Any] = facts.figures._asdict()
    if pareto is not None:
        shown["pareto"] = pareto
    # For the dashboard, which shows no pages; of what there is nothing to see, none.
    further = {"curves": curves_info(facts.trials, facts.context), "confusion": confusion_of(facts)}
    drawn = {**shown, **{name: info for name, info in further.items() if not isinstance(info, str | None)}}
    for name, info in drawn.items():
        write_bytes(folder / KINDS[name].file, picture_of(name, info, facts.context))
    searched = searched_sections(facts.figures, facts.context)
    first = pareto_sections(pareto, facts.context)
    write_text(folder / PLOTS_PAGE, plots_page([*first, *searched], facts.context))
    report = content(facts, first, searched=searched)
    write_report(report, folder)
    refused = {name: info for name, info in shown.items() if isinstance(info, str)}
    return report, [f"{KINDS[name].title} cannot be drawn: {why}." for name, why in refused.items()]


def pareto_sections(pareto: ParetoInfo | str | None, context: StudyContext) -> list[Section]:
    """What a page shows first of a study with two objectives, since it is what such a study is for."""
    return [] if pareto is None else [section_of("pareto", pareto, context)]


def plots_page(sections: Sequence[Section], context: StudyContext) -> str:
    """The figures of a search as one page that needs no network."""
    return rendered("plots.html", sections, context=context)


def write_report(report: Content, folder: Path) -> None:
    """Writes a report as a page and as Markdown."""
    write_text(folder / REPORT_PAGE, as_html(report))
    write_text(folder / REPORT_TEXT, as_markdown(report))


def as_html(report: Content) -> str:
    """The report as one page that needs no network."""
    words = {"title": report.title, "subtitle": report.subtitle, "answer": report.answer}
    return rendered("report.html", report.sections, **words)
