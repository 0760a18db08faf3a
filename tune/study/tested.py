"""What is on record in a study of the networks that were judged after its search, and how often on the test set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.trial import FrozenTrial

from .study import unfinished_after

# The study's list of what its test set was used for besides what ``evaluations`` has.
TEST_USES = "test_uses"
# How well sequences of no known class are told, and the share of the known that a threshold may refuse for it.
UNKNOWN, REFUSED = "unknown", 0.05


def evaluation_of(attributes: Mapping[str, Any], trial: FrozenTrial | None) -> dict[str, Any]:
    """Scores of a trial's network by part, and how its last fit was made; empty where it was not judged.

    Those of an unfinished trial's network are no longer its own when it has been trained further.

    Args:
        attributes: Of the study.
        trial: As ``study.as_left`` gives it.
    """
    evaluations = attributes.get("evaluations")
    if trial is None or not isinstance(evaluations, Mapping):
        return {}
    found: dict[str, Any] = evaluations.get(str(trial.number)) or {}
    return found if found.get("unfinished_after") == unfinished_after(trial) else {}


def times_test_was_used(attributes: Mapping[str, Any]) -> int:
    """How often networks were judged on the test set: in the end of a search, and for exports."""
    evaluations = attributes.get("evaluations") or {}
    return sum("test" in one for one in evaluations.values()) + len(attributes.get(TEST_USES) or [])


def unknown_of(attributes: Mapping[str, Any], trial: int) -> Mapping[str, Any] | None:
    """What leaving classes out of a trial's training found; None where that is not on record."""
    stored = attributes.get(UNKNOWN)
    return stored if isinstance(stored, Mapping) and stored.get("trial") == trial else None
