"""The statistics of comparisons against published values, other implementations, and what must never happen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2, friedmanchisquare, ttest_1samp

from tune.evaluation.statistics.crossed import CrossedMean, cells, crossed_mean
from tune.evaluation.statistics.paired import bootstrap_p_value, difference, difference_of_networks, holm, seeds_needed
from tune.evaluation.statistics.ranks import critical_difference, friedman_p_value, groups_within, ranks


@pytest.mark.parametrize(
    ("n_configurations", "quantile"),
    [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (7, 2.949), (8, 3.031), (9, 3.102), (10, 3.164)],
)
def test_nemenyis_quantiles_are_those_of_demsars_table_5(n_configurations: int, quantile: float) -> None:
    scale = math.sqrt(n_configurations * (n_configurations + 1) / (6 * 14))
    assert critical_difference(n_configurations, 14) / scale == pytest.approx(quantile, abs=1e-3)


def test_the_critical_difference_of_demsars_example() -> None:
    """Demsar 2006, section 3.2.2: four classifiers on 14 data sets, 1.25 at 5% and 1.12 at 10%."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, level=0.10) == pytest.approx(1.12, abs=0.005)


def test_friedmans_test_is_scipys_with_equal_ranks_too() -> None:
    scores = np.random.default_rng(0).integers(0, 4, size=(14, 4)).astype(float)
    assert friedman_p_value(scores) == pytest.approx(friedmanchisquare(*scores.T).pvalue)
    assert friedman_p_value(np.ones((5, 3))) == 1.0


def test_friedmans_test_of_two_is_the_sign_tests_normal_form() -> None:
    """Conover 1999, section 5.8: of eight wins, two losses and a tie, the statistic is (8 - 2)^2 / 10."""
    scores = np.array([[1, 0]] * 8 + [[0, 1]] * 2 + [[1, 1]], dtype=float)
    assert friedman_p_value(scores) == pytest.approx(chi2.sf(3.6, 1))
    assert friedman_p_value(np.ones((5, 2))) == 1.0


def test_ranks_share_what_is_equal_and_bars_join_neighbours() -> None:
    found = ranks(np.array([[0.9, 0.9, 0.1], [0.8, 0.7, 0.2]]))
    assert found.average == (1.25, 1.75, 3.0)
    assert groups_within([1.2, 2.0, 2.5, 4.0], 1.0) == ((0, 1), (1, 2))
    assert groups_within([4.0, 1.0, 2.0], 5.0) == ((1, 2, 0),)
    assert groups_within([1.0, 3.0], 1.0) == ()
    assert groups_within([1.0, 3.0, 5.0], 1.0, {frozenset((0, 1))}) == ((0, 1),)


