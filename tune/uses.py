"""How often the test part of a study has been used: each use makes it less of a test, so all stay on record."""

from __future__ import annotations

from datetime import UTC, datetime

from optuna import Study

LOOKS = "looks_at_test"


def times_test_was_used(study: Study) -> int:
    """Configurations that were scored on it, and those whose mistakes on it somebody looked at."""
    scored = sum("test" in one for one in study.user_attrs.get("evaluations", {}).values())
    return scored + len({look["trial"] for look in study.user_attrs.get(LOOKS, [])})


def record_look(study: Study, trial: int) -> None:
    """Notes that the mistakes of a trial's network on the test part are about to be shown to somebody."""
    looks = study.user_attrs.get(LOOKS, [])
    now = datetime.now(UTC).isoformat(timespec="seconds")
    study.set_user_attr(LOOKS, [*looks, {"trial": trial, "when": now}])
