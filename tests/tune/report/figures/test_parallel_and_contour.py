"""Parallel coordinates, contours, and all figures of any study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from tests.figure_trials import ACCURACY, LOSS, UNIT, decided_by_x, trial
from tune.report.figures.collection import study_figures
from tune.report.figures.contour import ContourInfo, cells, contour_info
from tune.report.figures.curves import CurvesInfo, curves_info
from tune.report.figures.history import HistoryInfo, history_info
from tune.report.figures.importances import varying_parameters
from tune.report.figures.parallel import ParallelInfo, parallel_info, parallel_section
from tune.report.figures.scores import reached, stars
from tune.report.figures.slices import SlicesInfo, slices_info
from tune.report.figures.words import StudyContext


def parallel(trials: list[FrozenTrial], names: list[str], context: StudyContext = ACCURACY) -> ParallelInfo:
    info = parallel_info(trials, names, context)
    assert isinstance(info, ParallelInfo)
    return info


def test_lines_go_from_the_worst_to_the_best_and_have_gaps() -> None:
    trials = [trial(0, 0.9, {"x": 0.25}), trial(1, 0.5, {"x": 0.75, "y": 1.0}), trial(2, 0.9, {"x": 0.5})]
    info = parallel(trials, ["x", "y"])
    assert [column.label for column in info.columns] == ["validation accuracy", "x", "y"]
    assert [column.selected for column in info.columns] == ["90.0%", "0.25", ""]
    # Of two equal ones the first is the best, as Optuna has it.
    assert [line.number for line in info.lines] == [1, 2, 0]
    assert info.lines[0].places[1:] == (0.75, 1.0)
    assert info.lines[2].places[1:] == (0.25, None)
    assert info.lines[0].goodness < info.lines[2].goodness


def test_one_that_was_ended_early_has_the_best_score_that_it_reached() -> None:
    trials = [
        trial(0, 0.9, {"x": 0.5}),
        trial(1, None, {"x": 0.25}, state=TrialState.PRUNED, reported={1: 0.6, 2: 0.5}),
    ]
    info = parallel(trials, ["x"])
    assert (info.lines[0].number, info.lines[0].texts[0]) == (1, "60.0%")
    losses = [trial(0, 0.1), trial(1, state=TrialState.PRUNED, reported={1: 0.5, 2: 0.6})]
    assert reached(losses, LOSS.sign)[0].score == 0.5


def test_the_table_begins_with_the_selected_trial_though_it_was_ended_early() -> None:
    trials = [trial(0, None, {"x": 0.25}, state=TrialState.PRUNED, reported={1: 0.6}), trial(1, 0.9, {"x": 0.5})]
    context = replace(ACCURACY, selected=0, fresh={0: 0.95})
    info = parallel(trials, ["x"], context)
    (table,) = parallel_section(info, context).tables
    assert table.caption == "Trial 0, selected, and the best of the others"
    assert [row[0] for row in table.rows] == ["0", "1"]
    assert "The values of trial 0 stand under the names." in info.words.summary


@pytest.mark.parametrize("info_of", [contour_info, slices_info])
def test_an_unfinished_trial_is_not_counted_as_complete(info_of: Callable[..., object]) -> None:
    left = trial(0, state=TrialState.RUNNING, reported={1: 0.5})
    left.values = [0.5]
    assert "this study has 0: more trials would help" in str(info_of([left], ["x", "y"], ACCURACY))


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
    assert "Shown are the best 300 of 400 trials." in info.words.notes
    assert "Not shown: p10, p11." in info.words.notes


def contour(trials: list[FrozenTrial], names: list[str]) -> ContourInfo:
    info = contour_info(trials, names, ACCURACY)
    assert isinstance(info, ContourInfo)
    return info


def test_a_cell_of_two_levels_is_the_mean_of_its_trials() -> None:
    spaces = {"a": CategoricalDistribution(["p", "q"]), "b": CategoricalDistribution(["r", "s"])}
    where = [("p", "r", 0.7), ("p", "r", 0.9), ("q", "r", 0.8), ("p", "s", 0.75)] * 3
    trials = [trial(n, score, {"a": a, "b": b}, spaces) for n, (a, b, score) in enumerate(where)]
    (panel,) = contour(trials, ["a", "b"]).panels
    assert (panel.x.name, panel.y.name) == ("a", "b")
    np.testing.assert_allclose(panel.surface, [[0.8, 0.8], [0.75, np.nan]])


def test_the_surface_is_a_weighted_mean_near_trials_and_nothing_far_away() -> None:
    places = [(0.0, 0.0, 0.6), (1.0, 1.0, 0.8), (1.0, 1.0, 0.9)] * 4
    trials = [trial(n, score, {"x": x, "y": y}) for n, (x, y, score) in enumerate(places)]
    (panel,) = contour(trials, ["x", "y"]).panels
    # Bandwidth .25 * 12 ** (-1/6) = .165: over a diagonal of sqrt(2), a weight of exp(-37).
    assert panel.surface[0, 0] == pytest.approx(0.6, abs=1e-6)
    assert panel.surface[-1, -1] == pytest.approx(0.85, abs=1e-6)
    assert np.isnan(panel.surface[0, -1])
    assert np.isnan(panel.surface[len(cells(panel.y)) // 2, len(cells(panel.x)) // 2])


def test_an_outlier_does_not_tint_its_neighbours() -> None:
    scores = [0.9, 0.91, 0.92, 0.93, 0.05] * 2
    info = contour([trial(n, score, {"x": n / 9, "y": n / 9}) for n, score in enumerate(scores)], ["x", "y"])
    assert np.nanmin(info.panels[0].surface) >= info.score_axis.low > 0.8
    # No colour for what nobody scored.
    assert info.score_axis.high == 0.93


def test_pairs_of_the_four_most_important_with_levels_on_the_side() -> None:
    spaces: dict[str, BaseDistribution] = {"k": IntDistribution(1, 3)} | dict.fromkeys("abcd", UNIT)
    generator = np.random.default_rng(0)
    trials = [
        trial(n, 0.5 + n / 100, {"k": n % 3 + 1} | dict(zip("abcd", generator.random(4), strict=True)), spaces)
        for n in range(10)
    ] + [trial(10, None, {"k": 1, "a": 0.5}, {"k": spaces["k"], "a": UNIT}, state=TrialState.PRUNED)]
    info = contour(trials, ["k", "a", "b", "c", "d"])
    pairs = [(panel.x.name, panel.y.name) for panel in info.panels]
    assert pairs == [("a", "k"), ("b", "k"), ("c", "k"), ("a", "b"), ("a", "c"), ("b", "c")]
    assert info.stars.selected == (9, 0.59)
    assert info.panels[0].pruned[0] is not None
    assert info.panels[1].pruned == (None,)


@pytest.mark.parametrize(
    ("n_trials", "names", "why"),
    [
        (
            2,
            ["x", "y"],
            "a contour needs at least 10 complete trials, and this study has 2: about 18 trials (--resume --trials) "
            "would do",
        ),
        (10, ["x"], "a contour needs two hyperparameters, and only x varied among the complete trials"),
        (10, [], "a contour needs two hyperparameters, and none varied among the complete trials"),
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


def test_the_trial_that_is_handed_over_is_the_star_and_the_better_score_is_marked() -> None:
    """Fresh seeds chose trial 1, although trial 0 had scored higher: everything points at trial 1."""
    context = replace(ACCURACY, selected=1, fresh={0: 0.8, 1: 0.88})
    trials = decided_by_x(12)
    trials[0].value, trials[1].value = 0.9991, 0.9
    trials[1].intermediate_values = trials[0].intermediate_values = {1: 0.5, 2: 0.9}
    history, slices = history_info(trials, context), slices_info(trials, ["x"], context)
    curves, drawn, surface = (
        curves_info(trials, context),
        parallel_info(trials, ["x", "noise"], context),
        contour_info(trials, ["x", "noise"], context),
    )
    assert isinstance(history, HistoryInfo)
    assert isinstance(curves, CurvesInfo)
    assert isinstance(drawn, ParallelInfo)
    assert isinstance(surface, ContourInfo)
    assert isinstance(slices, SlicesInfo)
    assert {history.stars, curves.stars, drawn.stars, surface.stars} == {stars(trials, context)}
    assert history.stars[:2] == ((1, 0.9), (0, 0.9991))
    assert drawn.lines[-1].number == 1
    assert slices.star == 1
    assert [curve.kind for curve in curves.curves if curve.number < 2] == ["leader", "selected"]
    sentence = (
        "Selected: trial 1, 90.0% in the search and 88.0% with fresh seeds. Trial 0 has the best score of the search, "
        "99.91% in the search and 80.0% with fresh seeds: it did not repeat."
    )
    assert history.words.summary.startswith(sentence)
    assert drawn.words.summary.startswith(sentence)


def test_where_the_floor_is_handed_over_no_trial_is_called_selected() -> None:
    found = stars(decided_by_x(3), replace(ACCURACY, floor=0.999))
    assert found.label == "best of the search"
    assert found.sentence.startswith("MiniRocket is handed over, 99.90%: no trial beats it. Best of the search: trial ")


def test_trials_that_were_ended_early_have_grey_lines_below_the_others() -> None:
    ended = trial(0, state=TrialState.PRUNED, params={"x": 0.3}, reported={1: 0.95})
    info = parallel([ended, trial(1, 0.8, {"x": 0.5}), trial(2, 0.9, {"x": 0.7})], ["x"])
    assert [(line.number, line.is_complete) for line in info.lines] == [(0, False), (1, True), (2, True)]
    assert info.lines[0].texts[0] == "95.0%"


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


def test_what_has_no_row_among_the_importances_has_varied_too() -> None:
    names = [f"p{k:02}" for k in range(22)]
    rng = np.random.default_rng(0)
    rows = [{name: float(rng.random()) for name in names} for _ in range(40)]
    trials = [trial(n, row["p21"], row) for n, row in enumerate(rows)]
    info = study_figures(trials, ACCURACY).contour
    assert isinstance(info, ContourInfo)
    assert "The 4 most important of 22 hyperparameters that varied." in info.words.notes


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
