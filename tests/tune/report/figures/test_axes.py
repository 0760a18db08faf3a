"""Numbers, words and axes that a person reads at a glance."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from tests.figure_trials import ACCURACY, LOSS, trial
from tune.report.figures.axes import parameter_axis, score_axis
from tune.report.figures.words import StudyContext, number_text, shortened, value_text, wrapped


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.001, "0.001"),
        (0.0001, "1e-4"),
        (2.5431e-5, "2.543e-5"),
        (64, "64"),
        (12800, "12800"),
        (1e6, "1e6"),
        (-0.25, "-0.25"),
        (9999.6, "10000"),
        (math.nan, "nan"),
        (math.inf, "inf"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number_text(value) == text


def test_values_in_words() -> None:
    assert [value_text(value) for value in (True, False, None, 32, "mean_max")] == [
        "yes",
        "no",
        "None",
        "32",
        "mean_max",
    ]
    assert value_text("a" * 99 + "z") == "a" * 16 + "…aaaaaaz"
    assert len(value_text("a" * 99)) == 24
    assert shortened("two\nlines", 20) == "two lines"


@given(st.text(alphabet="ab_ ", max_size=40), st.integers(1, 20))
def test_wrapping_loses_nothing(name: str, n_characters: int) -> None:
    assert wrapped(name, n_characters).replace("\n", "").replace(" ", "") == name.replace(" ", "")


def test_wrapping_breaks_at_underscores() -> None:
    assert wrapped("front_kernel_size", 13) == "front_kernel_\nsize"


def test_an_outlier_does_not_squash_the_others() -> None:
    # Best 1, median .9: the axis ends four such distances down, at .6, and 8% of .4 further.
    axis = score_axis([0.05, 0.8, 0.9, 0.9, 1.0], ACCURACY)
    assert axis.low == pytest.approx(0.568)
    assert axis.high == pytest.approx(1.0096)
    assert [tick.text for tick in axis.ticks] == ["60%", "70%", "80%", "90%", "100%"]
    assert axis.is_beyond(0.05)
    assert axis.place(0.05) == 0
    assert not axis.is_beyond(1.0)


def test_the_bad_end_of_a_loss_is_up() -> None:
    axis = score_axis([0.1, 0.2, 0.2, 0.3, 1e9], LOSS)
    assert (axis.low, axis.high) == pytest.approx((0.068, 0.532))
    assert axis.beyond_text(LOSS) == "above 0.532"


@given(
    st.lists(st.floats(-1e99, 1e99, allow_nan=False), min_size=1, max_size=30),
    st.sampled_from([LOSS, StudyContext("s", "score", "maximize"), ACCURACY]),
)
def test_the_best_score_is_always_on_the_axis(scores: list[float], context: StudyContext) -> None:
    axis = score_axis(scores, context)
    assert axis.low < axis.high
    assert not axis.is_beyond(max(scores, key=lambda score: context.sign * score))
    assert all(axis.low <= tick.place <= axis.high for tick in axis.ticks)


@pytest.mark.parametrize(
    ("space", "values", "places", "ticks"),
    [
        (FloatDistribution(1, 100, log=True), [1, 10, 100], [0, 0.5, 1], ["1", "10", "100"]),
        (FloatDistribution(0, 0.5), [0.0, 0.1], [0, 0.2], ["0", "0.1", "0.2", "0.3", "0.4", "0.5"]),
        (IntDistribution(16, 256, log=True), [64], [0.5], ["16", "32", "64", "128", "256"]),
        (IntDistribution(1, 3), [1, 2, 3], [1 / 6, 1 / 2, 5 / 6], ["1", "2", "3"]),
        (IntDistribution(1, 3), [2.0], [1 / 2], ["1", "2", "3"]),
        (IntDistribution(3, 7, step=2), [7], [5 / 6], ["3", "5", "7"]),
        (IntDistribution(0, 100), [25], [0.25], ["0", "20", "40", "60", "80", "100"]),
        (CategoricalDistribution([64, 16, 32]), [16, 64], [1 / 6, 5 / 6], ["16", "32", "64"]),
        (CategoricalDistribution([True, False]), [True], [3 / 4], ["no", "yes"]),
        (CategoricalDistribution(["last", None]), [None], [3 / 4], ["last", "None"]),
        (FloatDistribution(2e-3, 9e-3, log=True), [2e-3], [0], ["0.002", "0.005"]),
    ],
)
def test_places_and_ticks(space: BaseDistribution, values: list[Any], places: list[float], ticks: list[str]) -> None:
    trials = [trial(n, 0.5, {"p": value}, {"p": space}) for n, value in enumerate(values)]
    axis = parameter_axis("p", trials, ACCURACY)
    assert axis.places == pytest.approx(places)
    assert [tick.text for tick in axis.ticks] == ticks


def test_a_range_that_was_changed_is_joined() -> None:
    trials = [
        trial(0, 0.5, {"p": 1.0}, {"p": FloatDistribution(0, 2)}),
        trial(1, 0.5, {"p": 4.0}, {"p": FloatDistribution(1, 4)}),
        trial(2, 0.5),
    ]
    assert parameter_axis("p", trials, ACCURACY).places == (0.25, 1.0, None)


def test_a_nan_choice_has_its_place() -> None:
    space = CategoricalDistribution(["a", math.nan])
    # Another object than the one among the choices, as when it is read back from a database.
    trials = [trial(0, 0.5, {"p": float("nan")}, {"p": space})]
    assert parameter_axis("p", trials, ACCURACY).places == (0.75,)


def test_labels_and_units() -> None:
    context = StudyContext("s", "score", "maximize", labels={"p": "window (s)"})
    assert parameter_axis("p", [trial(0, 0.5, {"p": 0.5})], context).label == "window (s)"


@given(st.integers(2, 6), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_spread_trials_stay_in_their_level(n_levels: int, numbers: list[int]) -> None:
    space = IntDistribution(1, n_levels)
    trials = [trial(number, 0.5, {"p": number % n_levels + 1}, {"p": space}) for number in numbers]
    places = parameter_axis("p", trials, ACCURACY).spread(numbers, 0.618)
    levels = [int(place * n_levels) for place in places if place is not None]
    assert levels == [number % n_levels for number in numbers]
