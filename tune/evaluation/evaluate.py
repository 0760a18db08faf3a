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
from scipy.special import stdtrit
from torch import Tensor
from torch.nn.functional import cross_entropy

from data.sequences import SequenceDataset

from ..training.decisions import DecisionRule
from ..training.metrics import Scores, score, scores_of_resamples
from .events import judge_events, probabilities_of
from .per_class import Breakdown, break_down

N_RESAMPLES, N_RESAMPLES_AT_ONCE = 1000, 50
CONFIDENCE = 0.95
# With fewer people a bootstrap over people draws the same few over and over, and its interval means little.
FEWEST_PEOPLE = 5


@dataclass(frozen=True)
class Evaluation:
    """Scores of one configuration on one part, with 95% intervals.

    Attributes:
        scores: Mean over the folds' networks.
        n_people: People who performed them; None where that is not known.
        resampled: What the intervals resample: ``people`` or ``sequences``.
        accuracy_by_recording: Share of recordings whose windows' mean probability is highest for the right class; None
            where sequences are not windows of longer recordings.
        events: As ``judge_events`` gives them; None without a rule.
    """

    scores: Scores
    intervals: dict[str, tuple[float, float]]
    n_sequences: int
    n_people: int | None
    resampled: str
    accuracy_by_recording: float | None
    breakdown: Breakdown
    events: dict[str, Any] | None = None

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
            **({} if self.events is None else {"events": self.events}),
        }


def evaluate(
    logits: Sequence[Tensor],
    parts: Sequence[SequenceDataset],
    *,
    same_part: bool = False,
    seed: int = 0,
    temperature: float = 1.0,
    rule: DecisionRule | None = None,
) -> Evaluation:
    """Scores networks on their parts, with 95% intervals.

    Intervals are bootstraps (Efron & Tibshirani 1993, section 13.3; see ``plausible_range``), but for an accuracy over
    sequences it is Wilson's (1927), and over people at least as wide as ``wilson_over_people``: a bootstrap of a
    hundred correct predictions in a row has no width, and would claim certainty.

    Args:
        logits: For each network, [sequences, classes].
        parts: What each network was given.
        same_part: Whether all networks judged the same sequences, as the networks of all folds do with the test set.
        seed: Draws the resamples.
        temperature: Of the probabilities that ``rule`` decides by.
        rule: Of windows of streams, which are judged as events too.
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
    n_units = len(np.unique(units))
    resamples = _bootstrap(all_logits, labels, units, np.random.default_rng(seed))
    intervals = {name: plausible_range(values, n_units) for name, values in resamples.items()}
    if by_people:
        alike = wilson_over_people(scores.accuracy, n_sequences, n_units, float(resamples["accuracy"].std()))
        low, high = intervals["accuracy"]
        intervals["accuracy"] = (min(low, alike[0]), max(high, alike[1]))
    else:
        intervals["accuracy"] = wilson_interval(scores.accuracy, n_sequences)
    for name, (low, high) in intervals.items():
        intervals[name] = (max(low, 0.0), high if name == "loss" else min(high, 1.0))
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
        events=None if rule is None else judge_events(probabilities_of(logits, temperature), parts, rule),
    )


def accuracy_by_recording(logits: Tensor, part: SequenceDataset) -> float | None:
    """Share of recordings that their windows classify correctly together, by their mean probabilities.

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


def wilson_interval(accuracy: float, n_judged: float, quantile: float | None = None) -> tuple[float, float]:
    """Plausible true accuracies behind an observed one (Wilson 1927; Brown, Cai & DasGupta 2001, eq. 4)."""
    z = quantile or NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = (accuracy + z**2 / (2 * n_judged)) / (1 + z**2 / n_judged)
    variance = accuracy * (1 - accuracy) / n_judged + z**2 / (4 * n_judged**2)
    half_width = z * math.sqrt(variance) / (1 + z**2 / n_judged)
    return max(centre - half_width, 0.0), min(centre + half_width, 1.0)


