"""Decisions on streams: as they would have been made while it was measured, and in stretches that leave no time out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tune.training.decisions import DecisionRule, decide, stretches


def said(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows)


def test_a_threshold_decides_between_null_and_the_likeliest_other_class() -> None:
    windows = said((0.5, 0.3, 0.2), (0.3, 0.4, 0.3), (0.0, 0.45, 0.55))
    assert decide(windows, DecisionRule(hop=1, n_windows=1), 0)[0].tolist() == [0, 1, 2]
    assert decide(windows, DecisionRule(hop=1, n_windows=1, threshold=0.5), 0)[0].tolist() == [0, 0, 2]
    # Rare classes seldom have half: a threshold may be for them too.
    assert decide(windows, DecisionRule(hop=1, n_windows=1, threshold=0.25), 0)[0].tolist() == [1, 1, 2]


def test_without_a_null_class_there_is_no_threshold() -> None:
    assert decide(said((0.4, 0.35, 0.25)), DecisionRule(hop=1, threshold=0.9), None)[0].tolist() == [0]


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 999),
    n_windows=st.integers(1, 5),
    threshold=st.none() | st.floats(0, 1),
    min_windows=st.integers(1, 4),
    null=st.none() | st.integers(0, 2),
)
def test_what_is_decided_needs_no_window_that_comes_later(
    seed: int, n_windows: int, threshold: float | None, min_windows: int, null: int | None
) -> None:
    windows = np.random.default_rng(seed).dirichlet((1, 1, 1), 12)
    rule = DecisionRule(hop=3, n_windows=n_windows, threshold=threshold, min_windows=min_windows)
    labels, means = decide(windows, rule, null)
    for k in range(len(windows)):
        seen = windows[max(k + 1 - n_windows, 0) : k + 1]
        np.testing.assert_allclose(means[k], seen.mean(axis=0), atol=1e-12)
        seen = windows[max(k + 2 - n_windows - min_windows, 0) : k + 1]
        assert decide(seen, rule, null)[0][-1] == labels[k]


def test_stretches_leave_no_time_out() -> None:
    starts = np.array([0, 0.5, 1, 1.5])
    found = stretches(said((1, 0), (1, 0), (0, 1), (0, 1)), starts, starts + 1, DecisionRule(hop=5, n_windows=1), None)
    assert [(one.label, one.begin, one.end, one.known) for one in found] == [(0, 0, 1.25, 1), (1, 1.25, 2.5, 2)]
    assert [one.windows for one in found] == [slice(0, 2), slice(2, 4)]


def test_an_event_has_to_last_and_is_known_by_then() -> None:
    windows = said((1, 0), (0, 1), (1, 0), (0, 1), (0, 1), (0, 1), (1, 0))
    rule = DecisionRule(hop=5, n_windows=1, min_windows=2)
    assert decide(windows, rule, 0)[0].tolist() == [0, 0, 0, 0, 1, 1, 0]
    assert decide(windows, rule, None)[0].tolist() == [0, 1, 0, 1, 1, 1, 0]
    starts = np.array([0, 0.5, 1, 1.5, 2, 2.5, 3])
    found = stretches(windows, starts, starts + 1, rule, 0)
    assert [(one.label, one.begin, one.end, one.known) for one in found] == [
        (0, 0, 1.75, 1),
        (1, 1.75, 3.25, 3),
        (0, 3.25, 4, 4),
    ]


def test_a_rule_in_words() -> None:
    assert (
        DecisionRule(hop=1, n_windows=1, threshold=0.35, min_windows=2)
        .in_words(("idle", "wave"))
        .endswith("needs a probability of at least 0.35 and 2 decisions in a row")
    )
    assert DecisionRule(hop=1).in_words(("idle", "wave")) == "by the last 3 windows together"
    assert DecisionRule(hop=1, n_windows=1, threshold=0.35).in_words(("idle", "wave")) == (
        "by the last window alone; a class other than 'idle' needs a probability of at least 0.35"
    )
    assert DecisionRule(hop=1, threshold=0.35).in_words(("wave", "clap")) == "by the last 3 windows together"


@pytest.mark.parametrize("wrong", [{"hop": 0}, {"hop": 1, "n_windows": 0}, {"hop": 1, "threshold": 2.0}])
def test_a_rule_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="equal to"):
        DecisionRule.model_validate(wrong)
