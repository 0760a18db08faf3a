"""Chooses on validation how the windows of streams become decisions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from data.sequences import SequenceDataset
from data.streams.null_class import null_class

from ..training.decisions import MIN_WINDOWS, N_WINDOWS, DecisionRule
from .events import judge_events, probabilities_of

THRESHOLDS = (*np.arange(0.1, 0.95, 0.05).round(2).tolist(), 0.95, 0.98, 1.0)


def plain_rule(part: SequenceDataset) -> DecisionRule | None:
    """The rule where nothing is chosen: the most likely class of three windows; None of what came as no streams."""
    if part.timeline is None or part.sample_rate_hz is None:
        return None
    streams, starts = part.timeline.streams.numpy(), part.timeline.starts.numpy()
    steps = np.diff(starts)[(np.diff(streams) == 0) & (np.diff(starts) > 0)] * part.sample_rate_hz
    return DecisionRule(hop=max(round(float(np.median(steps))), 1) if len(steps) else int(part.lengths.max()))


def choose_rule(
    logits: Sequence[Tensor],
    parts: Sequence[SequenceDataset],
    temperature: float = 1.0,
    false_alarms_per_hour: float | None = None,
) -> DecisionRule | None:
    """The rule with the best event F1, or with the best recall of those that keep to a number of false alarms.

    Of equals the first: the one that smooths as many windows as ``DecisionRule`` does by itself, without a threshold
    and without a least number of decisions.

    Args:
        logits: Of each fold's network on its validation set.
        parts: These validation sets.
        temperature: Of the network that is handed over.
        false_alarms_per_hour: At most so many; where no rule keeps to it, the one with the fewest is taken.

    Returns:
        None where the parts are no streams.
    """
    plain = plain_rule(parts[0])
    if plain is None:
        return None

    probabilities = probabilities_of(logits, temperature)

    def rank(judged: dict[str, Any]) -> tuple[float, ...]:
        alarms, recall = judged["false_alarms_per_hour"] or 0.0, judged["recall"] or 0.0
        if false_alarms_per_hour is None:
            return judged["f1"] or 0.0, -alarms
        return -max(alarms - false_alarms_per_hour, 0), recall, judged["f1"] or 0.0

    def judged(rule: DecisionRule) -> dict[str, Any]:
        found = judge_events(probabilities, parts, rule)
        assert found is not None
        return found

    return max(_rules(plain, parts[0].class_names), key=lambda rule: rank(judged(rule)))


def rule_in(judged: Mapping[str, Any] | None) -> DecisionRule | None:
    """The rule by which the scores of a part on record were judged; None where none is."""
    rule = ((judged or {}).get("events") or {}).get("rule")
    return None if rule is None else DecisionRule.model_validate(rule)


def _rules(plain: DecisionRule, class_names: Sequence[str]) -> Iterator[DecisionRule]:
    thresholds, least = ((None, *THRESHOLDS), MIN_WINDOWS) if null_class(class_names) is not None else ((None,), (1,))
    for min_windows, threshold, n_windows in itertools.product(least, thresholds, N_WINDOWS):
        yield plain.model_copy(update={"n_windows": n_windows, "threshold": threshold, "min_windows": min_windows})
