"""All studies on one page: what each is about, its answer, and the way to its report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.folders import StudyFolder
from ..core.json_files import read_json_object
from .figures.sections import Link, Section, Table, rendered
from .figures.words import interval, percent
from .page_names import REPORT_PAGE

STUDIES_PAGE, TITLE = "index.html", "Each study and its answer"
_LARGEST_ANSWER = 50_000_000


class StudyRow(NamedTuple):
    """A study as it stands.

    Attributes:
        name: Of the study.
        begun: Day and time, in UTC.
        done: Finished trials, of how many.
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
    head = ("study", "begun", "network", "data", "trials", "best trial", "test accuracy (95% interval)")
    table = Table(TITLE, head, tuple(_cells(row) for row in rows), is_open=True, wraps=True)
    summary = (
        "The best trial is that of the search, by its validation score. The network is the one that is handed over, "
        "and its accuracy is on the test set, which the search did not see."
    )
    return rendered("studies.html", [Section("studies", TITLE, summary, tables=(table,))])


def _cells(row: StudyRow) -> tuple[str | Link, ...]:
    answer: dict[str, Any] = {}
    if (row.folder.root / "best_config.json").is_file():
        answer, _ = read_json_object(row.folder.root / "best_config.json", largest_bytes=_LARGEST_ANSWER)
    has_report = (row.folder.root / REPORT_PAGE).is_file()
    name = Link(row.name, f"{row.name}/{REPORT_PAGE}") if has_report else row.name
    data = answer.get("data") or {}
    return (
        name,
        row.begun,
        str(answer.get("architecture", "-")),
        str(data.get("name", "-")),
        row.done,
        row.best,
        _accuracy((answer.get("scores") or {}).get("test")),
    )


def _accuracy(test: dict[str, Any] | None) -> str:
    if not test or "accuracy" not in test:
        return "-"
    found = (test.get("intervals_95") or {}).get("accuracy")
    shown = percent(test["accuracy"])
    return f"{shown} ({interval(*found)})" if found else shown
