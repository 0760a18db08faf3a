"""How well a network finds the events of streams: how many, how late, in one piece, and what was never there.

After Ward, Lukowicz & Gellersen 2011, "Performance metrics for activity recognition" (ACM TIST 2(1), article 6): an
event is an unbroken stretch of one class that is not the null class. A true event is missed (their deletion) if no
predicted event of its class overlaps it, split (fragmented) if several do, and merged if one that does overlaps another
true event of the class too; a predicted event that overlaps no true one of its class is a false alarm (their
insertion). For precision, recall and F1 each true event is found by one predicted event at most, and each of these
finds one, so that what is split costs precision and what is merged costs recall.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from data.sequences import SequenceDataset
from data.streams.null_class import null_class
from data.timeline import Timeline

from ..training.decisions import DecisionRule, Stretch, stretches

# Of its time, that has to be judged for an event to count.
LEAST_JUDGED = 0.5


@dataclass(frozen=True)
class Count:
    """What became of events.

    Attributes:
        n_found: True events that a predicted one was for.
        n_missed: True events that no predicted one of their class overlaps.
        n_split: True events that several do.
        n_merged: True events that share one with another true event.
        n_false: Predicted events that overlap no true one of their class.
    """

    n_true: int = 0
    n_predicted: int = 0
    n_found: int = 0
    n_missed: int = 0
    n_split: int = 0
    n_merged: int = 0
    n_false: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(*(a + b for a, b in zip(asdict(self).values(), asdict(other).values(), strict=True)))

    @property
    def f1(self) -> float | None:
        """Of events; None where there are none, neither true nor predicted."""
        n = self.n_true + self.n_predicted
        return 2 * self.n_found / n if n else None

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values, with precision, recall and F1."""
        return {
            **asdict(self),
            "precision": self.n_found / self.n_predicted if self.n_predicted else None,
            "recall": self.n_found / self.n_true if self.n_true else None,
            "f1": self.f1,
        }


def probabilities_of(
    logits: Sequence[Float[Tensor, "windows classes"]], temperature: float
) -> list[Float[Tensor, "windows classes"]]:
    """What networks with these logits say when they are handed over."""
    return [(one.double() / temperature).softmax(dim=1) for one in logits]


def judge_events(
    probabilities: Sequence[Float[Tensor, "windows classes"]], parts: Sequence[SequenceDataset], rule: DecisionRule
) -> dict[str, Any] | None:
    """What became of the events in streams, as plain JSON values; of several networks' counts the sums.

    Args:
        probabilities: Of each network, as it is handed over.
        parts: What each network was given.
        rule: Decides what is predicted at each moment.

    Returns:
        Counts over all classes, the ``rule``, ``per_class``, ``hours`` that were judged, ``false_alarms_per_hour``, and
        ``delay_seconds``: the median time from the begin of an event that was found to the end of the window by which
        that was known. None where the parts are no streams.
    """
    counts: dict[int, Count] = {}
    delays: list[float] = []
    hours = 0.0
    for said, part in zip(probabilities, parts, strict=True):
        if part.timeline is None:
            return None
        for covered in covered_stretches(said, part, part.timeline, rule):
            hours += (covered.end - covered.begin) / 3600
            for label, count, late in covered.compared():
                counts[label] = counts.get(label, Count()) + count
                delays += late
    whole = sum(counts.values(), Count())
    names = parts[0].class_names
    return {
        **whole.as_json(),
        "rule": rule.model_dump(),
        "hours": hours,
        "false_alarms_per_hour": whole.n_false / hours if hours else None,
        "delay_seconds": float(np.median(delays)) if delays else None,
        "windows_cut_at_changes": any(part.timeline is not None and part.timeline.at_changes for part in parts),
        "per_class": [{"class": names[label], **counts[label].as_json()} for label in sorted(counts)],
    }


class Covered(NamedTuple):
    """A stretch of a stream that windows cover, its first window, and its events."""

    row: int
    begin: float
    end: float
    predicted: list[Stretch]
    true: list[Stretch]

    def compared(self) -> Iterator[tuple[int, Count, list[float]]]:
        """What became of the events of every class, and how late those that were found were known."""
        for label in {one.label for one in (*self.predicted, *self.true)}:
            predicted, true = ([one for one in some if one.label == label] for some in (self.predicted, self.true))
            yield label, *_compare(predicted, true)


def covered_stretches(
    probabilities: Float[Tensor, "windows classes"], part: SequenceDataset, timeline: Timeline, rule: DecisionRule
) -> Iterator[Covered]:
    """Every stretch that windows cover, with the events that are predicted there and those that there were."""
    said = probabilities.double().numpy()
    assert part.sample_rate_hz is not None
    null = null_class(part.class_names)
    streams, starts = timeline.streams.numpy(), timeline.starts.numpy().astype(np.float64)
    ends = starts + part.lengths.numpy() / part.sample_rate_hz
    for stream in np.unique(streams):
        rows = np.flatnonzero(streams == stream)
        rows = rows[np.argsort(starts[rows], kind="stable")]
        events = timeline.events[timeline.events[:, 0] == stream]
        window = float((ends - starts)[rows].max())
        apart = np.flatnonzero(starts[rows][1:] - ends[rows][:-1] > window / 2) + 1
        for mine in np.split(rows, apart):
            begin, end = float(starts[mine[0]]), float(ends[mine].max())
            true = [
                Stretch(int(label), max(a, begin), min(b, end))
                for _, label, a, b in events.tolist()
                if min(b, end) - max(a, begin) >= LEAST_JUDGED * (b - a) and label < part.n_classes
            ]
            predicted = stretches(said[mine], starts[mine], ends[mine], rule, null)
            yield Covered(int(mine[0]), begin, end, [one for one in predicted if one.label != null], true)


def _compare(predicted: Sequence[Stretch], true: Sequence[Stretch]) -> tuple[Count, list[float]]:
    """What became of the events of one class in one stretch, and how late those that were found were known."""
    overlap: Bool[NDArray[np.bool_], "true predicted"] = np.array(
        [[min(t.end, p.end) > max(t.begin, p.begin) for p in predicted] for t in true], dtype=bool
    ).reshape(len(true), len(predicted))
    late, free = [], list(range(len(predicted)))
    # Both are in order of time, so that the first that is free leaves most to those that follow.
    for k, one in enumerate(true):
        found = next((p for p in free if overlap[k, p]), None)
        if found is not None:
            free.remove(found)
            late.append(max(predicted[found].known - one.begin, 0.0))
    shared = overlap[:, overlap.sum(axis=0) > 1].any(axis=1)
    count = Count(
        n_true=len(true),
        n_predicted=len(predicted),
        n_found=len(late),
        n_missed=int((~overlap.any(axis=1)).sum()),
        n_split=int((overlap.sum(axis=1) > 1).sum()),
        n_merged=int(shared.sum()),
        n_false=int((~overlap.any(axis=0)).sum()),
    )
    return count, late
