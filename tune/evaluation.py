"""How good a trained configuration is, with an interval, on sequences that did not train it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist, fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from data.sequences import SequenceDataset

from .metrics import Scores, score, weighted_score
from .per_class import Breakdown, break_down

N_RESAMPLES = 1000
CONFIDENCE = 0.95
# With fewer people a bootstrap over people draws the same few over and over, and its interval means little.
FEWEST_PEOPLE = 5


@dataclass(frozen=True)
class Evaluation:
    """Scores of one configuration on one part, with 95% intervals.

    Attributes:
        scores: Mean over the folds' networks.
        intervals: Lowest and highest plausible value of each score.
        n_sequences: Judged sequences.
        n_people: People who performed them; None where that is not known.
        resampled: What the intervals resample: ``people`` or ``sequences``.
        accuracy_by_recording: Share of recordings whose windows' mean probability is highest for the right class; None
            where sequences are not windows of longer recordings.
        breakdown: By class and by person.
    """

    scores: Scores
    intervals: dict[str, tuple[float, float]]
    n_sequences: int
    n_people: int | None
    resampled: str
    accuracy_by_recording: float | None
    breakdown: Breakdown

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            **asdict(self.scores),
            "intervals_95": {name: list(interval) for name, interval in self.intervals.items()},
            "intervals_resample": self.resampled,
            "n_sequences": self.n_sequences,
            "n_people": self.n_people,
            "accuracy_by_recording": self.accuracy_by_recording,
            **self.breakdown.as_json(),
        }


def evaluate(
    logits: Sequence[Tensor], parts: Sequence[SequenceDataset], *, same_part: bool = False, seed: int = 0
) -> Evaluation:
    """Scores networks on their parts, with 95% intervals.

    Intervals are percentile bootstraps (Efron & Tibshirani 1993, section 13.3), but for an accuracy over sequences it
    is Wilson's (1927): a bootstrap of a hundred right answers in a row has no width, and would claim certainty.

    Args:
        logits: For each network, [sequences, classes].
        parts: What each network was given.
        same_part: Whether all networks judged the same sequences, as the networks of all folds do with the test part.
        seed: Draws the resamples.
    """
    all_logits = torch.cat(list(logits))
    labels = torch.cat([part.labels for part in parts])
    groups = [part.groups for part in parts if part.groups is not None]
    people = torch.cat(groups).numpy() if len(groups) == len(parts) else None
    n_people = None if people is None else len(np.unique(people))
    n_sequences = len(parts[0]) if same_part else len(labels)
    by_people = n_people is not None and n_people >= FEWEST_PEOPLE
    units = people if people is not None and by_people else np.arange(len(labels)) % n_sequences
    scores = score(all_logits, labels)
    intervals = _bootstrap(all_logits, labels, units, np.random.default_rng(seed))
    if not by_people:
        intervals["accuracy"] = wilson_interval(scores.accuracy, n_sequences)
    resampled = "people" if by_people else "sequences"
    by_recording = [accuracy_by_recording(one, part) for one, part in zip(logits, parts, strict=True)]
    known = [accuracy for accuracy in by_recording if accuracy is not None]
    return Evaluation(
        scores=scores,
        intervals=intervals,
        n_sequences=n_sequences,
        n_people=n_people,
        resampled=resampled,
        accuracy_by_recording=fmean(known) if known else None,
        breakdown=break_down(logits, parts, same_part=same_part),
    )


def accuracy_by_recording(logits: Tensor, part: SequenceDataset) -> float | None:
    """Share of recordings that their windows name rightly together, by their mean probabilities.

    Returns:
        None where no recording has several windows, or its windows have different labels, or where recordings were
        told apart by their labels: a vote over those would be told the answer.
    """
    if part.recordings is None:
        return None
    _, recording = part.recordings.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    n_recordings = int(recording.max()) + 1
    labels = torch.zeros(n_recordings, dtype=part.labels.dtype).scatter_(0, recording, part.labels)
    if n_recordings == len(part) or not torch.equal(labels[recording], part.labels):
        return None
    if part.groups is not None:
        performed = torch.stack([part.groups, part.labels]).unique(dim=1)  # type: ignore[no-untyped-call]
        if performed.shape[1] == n_recordings:
            return None
    votes = torch.zeros(n_recordings, logits.shape[1], dtype=torch.double)
    votes.index_add_(0, recording, logits.double().softmax(dim=1))
    return float((votes.argmax(dim=1) == labels).double().mean())


def wilson_interval(accuracy: float, n_judged: int) -> tuple[float, float]:
    """Plausible true accuracies behind a share of right answers (Wilson 1927; Brown, Cai & DasGupta 2001, eq. 4)."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = (accuracy + z**2 / (2 * n_judged)) / (1 + z**2 / n_judged)
    variance = accuracy * (1 - accuracy) / n_judged + z**2 / (4 * n_judged**2)
    half_width = z * math.sqrt(variance) / (1 + z**2 / n_judged)
    return max(centre - half_width, 0.0), min(centre + half_width, 1.0)


def luck_of_selection(accuracy: float, n_judged: int, n_trials: int) -> float:
    """How much better the best of ``n_trials`` equally good configurations looks than it is, on average.

    Each score scatters with the binomial standard error sqrt(p (1 - p) / n); the expected maximum of k standard normal
    values is about the quantile at (k - 0.375) / (k + 0.25) (Blom 1958). Real configurations differ, so this is an
    upper figure for a search whose candidates are all alike, and training noise comes on top.
    """
    if n_trials < 2 or n_judged < 1:
        return 0.0
    expected_maximum = NormalDist().inv_cdf((n_trials - 0.375) / (n_trials + 0.25))
    return expected_maximum * math.sqrt(max(accuracy * (1 - accuracy), 0.0) / n_judged)


def _bootstrap(
    logits: Tensor, labels: Tensor, units: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of all scores, from units drawn with replacement, each with all of its rows."""
    names, owner = np.unique(units, return_inverse=True)
    owner_rows = torch.from_numpy(owner)
    losses = cross_entropy(logits, labels, reduction="none")
    predicted, n_classes = logits.argmax(dim=1), logits.shape[1]
    found = []
    for _ in range(N_RESAMPLES):
        drawn = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
        times = torch.from_numpy(drawn)[owner_rows].double()
        found.append(weighted_score(predicted, labels, losses, times, n_classes))
    tails = (100 * (1 - CONFIDENCE) / 2, 100 * (1 + CONFIDENCE) / 2)
    intervals = {}
    for name in asdict(found[0]):
        low, high = np.percentile([getattr(one, name) for one in found], tails)
        intervals[name] = (float(low), float(high))
    return intervals
