"""What differs between the settings that a study was begun with and those that it is to go on with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .settings import Settings

# May differ between two runs of one study: how long, how to go on, and where.
CHANGEABLE = (
    "network.path",
    "search.trials",
    "search.timeout_seconds",
    "search.target",
    "search.sampler",
    "search.pruner",
    "search.stop",
    "search.floors",
    "search.ensemble",
    "search.unknown_classes",
)
CHANGEABLE_SECTIONS = ("machine.", "confirmation.", "data.path")


def changed_settings(stored: dict[str, Any], settings: Settings) -> list[str]:
    """What cannot change in a study and yet did, a line each."""
    before, now = _before_and_now(stored, settings)
    return [
        f"{path}: {before[path]} in the study, {now.get(path, 'not there')} now"
        for path in sorted(before)
        if before[path] != now.get(path) and not is_changeable(path)
    ]


def newer_settings(stored: dict[str, Any], settings: Settings) -> list[str]:
    """Settings that an older version of the tuner, which began the study, did not know."""
    before, now = _before_and_now(stored, settings)
    return sorted(path for path in now.keys() - before.keys() if not path.startswith(CHANGEABLE_SECTIONS))


def _before_and_now(stored: dict[str, Any], settings: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    sections = ("shared", settings.architecture)
    return _flat(stored, sections), _flat(settings.model_dump(mode="json"), sections)


def _flat(plain: dict[str, Any], sections: Sequence[str]) -> dict[str, Any]:
    """Paths and values of everything that the study depends on; each range is one value."""
    flat: dict[str, Any] = {}
    for key, value in plain.items():
        if key == "space":
            flat.update({f"space.{s}.{name}": r for s in sections for name, r in value.get(s, {}).items()})
        elif isinstance(value, dict):
            flat.update({f"{key}.{name}": inner for name, inner in value.items()})
        else:
            flat[key] = value
    return flat


def is_changeable(path: str) -> bool:
    """Whether a setting may differ between two runs of one study."""
    return path in CHANGEABLE or path.startswith(CHANGEABLE_SECTIONS)