def wilson_over_people(accuracy: float, n_judged: int, n_people: int, deviation: float) -> tuple[float, float]:
    """Wilson's interval for as many sequences as those of these people are worth (Korn & Graubard 1998).

    Where people differ, many sequences of one say less than as many of several. A bootstrap of a few people who are
    nearly always right knows nothing of the rare one with whom it is not; this interval allows for that one.
    ``deviation`` is that of the accuracy of resamples of people, at least two.
    """
    if 0 < accuracy < 1:
        variance = deviation**2 * n_people / (n_people - 1)
        n_judged = min(n_judged, max(1, round(accuracy * (1 - accuracy) / variance))) if variance else n_judged
    return wilson_interval(accuracy, n_judged, float(stdtrit(n_people - 1, (1 + CONFIDENCE) / 2)))


def mean_interval(
    accuracies: NDArray[np.float64], weights: NDArray[np.float64], n_sequences: int
) -> tuple[float, float] | None:
    """95% interval of a weighted mean of the accuracies of people, or of other units; None of fewer than two.

    As in ``evaluate``: a bootstrap over the units, at least as wide as Student's and as ``wilson_over_people``.
    """
    n_units = len(accuracies)
    if n_units < 2:
        return None
    resampled = _resampled_means(accuracies, weights)
    low, high = plausible_range(resampled, n_units)
    mean = min(float(np.average(accuracies, weights=weights)), 1.0)
    alike = wilson_over_people(mean, n_sequences, n_units, float(resampled.std()))
    return max(min(low, alike[0]), 0.0), min(max(high, alike[1]), 1.0)


def difference_interval(differences: NDArray[np.float64]) -> tuple[float, float] | None:
    """95% interval of the mean of the differences that people, or other units, make; None of fewer than two."""
    if len(differences) < 2:
        return None
    return plausible_range(_resampled_means(differences, np.ones_like(differences)), len(differences))


def _resampled_means(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    drawn = np.random.default_rng(0).integers(len(values), size=(N_RESAMPLES, len(values)))
    means: NDArray[np.float64] = (values * weights)[drawn].sum(axis=1) / weights[drawn].sum(axis=1)
    return means


def selection_bias(accuracy: float, n_judged: int, n_trials: int) -> float:
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
) -> dict[str, NDArray[np.float64]]:
    """All scores of resamples of units drawn with replacement, each with all of its rows."""
    names, owner = np.unique(units, return_inverse=True)
    losses = cross_entropy(logits, labels, reduction="none").double()
    predicted, n_classes = logits.argmax(dim=1), logits.shape[1]
    found: dict[str, list[Tensor]] = {}
    owners = torch.from_numpy(owner)
    for begin in range(0, N_RESAMPLES, N_RESAMPLES_AT_ONCE):
        drawn = [
            np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
            for _ in range(min(N_RESAMPLES_AT_ONCE, N_RESAMPLES - begin))
        ]
        times = torch.from_numpy(np.stack(drawn))[:, owners].double()
        for name, values in scores_of_resamples(predicted, labels, losses, times, n_classes).items():
            found.setdefault(name, []).append(values)
    return {name: torch.cat(values).numpy() for name, values in found.items()}


def plausible_range(resampled: NDArray[np.float64], n_units: int) -> tuple[float, float]:
    """95% interval from bootstrap resamples of a mean of few units.

    Percentiles of n units are too narrow by the factor sqrt((n - 1) / n), and take the normal distribution where
    Student's is due; of five people they would hold the truth in four of five cases only. Put right so, they are
    Hesterberg's expanded percentiles (2015, What Teachers Should Know about the Bootstrap, section 3.2), which follow
    the skewness but end at the worst and the best unit; the interval by Student's distribution ends nowhere. The
    wider of the two is taken on each side.
    """
    if n_units < 2:
        return float(resampled.min()), float(resampled.max())
    times = float(stdtrit(n_units - 1, (1 + CONFIDENCE) / 2)) * math.sqrt(n_units / (n_units - 1))
    tail = NormalDist().cdf(-times)
    low, high = np.percentile(resampled, [100 * tail, 100 * (1 - tail)])
    centre, half_width = float(resampled.mean()), times * float(resampled.std())
    return min(float(low), centre - half_width), max(float(high), centre + half_width)
