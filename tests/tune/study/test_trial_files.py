"""The folder of a trial is the same one wherever, and in whatever season, somebody looks for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tune.core.folders import StudyFolder
from tune.study.study import best_trial
from tune.study.trial_files import drop_other_weights, load_weights, trial_folder

if TYPE_CHECKING:
    from tests.tune.conftest import NewLab

pytestmark = pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone of a process cannot be set here")
# Of POSIX, which needs no data of time zones; the sign is that of the way to Greenwich.
ZONES = ("NZST-12", "PST8", "UTC")


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    time.tzset()


def go_to(zone: str, in_zone: pytest.MonkeyPatch) -> None:
    in_zone.setenv("TZ", zone)
    time.tzset()


def test_a_trial_is_found_in_another_time_zone(new_lab: NewLab, in_zone: pytest.MonkeyPatch) -> None:
    go_to("NZST-12", in_zone)
    lab = new_lab("study", {"search": {"trials": 2}})
    lab.search()
    folders = sorted((lab.folder.root / "trials").iterdir())
    for zone in ZONES:
        go_to(zone, in_zone)
        study = lab.study()
        assert [trial_folder(lab.folder, trial) for trial in study.trials] == folders, zone
        drop_other_weights(lab.folder, study)
        best = best_trial(study)
        assert best is not None
        assert load_weights(lab.folder, best, 1) is not None
    lab.with_settings({"search": {"trials": 3}}).search()
    assert [path.name[:5] for path in sorted((lab.folder.root / "trials").iterdir())] == ["0000-", "0001-", "0002-"]


def test_folders_named_by_an_earlier_version_are_found_and_new_ones_are_named_by_utc(
    tmp_path: Path, in_zone: pytest.MonkeyPatch
) -> None:
    go_to("NZST-12", in_zone)
    folder, started = StudyFolder(tmp_path, "s"), datetime(2026, 7, 1, 9, 30)
    assert folder.trial(3, started).name == "0003-20260630-213000"
    for number in (3, 30):
        (folder.root / "trials" / f"{number:04d}-20260701-093000").mkdir(parents=True)
    assert folder.trial(3, started).name == "0003-20260701-093000"
