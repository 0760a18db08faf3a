"""The best configurations, trained again with fresh seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .facts import Facts
from .figures.sections import Section, Table
from .figures.words import counted
from .words import points, score


def confirmation_section(facts: Facts) -> Section | None:
    """What fresh seeds said; None where none were tried."""
    stored = facts.confirmation
    if stored is None:
        return None
    metric = str(stored.get("metric") or facts.settings.search.metric)
    configurations = [one for one in stored["configurations"] if isinstance(one, Mapping)]
    selected = {stored.get("winner"): "best of the search" if facts.is_floor else "★ selected"}
    rows = tuple(_row(one, selected.get(one.get("trial"), ""), metric) for one in configurations)
    head = ("trial", "origin", "in the search", "mean", "std. dev.", "seeds", "parameters", "")
    n_seeds = max((len(one.get("scores") or ()) for one in configurations), default=0)
    return Section(
        "confirmation",
        "The best, trained again",
        f"{counted(len(configurations), 'configuration')}, up to {counted(n_seeds, 'fresh seed')} each.",
        ("In the search a score was chosen because it is high; the mean over fresh seeds was not.",),
        tables=(Table("Trained again with fresh seeds", head, rows, is_open=True),),
        heading="Confirmation",
    )


def _row(one: Mapping[str, Any], note: str, metric: str) -> tuple[str, ...]:
    deviation, n_parameters = one.get("deviation"), one.get("n_parameters")
    if not note and one.get("dropped_after"):
        note = f"left after {counted(int(one['dropped_after']), 'seed')}"
    return (
        str(one.get("trial")),
        {"known-good": "default"}.get(str(one.get("origin")), str(one.get("origin") or "")),
        score(one.get("search_score"), metric),
        score(one.get("mean"), metric),
        "–" if deviation is None else points(deviation) if metric != "loss" else score(deviation, metric),
        str(len(one.get("scores") or ())),
        "–" if n_parameters is None else f"{n_parameters:,}",
        note,
    )
