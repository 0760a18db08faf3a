"""The tuples behind the figures, against values worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from tune.figures import study_figures
from tune.figures.axes import parameter_axis, score_axis
from tune.figures.contour import ContourInfo, cells, contour_info
from tune.figures.history import HistoryInfo, history_info, noise_of
from tune.figures.importances import ImportancesInfo, importances_info, varying_parameters
from tune.figures.parallel import ParallelInfo, parallel_info
from tune.figures.words import StudyContext, number_text, shortened, value_text, wrapped

ACCURACY = StudyContext("watch-gru", "validation accuracy", "maximize", percent=True, n_validation=96)
LOSS = StudyContext("watch-gru", "validation loss", "minimize")
UNIT = FloatDistribution(0, 1)


def trial(
    number: int,
    value: float | None = None,
    params: Mapping[str, Any] | None = None,
    spaces: Mapping[str, BaseDistribution] | None = None,
    state: TrialState = TrialState.COMPLETE,
    reported: Mapping[int, float] | None = None,
    is_given: bool = False,
) -> FrozenTrial:
    params = dict(params or {})
    made = create_trial(
        state=state,
        value=value,
        params=params,
        distributions=dict(spaces or dict.fromkeys(params, UNIT)),
        intermediate_values=dict(reported or {}),
        system_attrs={"fixed_params": params} if is_given else {},
    )
    made.number = number
    return made


def history(*trials: FrozenTrial, context: StudyContext = ACCURACY) -> HistoryInfo:
    info = history_info(trials, context)
    assert isinstance(info, HistoryInfo)
    return info


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
    assert value_text("x" * 99) == "x" * 23 + "…"
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


def test_noise_at_a_hundred_percent_is_not_zero() -> None:
    # 96 of 96 right: (96 + 2) / (96 + 4) = .98, and 2 * sqrt(.98 * .02 / 100) = .028.
    assert noise_of(1.0, 96) == pytest.approx(0.028)


def test_every_trial_is_in_the_history() -> None:
    info = history(
        trial(0, 0.80, is_given=True),
        trial(1, state=TrialState.PRUNED, reported={0: 0.1, 2: 0.3, 1: 0.2}),
        trial(2, 0.70),
        trial(3, state=TrialState.PRUNED),
        trial(4, state=TrialState.FAIL),
        trial(5, 0.90),
        trial(6, state=TrialState.PRUNED, reported={0: 0.4, 1: math.nan}),
        trial(7, state=TrialState.RUNNING, reported={0: 0.5}),
        trial(8, state=TrialState.WAITING),
    )
    assert info.complete == ((0, 0.8), (2, 0.7), (5, 0.9))
    assert info.pruned == ((1, 0.3), (6, 0.4))
    assert info.running == ((7, 0.5),)
    assert info.without_score == (3, 4)
    assert info.best_so_far == ((0, 0.8), (5, 0.9), (7, 0.9))
    assert info.known_good == ((0, 0.8),)
    assert info.best == (5, 0.9)
    assert info.words.summary == "Best: 90.0% in trial 5. 8 trials: 3 complete, 3 pruned, 1 failed, 1 running."


def test_the_history_says_how_many_are_as_good_as_the_best() -> None:
    info = history(*(trial(n, value) for n, value in enumerate([1.0, 0.98, 0.9])))
    assert info.noise == pytest.approx(0.028)
    assert info.words.notes[0] == (
        "Differences under about 2.8 points are noise with 96 validation sequences and one seed (two standard errors, "
        "shaded): 2 of 3 complete trials are that close to the best."
    )


def test_a_smaller_loss_is_better_and_has_no_binomial_noise() -> None:
    context = StudyContext("s", "loss", "minimize", n_validation=100)
    info = history(*(trial(n, value) for n, value in enumerate([3.0, 1.0, 2.0])), context=context)
    assert info.best == (1, 1.0)
    assert info.best_so_far == ((0, 3.0), (1, 1.0), (2, 1.0))
    assert info.noise is None


def test_scores_that_diverged_are_told_not_drawn() -> None:
    info = history(trial(0, 0.5), trial(1, math.inf), trial(2, 1e300), context=LOSS)
    assert info.complete == ((0, 0.5),)
    assert info.without_score == (1, 2)


@pytest.mark.parametrize(
    ("trials", "why"),
    [
        ([], "no trial has begun"),
        ([trial(0, state=TrialState.FAIL)], "no trial has a score that can be drawn (1 failed)"),
    ],
)
def test_why_there_is_no_history(trials: list[FrozenTrial], why: str) -> None:
    assert history_info(trials, ACCURACY) == why


def decided_by_x(n_trials: int, **further: Any) -> list[FrozenTrial]:
    generator = np.random.default_rng(0)
    return [
        trial(n, 1 - (x - 0.5) ** 2, {"noise": noise, "x": x, **further})
        for n, (x, noise) in enumerate(generator.random((n_trials, 2)))
    ]


def importances(trials: list[FrozenTrial], context: StudyContext = ACCURACY) -> ImportancesInfo:
    info = importances_info(trials, context)
    assert isinstance(info, ImportancesInfo)
    return info


def test_what_decides_comes_first_with_a_clear_lead() -> None:
    info = importances(decided_by_x(60))
    assert [row.name for row in info.importances] == ["x", "noise"]
    assert info.words.summary.endswith("20 of 20 resamples of the trials: a clear lead.")
    for shares in zip(*((row.ped_anova, row.fanova) for row in info.importances), strict=True):
        assert sum(share.mean for share in shares if share) == pytest.approx(1)
        assert all(0 <= share.low <= share.high <= 1 for share in shares if share)


def test_importances_are_reproducible_and_leave_optuna_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    trials = decided_by_x(12)
    assert importances(trials) == importances(trials)
    assert optuna.logging.get_verbosity() == before
    assert "A new study" not in capsys.readouterr().err


def test_only_complete_trials_count() -> None:
    trials = [*decided_by_x(10), trial(10, state=TrialState.PRUNED), trial(11, state=TrialState.FAIL)]
    info = importances(trials)
    assert info.n_trials == 10
    assert info.words.notes[0] == "Rests on 10 complete trials; 2 pruned or failed ones say nothing here."


def test_what_fanova_cannot_judge_is_left_to_the_other() -> None:
    generator = np.random.default_rng(0)
    many = CategoricalDistribution([f"choice {n}" for n in range(30)])
    trials = []
    for n, x in enumerate(generator.random(12)):
        params: dict[str, Any] = {"x": x, "many": many.choices[n]} | ({"sometimes": x / 2} if n % 2 else {})
        trials.append(trial(n, x, params, {name: many if name == "many" else UNIT for name in params}))
    judged = {row.name: row.fanova is not None for row in importances(trials).importances}
    assert judged == {"x": True, "many": False, "sometimes": False}


def test_every_decade_of_a_logarithmic_range_counts_the_same() -> None:
    # The score falls with the squared distance from the middle of both, so each explains half of its spread.
    spaces = {"rate": FloatDistribution(1e-4, 1, log=True), "x": UNIT}
    places = np.random.default_rng(0).random((100, 2))
    trials = [
        trial(n, 1 - (u - 0.5) ** 2 - (x - 0.5) ** 2, {"rate": 1e-4 ** (1 - u), "x": x}, spaces)
        for n, (u, x) in enumerate(places)
    ]
    for row in importances(trials).importances:
        assert row.fanova is not None
        assert row.fanova.mean == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("trials", "why"),
    [
        (decided_by_x(4), "importances need at least 5 complete trials, and this study has 4"),
        ([trial(n, 0.5, {"x": n / 9}) for n in range(9)], "every complete trial has the same score"),
        ([trial(n, n / 9, {"x": n / 9, "y": 0.5}) for n in range(9)], "only x varied among the complete trials"),
        ([trial(n, n / 9) for n in range(9)], "no hyperparameter varied among the complete trials"),
    ],
)
def test_why_there_are_no_importances(trials: list[FrozenTrial], why: str) -> None:
    assert str(importances_info(trials, ACCURACY)).startswith(why)


def parallel(trials: list[FrozenTrial], names: list[str], context: StudyContext = ACCURACY) -> ParallelInfo:
    info = parallel_info(trials, names, context)
    assert isinstance(info, ParallelInfo)
    return info


def test_lines_go_from_the_worst_to_the_best_and_have_gaps() -> None:
    trials = [trial(0, 0.9, {"x": 0.25}), trial(1, 0.5, {"x": 0.75, "y": 1.0}), trial(2, 0.9, {"x": 0.5})]
    info = parallel(trials, ["x", "y"])
    assert [column.label for column in info.columns] == ["validation accuracy", "x", "y"]
    assert [column.best for column in info.columns] == ["90.0%", "0.25", ""]
    # Of two equal ones the first is the best, as Optuna has it.
    assert [line.number for line in info.lines] == [1, 2, 0]
    assert info.lines[0].places[1:] == (0.75, 1.0)
    assert info.lines[2].places[1:] == (0.25, None)
    assert info.lines[0].goodness < info.lines[2].goodness


def test_the_goodness_of_a_small_loss_is_high() -> None:
    info = parallel([trial(n, loss, {"x": 0.5}) for n, loss in enumerate([1.0, 3.0])], ["x"], LOSS)
    assert [line.number for line in info.lines] == [1, 0]
    assert info.lines[1].goodness > 0.9
    assert info.lines[1].places[0] == pytest.approx(1 - info.lines[1].goodness)


def test_many_trials_and_hyperparameters_are_cut_and_told() -> None:
    names = [f"p{n}" for n in range(12)]
    info = parallel([trial(n, n / 400, dict.fromkeys(names, 0.5)) for n in range(400)], names)
    assert len(info.columns) == 11
    assert [len(info.lines), info.lines[0].number, info.lines[-1].number] == [300, 100, 399]
    assert "Shown are the best 300 of 400 complete trials." in info.words.notes
    assert "Not shown: p10, p11." in info.words.notes


def contour(trials: list[FrozenTrial], names: list[str]) -> ContourInfo:
    info = contour_info(trials, names, ACCURACY)
    assert isinstance(info, ContourInfo)
    return info


def test_a_cell_of_two_levels_is_the_mean_of_its_trials() -> None:
    spaces = {"a": CategoricalDistribution(["p", "q"]), "b": CategoricalDistribution(["r", "s"])}
    where = [("p", "r", 0.7), ("p", "r", 0.9), ("q", "r", 0.8), ("p", "s", 0.75)]
    trials = [trial(n, score, {"a": a, "b": b}, spaces) for n, (a, b, score) in enumerate(where)]
    (panel,) = contour(trials, ["a", "b"]).panels
    assert (panel.x.name, panel.y.name) == ("a", "b")
    np.testing.assert_allclose(panel.surface, [[0.8, 0.8], [0.75, np.nan]])


def test_the_surface_is_a_weighted_mean_near_trials_and_nothing_far_away() -> None:
    places = [(0.0, 0.0, 0.6), (1.0, 1.0, 0.8), (1.0, 1.0, 0.9)]
    trials = [trial(n, score, {"x": x, "y": y}) for n, (x, y, score) in enumerate(places)]
    (panel,) = contour(trials, ["x", "y"]).panels
    # Bandwidth .25 * 3 ** (-1/6) = .208: over a diagonal of sqrt(2), a weight of exp(-23).
    assert panel.surface[0, 0] == pytest.approx(0.6, abs=1e-6)
    assert panel.surface[-1, -1] == pytest.approx(0.85, abs=1e-6)
    assert np.isnan(panel.surface[0, -1])
    assert np.isnan(panel.surface[len(cells(panel.y)) // 2, len(cells(panel.x)) // 2])


def test_an_outlier_does_not_tint_its_neighbours() -> None:
    scores = [0.9, 0.91, 0.92, 0.93, 0.05]
    info = contour([trial(n, score, {"x": n / 4, "y": n / 4}) for n, score in enumerate(scores)], ["x", "y"])
    assert np.nanmin(info.panels[0].surface) >= info.score_axis.low > 0.8


def test_pairs_of_the_four_most_important_with_levels_on_the_side() -> None:
    spaces: dict[str, BaseDistribution] = {"k": IntDistribution(1, 3)} | dict.fromkeys("abcd", UNIT)
    generator = np.random.default_rng(0)
    trials = [
        trial(n, 0.5 + n / 100, {"k": n % 3 + 1} | dict(zip("abcd", generator.random(4), strict=True)), spaces)
        for n in range(6)
    ] + [trial(6, None, {"k": 1, "a": 0.5}, {"k": spaces["k"], "a": UNIT}, state=TrialState.PRUNED)]
    info = contour(trials, ["k", "a", "b", "c", "d"])
    pairs = [(panel.x.name, panel.y.name) for panel in info.panels]
    assert pairs == [("a", "k"), ("b", "k"), ("c", "k"), ("a", "b"), ("a", "c"), ("b", "c")]
    assert info.best == (5, 0.55)
    assert info.panels[0].pruned[0] is not None
    assert info.panels[1].pruned == (None,)


@pytest.mark.parametrize(
    ("n_trials", "names", "why"),
    [
        (2, ["x", "y"], "a contour needs at least 3 complete trials, and this study has 2"),
        (3, ["x"], "a contour needs two hyperparameters, and only x varied among the complete trials"),
        (3, [], "a contour needs two hyperparameters, and none varied among the complete trials"),
    ],
)
def test_why_there_is_no_contour(n_trials: int, names: list[str], why: str) -> None:
    assert contour_info(decided_by_x(n_trials), names, ACCURACY) == why


def test_importance_orders_the_other_figures() -> None:
    trials = decided_by_x(40, fixed=0.5)
    assert varying_parameters(trials) == ["noise", "x"]
    figures = study_figures(trials, ACCURACY)
    assert isinstance(figures.parallel, ParallelInfo)
    assert [column.label for column in figures.parallel.columns[1:]] == ["x", "noise", "fixed"]
    assert isinstance(figures.contour, ContourInfo)
    assert [(panel.x.name, panel.y.name) for panel in figures.contour.panels] == [("x", "noise")]


_spaces = st.sampled_from(
    [
        FloatDistribution(0, 1),
        FloatDistribution(1e-9, 1e3, log=True),
        IntDistribution(1, 3),
        IntDistribution(1, 10**9, log=True),
        CategoricalDistribution([True, False]),
        CategoricalDistribution(["$x", "<b>", None, 1.5]),
    ]
)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_study_gives_figures_or_sentences(data: st.DataObject) -> None:
    names = data.draw(st.dictionaries(st.text(min_size=1, max_size=5), _spaces, max_size=4))
    trials = []
    for number in range(data.draw(st.integers(0, 7))):
        has = {name: space for name, space in names.items() if data.draw(st.booleans())}
        sampler = optuna.samplers.RandomSampler(seed=number)
        study = optuna.create_study(sampler=sampler)
        params = study.ask(has).params
        state = data.draw(
            st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING])
        )
        score = data.draw(st.floats(allow_nan=False)) if state == TrialState.COMPLETE else None
        trials.append(trial(number, score, params, has, state, {0: data.draw(st.floats())}))
    for info in study_figures(trials, LOSS):
        assert info