def test_holms_correction_is_rs() -> None:
    """R 4: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") is 0.03 0.06 0.06 0.02."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_where_seeds_never_differ_the_test_is_students_over_units_and_the_other_way_round() -> None:
    units = np.random.default_rng(1).normal(0.3, 1.0, 12)
    expected = float(ttest_1samp(units, 0.0).pvalue)
    assert crossed_mean(np.tile(units, (4, 1))).p_value() == pytest.approx(expected, rel=1e-6)
    assert crossed_mean(np.tile(units[:, None], (1, 30))).p_value() == pytest.approx(expected, rel=1e-6)


def test_the_error_adds_what_seeds_and_what_units_contribute() -> None:
    table = np.array([[1.0, 3.0], [3.0, 7.0]])
    found = crossed_mean(table)
    # Means of the seeds 2 and 5, of the units 2 and 5: each a variance of 4.5, over two of them.
    assert (found.mean, found.from_seeds, found.from_units) == (3.5, 2.25, 2.25)
    assert found.error == pytest.approx(math.sqrt(4.5))
    assert crossed_mean(table[:1]).error is None
    assert crossed_mean(table[:1]).p_value() is None


def test_units_of_different_sizes_leave_the_mean_that_of_all_sequences() -> None:
    values = np.array([[1.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 1.0]])
    table = cells(values, np.array([7, 7, 7, 9]))
    assert table.shape == (2, 2)
    assert table.mean() == pytest.approx(values.mean())
    assert np.array_equal(cells(values, np.arange(4)), values)


def test_the_interval_of_a_perfect_accuracy_does_not_claim_certainty() -> None:
    low, high = crossed_mean(np.ones((5, 100))).share_interval() or (1.0, 1.0)
    assert 0.9 < low < 0.99
    assert high == 1.0


def test_the_bootstrap_draws_units_together_as_it_would_one_by_one() -> None:
    rng = np.random.default_rng(2)
    table = rng.choice([-1.0, 0.0, 0.0, 0.0, 1.0], size=(5, 60)) + 0.08
    found, n_resamples = crossed_mean(table), 4_000
    larger = 0
    for _ in range(n_resamples):
        drawn = table[rng.integers(5, size=5)][:, rng.integers(60, size=60)]
        one = crossed_mean(drawn)
        larger += abs(one.mean - found.mean) * (found.error or 0.0) >= abs(found.mean) * (one.error or 1e-9)
    assert bootstrap_p_value(table, seed=3) == pytest.approx(larger / n_resamples, abs=0.03)


def test_the_same_answers_are_no_difference_and_clear_ones_are() -> None:
    rng = np.random.default_rng(4)
    good, bad = (rng.random((5, 650)) < 0.95).astype(float), (rng.random((5, 650)) < 0.6).astype(float)
    same = difference(good, good, np.arange(650))
    assert (same.p_value, same.mean.mean, same.seeds_needed) == (1.0, 0.0, None)
    assert (difference(good, bad, np.arange(650)).p_value or 1.0) < 0.001
    assert difference(good[:1], bad[:1], np.arange(650)).p_value is None


def test_five_lucky_seeds_on_one_person_are_no_evidence_about_people() -> None:
    """Better in every seed, but only for one of eight people: the people decide."""
    first, second = np.ones((5, 80)), np.ones((5, 80))
    second[:, :10] = 0.0
    assert (difference(first, second, np.repeat(np.arange(8), 10)).p_value or 0.0) > 0.2


def test_what_further_seeds_can_do_and_what_they_cannot() -> None:
    rng = np.random.default_rng(5)
    by_seed = 0.01 + rng.normal(0, 0.02, (5, 1)) + rng.normal(0, 0.001, (5, 400))
    needed = seeds_needed(by_seed - by_seed.mean() + 0.01, 0.05)
    assert needed is not None
    # (1.96 + 0.84)² times the variance of a seed over the difference squared, and a little more for Student.
    of_a_seed = by_seed.mean(axis=1).var(ddof=1)
    assert 0 <= needed - 7.85 * of_a_seed / 0.01**2 <= 4
    few_people = np.tile(rng.normal(0.0, 0.1, 8), (5, 1))
    assert seeds_needed(few_people - few_people.mean() + 0.01, 0.05) is None


def test_few_seeds_that_agree_by_luck_are_not_believed() -> None:
    """Between the quantiles of one degree of freedom and of many, by the share of the seeds in the error."""
    half = CrossedMean(1.0, 2, 1000, 1.0, 1.0)
    assert half.critical(0.05) == pytest.approx((12.706 + 1.962) / 2, abs=0.001)


def test_the_interval_of_two_networks_is_near_a_published_one() -> None:
    # Approval of a prime minister, asked twice: Agresti 2013, Categorical Data Analysis, section 11.1.1.
    first = np.repeat([1.0, 1.0, 0.0, 0.0], [794, 150, 86, 570])
    second = np.repeat([1.0, 0.0, 1.0, 0.0], [794, 150, 86, 570])
    mean, (low, high) = difference_of_networks(first, second, np.arange(1600))
    assert mean == pytest.approx(0.04)
    assert (low, high) == pytest.approx((0.021, 0.059), abs=0.001)


def test_networks_that_agree_on_few_sequences_are_not_held_to_be_equal() -> None:
    same = np.ones(20)
    mean, (low, high) = difference_of_networks(same, same, np.arange(20))
    assert mean == 0
    assert (low, high) == pytest.approx((-1.96 / 22, 1.96 / 22), abs=1e-4)


def test_people_who_differ_make_the_interval_of_two_networks_wider() -> None:
    first = np.repeat([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], 20)
    second, people = 1 - first, np.repeat(np.arange(6), 20)
    _, by_sequence = difference_of_networks(first, second, np.arange(120))
    _, by_person = difference_of_networks(first, second, people)
    assert by_person[0] < by_sequence[0]
    assert by_person[1] > by_sequence[1]
