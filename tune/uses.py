"""How often the test part of a study has been used: each use makes it less of a test, so all stay on record."""

from __future__ import annotations

from datetime import UTC, datetime

from optuna import Study

from .folders import StudyFolder
from .locks import study_lock

LOOKS = "looks_at_test"


def times_test_was_used(study: Study) -> int:
    """Configurations that were scored on it, and those whose mistakes on it somebody looked at."""
    scored = sum("test" in one for one in study.user_attrs.get("evaluations", {}).values())
    return scored + len({look["trial"] for look in study.user_attrs.get(LOOKS, [])})


def record_look(study: Study, folder: StudyFolder, trial: int) -> None:
    """Notes that the mistakes of a trial's network on the test part are about to be shown to somebody."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with study_lock(study._storage, folder):
        looks = study.user_attrs.get(LOOKS, [])
        study.set_user_attr(LOOKS, [*looks, {"trial": trial, "when": now}])
