"""Writing the pages and pictures of a study: ``report.html``, ``report.md``, ``plots.html``, and a PNG a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.files import write_bytes, write_text
from .classes import confusion_of
from .content import Content, content, searched_sections
from .events import timeline_of
from .facts import Facts
from .figures.collection import KINDS, section_of
from .figures.curves import curves_info
from .figures.pareto import ParetoInfo
from .figures.sections import Section, gathered, rendered
from .figures.sheets import png
from .figures.words import StudyContext
from .markdown import as_markdown
from .page_names import PLOTS_PAGE, REPORT_PAGE, REPORT_TEXT


def write_pages(facts: Facts, folder: Path, pareto: ParetoInfo | str | None = None) -> tuple[Content, list[str]]:
    """Writes all of it; a figure that says nothing leaves no picture.

    Each file is whole or not there.

    Args:
        facts: Of a study at any time of its life.
        folder: Where to write; made if it is not there.
        pareto: The front of two objectives, or why there is none yet; None where there is one objective.

    Returns:
        What the report says, and the sentences that say why a figure of the search is not drawn.

    Raises:
        OSError: If a file cannot be written.
    """
    shown: dict[str, Any] = facts.figures._asdict()
    if pareto is not None:
        shown["pareto"] = pareto
    # Also for the dashboard, which shows no pages.
    judged = {"confusion": confusion_of(facts), "timeline": timeline_of(facts)}
    every = {**shown, "curves": curves_info(facts.trials, facts.context), **judged}
    for name, kind in KINDS.items():
        if kind.draw is None:
            continue
        if isinstance(info := every.get(name), str | None):
            (folder / kind.file).unlink(missing_ok=True)
        else:
            write_bytes(folder / kind.file, png(kind.draw(info, facts.context).figure))
    searched = searched_sections(facts.figures, facts.context)
    first = pareto_sections(pareto, facts.context)
    write_text(folder / PLOTS_PAGE, plots_page([*first, *searched], facts.context))
    report = content(facts, first, searched=searched)
    write_report(report, folder)
    refused = {info: KINDS[name].title for name, info in reversed(shown.items()) if isinstance(info, str)}
    return report, [f"{title} cannot be drawn: {why}." for why, title in reversed(refused.items())]


def pareto_sections(pareto: ParetoInfo | str | None, context: StudyContext) -> list[Section]:
    """What a page shows first of a study with two objectives, since it is what such a study is for."""
    return [] if pareto is None else [section_of("pareto", pareto, context)]


def plots_page(sections: Sequence[Section], context: StudyContext) -> str:
    """The figures of a search as one page that needs no network."""
    return rendered("plots.html", gathered(sections), context=context)


def write_report(report: Content, folder: Path) -> None:
    """Writes a report as a page and as Markdown."""
    write_text(folder / REPORT_PAGE, as_html(report))
    write_text(folder / REPORT_TEXT, as_markdown(report))


def as_html(report: Content) -> str:
    """The report as one page that needs no network."""
    words = {"title": report.title, "subtitle": report.subtitle, "answer": report.answer, "running": report.running}
    return rendered("report.html", report.sections, **words)
