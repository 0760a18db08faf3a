"""All studies on one page: what each is about, its answer, and the way to its report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..core.folders import StudyFolder
from .figures.sections import Link, Section, Table, rendered
from .figures.words import interval, percent
from .handed_over import read_handed_over
from .page_names import REPORT_PAGE

STUDIES_PAGE, TITLE = "index.html", "Each study and its answer"


class StudyRow(NamedTuple):
    """A study as it stands.

    Attributes:
        name: Of the study.
        begun: Day and time, in UTC.
        done: Finished trials, of how many, and whether more are running.
        best: Best validation score of a trial.
        folder: Of its exports.
    """

    name: str
    begun: str
    done: str
    best: str
    folder: StudyFolder


def studies_page(rows: Sequence[StudyRow]) -> str:
    """The page, as HTML that needs no network; it lies beside the studies' folders."""
    head = ("study", "begun", "data", "trials", "best of the search", "handed over", "test accuracy (95% interval)")
    table = Table(TITLE, head, tuple(_cells(row) for row in rows), is_open=True, wraps=True)
    summary = (
        "The best of the search is the trial with the best validation score. Another one is handed over where it did "
        "not repeat with fresh seeds, or was not better than MiniRocket. The accuracy is that of the network that is "
        "handed over, on the test set, which the search did not see."
    )
    return rendered("studies.html", [Section("studies", TITLE, summary, tables=(table,))])


def _cells(row: StudyRow) -> tuple[str | Link, ...]:
    has_report = (row.folder.root / REPORT_PAGE).is_file()
    name = Link(row.name, f"{row.name}/{REPORT_PAGE}") if has_report else row.name
    found = read_handed_over(row.folder)
    if found is None:
        return name, row.begun, "-", row.done, row.best, "-", "-"
    network, accuracy = f"{found.architecture}, {found.network}", "-"
    if test := found.scores.test:
        ends = test.intervals_95.get("accuracy")
        accuracy = f"{percent(test.accuracy)} ({interval(*ends)})" if ends else percent(test.accuracy)
    return name, row.begun, found.data.name, row.done, row.best, network, accuracy
