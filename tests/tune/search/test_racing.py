"""The race: every seed for all that are left, the clearly worse are out, and the time is kept."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from tune.search.racing import (
    CLEARLY_WORSE,
    NO_TIME,
    NOT_FINITE,
    Candidate,
    Standing,
    decided,
    difference,
    most_runs,
    ranking,
    scores_of,
    standing,
)

Scores = Callable[[int, int], float | None]


def candidates(n: int, seconds: float = 1.0) -> list[Candidate]:
    return [Candidate(trial, "search", 0.9 - trial / 100, seconds) for trial in range(n)]


def race(
    these: list[Candidate], scores: Scores, n_seeds: int, limit: float | None
) -> tuple[Standing, dict[tuple[int, int], float | None], list[tuple[tuple[int, int], ...]]]:
    """Runs what is missing until nothing is; returns the end, all runs, and the rounds."""
    runs: dict[tuple[int, int], float | None] = {}
    rounds: list[tuple[tuple[int, int], ...]] = []
    while True:
        stood = standing(these, runs, n_seeds, maximize=True, limit=limit)
        if not stood.missing:
            return stood, runs, rounds
        rounds.append(stood.missing)
        runs |= {run: scores(*run) for run in stood.missing}


SCATTER = np.random.default_rng(0).standard_normal((4, 5))


def alike(trial: int, repetition: int) -> float:
    """Configurations that differ by nothing but the scatter of their seeds."""
    return 0.9 + 0.02 * float(SCATTER[trial, repetition])


@given(
    costs=st.lists(st.floats(0.1, 5), min_size=1, max_size=4),
    limit=st.none() | st.floats(0.1, 40),
    spread=st.floats(0, 0.3),
)
@settings(max_examples=60)
def test_there_are_never_more_runs_than_were_told_of(costs: list[float], limit: float | None, spread: float) -> None:
    these = [Candidate(trial, "search", 0.9, cost) for trial, cost in enumerate(costs)]
    _, runs, _ = race(these, lambda trial, repetition: alike(trial, repetition) - spread * trial, 5, limit)
    most = most_runs(these, 5, limit)
    assert len(runs) <= most <= 5 * len(these)
    if limit is None:
        assert len(runs) == most


def test_without_a_limit_everything_is_run_seed_by_seed() -> None:
    stood, runs, rounds = race(candidates(3), alike, 4, None)
    assert rounds == [tuple((trial, repetition) for repetition in range(4) for trial in range(3))]
    assert len(runs) == 12
    assert not stood.dropped
    assert not stood.cut_short


@pytest.mark.parametrize(("seconds", "n_runs"), [(0.5, 0), (1.0, 1), (3.9, 3), (4.0, 4), (7.0, 7), (100.0, 20)])
def test_the_time_is_kept_and_used(seconds: float, n_runs: int) -> None:
    stood, runs, _ = race(candidates(4), alike, 5, seconds)
    assert len(runs) == n_runs
    assert stood.cut_short == (n_runs < 20)


def test_the_last_by_the_seeds_so_far_goes_when_time_is_short() -> None:
    stood, _, rounds = race(candidates(4), lambda trial, _: 0.8 + trial / 100, 5, 7.0)
    assert [trial for trial, _ in rounds[1]] == [3, 2, 1]
    assert stood.dropped[0] == (1, NO_TIME)


@pytest.mark.parametrize("costs", list(permutations([27.0, 13.0, 5.0, 2.0])))
@pytest.mark.parametrize("limit", [1.0, 4.0, 16.0, 30.0, 47.0, 60.0])
def test_the_leader_is_never_passed_over_for_what_is_quicker(costs: tuple[float, ...], limit: float) -> None:
    """Whatever the order of costs: with time for the leader it is run first, and without there is nothing to run."""
    these = [Candidate(trial, "search", 0.9 - trial / 100, seconds) for trial, seconds in enumerate(costs)]
    stood, runs, rounds = race(these, alike, 3, limit)
    if costs[0] > limit:
        assert not runs
        assert stood == Standing((), {}, cut_short=True)
        assert not decided(these, runs, stood.dropped, maximize=True)
    else:
        first = [trial for trial, _ in rounds[0]]
        assert first == list(range(len(first)))
        assert sum(costs[trial] for trial, _ in runs) <= limit


@st.composite
def races(
    draw: st.DrawFn,
) -> tuple[list[Candidate], dict[tuple[int, int], float | None], dict[str, Any]]:
    """Candidates in their line, the scores that their runs would come to, and the limits of the race."""
    maximize, n = draw(st.booleans()), draw(st.integers(1, 5))
    score = st.floats(0, 1, allow_subnormal=False) | st.sampled_from([0.5, 0.75])
    in_search: list[float | None] = [*sorted(draw(st.lists(score, min_size=n, max_size=n)), reverse=maximize)]
    if n > 1 and draw(st.booleans()):
        in_search[-1] = None  # The default one, ended early.
    numbers = draw(st.permutations(range(n)))
    these = [
        Candidate(number, "search", in_search[place], draw(st.floats(0.5, 30))) for place, number in enumerate(numbers)
    ]
    n_seeds = draw(st.integers(1, 4))
    would = {
        (number, k): draw(st.none() | score if draw(st.integers(0, 9)) == 0 else score)
        for number in range(n)
        for k in range(n_seeds)
    }
    limit = draw(st.none() | st.floats(0.1, 200))
    return these, would, {"n_seeds": n_seeds, "limit": limit, "max": maximize}


@settings(max_examples=300, deadline=None)
@given(races(), st.data())
def test_nothing_beats_what_is_delivered_in_the_search_and_with_fresh_seeds(
    drawn: tuple[list[Candidate], dict[tuple[int, int], float | None], dict[str, Any]],
    data: st.DataObject,
) -> None:
    """However the race is cut short: by its limit, or by a signal or a timeout in the midst of a round."""
    these, would, how = drawn
    maximize, sign = bool(how["max"]), 1 if how["max"] else -1
    runs: dict[tuple[int, int], float | None] = {}
    rounds_left = data.draw(st.integers(0, 6))
    while (
        stood := standing(
            these,
            runs,
            int(how["n_seeds"]),
            maximize=maximize,
            limit=how["limit"],
        )
    ).missing:
        if rounds_left == 0:
            some = data.draw(st.lists(st.sampled_from(stood.missing), unique=True))
            runs |= {run: would[run] for run in some}
            break
        runs |= {run: would[run] for run in stood.missing}
        rounds_left -= 1
    order = decided(these, runs, stood.dropped, maximize=maximize)
    wrong = {trial for (trial, _), score in runs.items() if score is None}
    means = {
        one.trial: fmean(found) for one in these if (found := scores_of(runs, one.trial)) and one.trial not in wrong
    }
    leader = these[0].trial
    if not means or (leader not in means and leader not in wrong):
        assert order == []  # The search's best stands.
        return
    assert set(order) == means.keys()
    place = {one.trial: k for k, one in enumerate(these)}
    for other in order[1:]:
        n_common = min(len(scores_of(runs, other)), len(scores_of(runs, order[0])))
        common = [fmean(scores_of(runs, trial)[:n_common]) for trial in (other, order[0])]
        if place[other] < place[order[0]]:
            assert sign * means[other] < sign * means[order[0]]
            assert sign * common[0] < sign * common[1]


def test_what_is_clearly_worse_is_out_and_what_is_not_stays() -> None:
    rng = np.random.default_rng(0)
    scatter = 0.002 * rng.standard_normal((4, 5))
    level = [0.95, 0.95, 0.80, 0.951]
    stood, runs, _ = race(candidates(4), lambda trial, k: level[trial] + 0.02 * k + scatter[trial, k], 5, 100.0)
    assert stood.dropped[2] == (2, CLEARLY_WORSE)
    assert stood.dropped.keys() == {2}
    assert len(runs) == 17
    assert not stood.cut_short


def test_one_that_does_not_stay_finite_is_out() -> None:
    for seconds in (None, 100.0):
        stood, runs, _ = race(candidates(2), lambda trial, k: None if trial == 0 else alike(trial, k), 3, seconds)
        assert stood.dropped[0][1] == NOT_FINITE
        assert ranking(candidates(2), runs, stood.dropped, maximize=True) == [1]


def test_a_race_can_be_taken_up_anywhere() -> None:
    """What is decided follows from the runs that are there, not from the order in which they came."""
    _, runs, rounds = race(candidates(4), alike, 5, 9.0)
    for k, missing in enumerate(rounds):
        before = {run: runs[run] for one in rounds[:k] for run in one}
        half = {run: runs[run] for run in missing[: len(missing) // 2]}
        stood = standing(candidates(4), before | half, 5, maximize=True, limit=9.0)
        assert stood.missing == missing[len(missing) // 2 :]


@pytest.mark.parametrize("maximize", [True, False])
def test_the_mean_over_common_seeds_ranks(maximize: bool) -> None:
    """Trial 1 is ahead on the first two seeds; its third has no counterpart."""
    runs = {(0, 0): 0.5, (0, 1): 0.5, (1, 0): 0.6, (1, 1): 0.6, (1, 2): 0.0}
    assert ranking(candidates(2), runs, {}, maximize=maximize) == ([1, 0] if maximize else [0, 1])


def test_of_two_the_interval_is_that_of_paired_differences() -> None:
    first, second = np.array([0.91, 0.95, 0.93, 0.90]), np.array([0.90, 0.93, 0.93, 0.88])
    runs: dict[tuple[int, int], float | None] = {}
    runs |= {(0, k): float(score) for k, score in enumerate(first)} | {(1, k): float(s) for k, s in enumerate(second)}
    found, paired = difference(runs, 0, 1), first - second
    assert found.mean == pytest.approx(paired.mean())
    expected = t.interval(0.95, 3, loc=paired.mean(), scale=paired.std(ddof=1) / 2)
    assert found.interval == pytest.approx(expected)
    assert found.distinguishable == (expected[0] > 0)


def test_one_seed_each_tells_nothing() -> None:
    found = difference({(0, 0): 0.9, (1, 0): 0.8}, 0, 1)
    assert found.interval is None
    assert not found.distinguishable


def test_equals_are_seldom_told_apart() -> None:
    """Of 400 pairs of equally good configurations about 5% differ at the level of 95%."""
    rng = np.random.default_rng(1)
    n_wrong = 0
    for _ in range(400):
        seeds = rng.standard_normal(5)
        scores = seeds + rng.standard_normal((2, 5))
        runs: dict[tuple[int, int], float | None] = {(c, k): float(scores[c, k]) for c in range(2) for k in range(5)}
        n_wrong += difference(runs, 0, 1).distinguishable
    assert 8 <= n_wrong <= 34
