"""The report of a study that runs: there from early on, rewritten in a bounded share of the time, and saying so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.html import Reader
from tests.report_facts import facts_of, trials_of
from tune.core.folders import StudyFolder
from tune.core.stopping import StopWatch
from tune.report.content import content
from tune.report.live import LiveReport
from tune.report.page import as_html
from tune.search.floors import fit_floors
from tune.search.progress import Progress

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab


@pytest.fixture
def lab(new_lab: NewLab) -> Lab:
    lab = new_lab("running", {"search": {"trials": 2, "pruner": "none"}})
    lab.search()
    return lab


def test_it_is_written_between_trials_and_says_that_it_runs(lab: Lab) -> None:
    page = lab.folder.root / "report.html"
    report, progress = LiveReport(lab.study(), lab.settings, lab.folder), Progress("accuracy", 3, n_trials=9)
    report.look(progress)
    assert not page.exists(), "a study of a few seconds has no time for it"
    report._started -= 10
    report.look(progress)
    first = page.stat().st_mtime_ns
    html = page.read_text(encoding="utf-8")
    assert "Running: 2 of 9 trials are finished, as of " in html
    assert '<meta http-equiv="refresh" content="20">' in html
    report._spent = 1e6
    report.look(progress)
    assert page.stat().st_mtime_ns == first, "that would be more than its share of the time"
    report._spent, report._started = 1.0, report._started - 36_000
    report.look(progress)
    assert page.stat().st_mtime_ns > first


def test_it_is_there_before_the_first_trial_with_what_there_is_to_beat(new_lab: NewLab) -> None:
    lab = new_lab("begun", {"search": {"floors": True, "trials": 1}})
    context, page, texts = lab.context(), lab.folder.root / "report.html", list[str]()
    report, progress = LiveReport(context.study, lab.settings, lab.folder), Progress("accuracy", 3, n_trials=1)
    report._started -= 10

    def after_trial() -> None:
        report._spent = 0.0
        report.look(progress)
        texts.append(Reader(page.read_text(encoding="utf-8")).text)

    progress.after_trial = after_trial
    fit_floors(context, progress, StopWatch())
    (early,) = texts
    assert "What is there to beat?" in early
    assert "MiniRocket with a ridge classifier, which could be handed over, has not been fitted yet" in early
    assert "random forest on simple features" in early
    assert "Every trial in numbers" not in early
    after_trial()
    assert "has not been fitted yet" not in texts[-1]
    assert "fitted in" in texts[-1]


def test_a_page_that_cannot_be_made_ends_no_search(lab: Lab) -> None:
    report = LiveReport(lab.study(), lab.settings, StudyFolder(lab.folder.save_dir, "\0"))
    report._started -= 60
    progress = Progress("accuracy", 3, n_trials=9)
    report.look(progress)
    report.look(progress)
    (note,) = progress.said
    assert note.startswith("note: the report is written at the end only (ValueError")


def test_a_finished_report_reloads_nothing_and_has_a_table_to_sort() -> None:
    facts = facts_of(trials_of(20))
    reader = Reader(as_html(content(facts)))
    assert "refresh" not in reader.values("http-equiv")
    (table,) = [attrs for tag, attrs in reader.tags if tag == "table" and "sortable" in str(attrs.get("class")).split()]
    assert table["aria-label"] == "Every trial in numbers"
    section = next(one for one in content(facts).sections if one.name == "trials")
    rows = section.tables[0].rows
    assert len(rows) == 20
    assert facts.best is not None
    assert [row[0] for row in rows if str(row[1]).startswith("★")] == [str(facts.best.number)]
    assert any(str(row[1]).startswith("failed: RuntimeError") for row in rows)
