"""What was, and what was predicted, of a few people's streams, small enough to be stored with the study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from data.sequences import SequenceDataset

from ..training.decisions import DecisionRule, Stretch
from .events import Count, Covered, covered_stretches

MOST_PEOPLE = 5
# Longer, and a movement of two seconds is no longer seen on a telephone.
MOST_SECONDS = 180.0


def timelines(
    probabilities: Float[Tensor, "windows classes"], part: SequenceDataset, rule: DecisionRule | None
) -> dict[str, Any] | None:
    """Of people from the worst to the best event F1, evenly, the three minutes with the most events.

    Returns:
        Plain JSON values: ``people``, each with a ``name``, ``begin`` and ``end`` in seconds of the stream, and its
        ``true`` and ``predicted`` events as [class, begin, end]; ``not_shown``, the names of the others. None where the
        parts are no streams.
    """
    if part.timeline is None or rule is None:
        return None
    found: dict[str, list[Covered]] = {}
    for one in covered_stretches(probabilities, part, part.timeline, rule):
        found.setdefault(_name(part, one.row), []).append(one)
    ordered = sorted(found, key=lambda name: (_f1(found[name]), name))
    n_shown = min(len(ordered), MOST_PEOPLE)
    shown = [ordered[k] for k in np.linspace(0, len(ordered) - 1, n_shown).round().astype(int)]
    return {
        "people": [_section(name, max(found[name], key=lambda one: (len(one.true), one.end))) for name in shown],
        "not_shown": [name for name in found if name not in shown],
    }


def _name(part: SequenceDataset, row: int) -> str:
    if part.groups is not None:
        return part.group_names[int(part.groups[row])]
    return "" if part.recordings is None else f"stream {int(part.recordings[row]) + 1}"


def _f1(stretches: Sequence[Covered]) -> float:
    return sum((count for one in stretches for _, count, _ in one.compared()), Count()).f1 or 0.0


def _section(name: str, covered: Covered) -> dict[str, Any]:
    """The part of a stretch with the most true events, of these the first."""

    def held(begin: float) -> int:
        return sum(begin <= one.begin and one.end <= begin + MOST_SECONDS for one in covered.true)

    latest = max(covered.end - MOST_SECONDS, covered.begin)
    begins = [covered.begin, *(min(one.begin, latest) for one in covered.true)]
    begin = max(sorted(begins), key=held)
    end = min(begin + MOST_SECONDS, covered.end)

    def cut(events: Sequence[Stretch]) -> list[list[float]]:
        inside = [one for one in events if one.begin < end and one.end > begin]
        return [[one.label, round(max(one.begin, begin), 3), round(min(one.end, end), 3)] for one in inside]

    return {
        "name": name,
        "begin": round(begin, 3),
        "end": round(end, 3),
        "true": cut(covered.true),
        "predicted": cut(covered.predicted),
    }
