"""Writing the report: ``report.html`` and ``report.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optuna import Study

from ..config import Settings
from ..figures import Figures
from ..figures.words import StudyContext
from ..files import write_bytes, write_text
from ..folders import StudyFolder
from ..pages.sections import Drawn, Written
from ..pages.templates import rendered
from .content import Content, content
from .facts import gather
from .markdown import as_markdown
from .page_names import REPORT_PAGE, REPORT_TEXT
from .pictures import report_pictures


def write_report(
    study: Study,
    settings: Settings,
    folder: StudyFolder,
    figures: Figures,
    searched: Written,
    context: StudyContext,
    first: Sequence[Drawn] = (),
) -> Content:
    """Writes both files of a study, and pictures, from the database alone; returns what they say.

    Args:
        study: As it stands.
        settings: Of the study.
        folder: Of the study.
        figures: Of the search.
        searched: The same as sections of a page.
        context: How to name and write things.
        first: Sections to put before all others, with their figures.
    """
    facts = gather(study, settings, folder, figures, context)
    report = content(facts, first, searched=searched)
    write_both(report, folder.root)
    for name, picture in report_pictures(facts):
        write_bytes(folder.root / name, picture)
    return report


def write_both(report: Content, folder: Path) -> None:
    """Writes a report as a page and as Markdown."""
    write_text(folder / REPORT_PAGE, as_html(report))
    write_text(folder / REPORT_TEXT, as_markdown(report))


def as_html(report: Content) -> str:
    """The report as one page that needs no network."""
    return rendered(
        "report.html",
        report.sections,
        report.figures,
        title=report.title,
        subtitle=report.subtitle,
        answer=report.answer,
    )
