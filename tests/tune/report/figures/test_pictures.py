"""The PNG figures, as drawn things: what is where on the sheet."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import optuna
import pytest
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from tune.report.figures.collection import KINDS, Figures, study_figures
from tune.report.figures.contour import ContourInfo, draw_contour
from tune.report.figures.history import HistoryInfo, draw_history
from tune.report.figures.importances import FANOVA_TITLE, PED_ANOVA_TITLE, ImportancesInfo, draw_importances
from tune.report.figures.parallel import ParallelInfo, draw_parallel
from tune.report.figures.sheets import Medium, Sheet, png, sheet
from tune.report.figures.sheets import legend as named
from tune.report.figures.words import StudyContext, Words

CONTEXT = StudyContext("watch-gru", "validation accuracy", "maximize", percent=True, n_validation=200)
SPACES: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "dropout": FloatDistribution(0, 0.5),
    "pooling": CategoricalDistribution(["last", "mean", "max"]),
}


@pytest.fixture(scope="module")
def trials() -> list[FrozenTrial]:
    study = optuna.create_study(direction="maximize")
    sampler = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for number, state in enumerate([*[TrialState.COMPLETE] * 30, TrialState.PRUNED, TrialState.FAIL]):
        params = sampler.ask(SPACES).params | ({"dropout": 0.0} if number == 1 else {})
        score = None if state != TrialState.COMPLETE else 0.05 if number == 1 else 0.9 + 0.08 * params["dropout"]
        given = {"fixed_params": params} if not study.trials else {}
        made = create_trial(state=state, value=score, params=params, distributions=SPACES, system_attrs=given)
        study.add_trial(made)
    return study.get_trials()


@pytest.fixture(scope="module")
def figures(trials: list[FrozenTrial]) -> Figures:
    return study_figures(trials, CONTEXT)


@pytest.fixture(scope="module")
def sheets(figures: Figures) -> dict[str, Sheet]:
    """The sheet of every figure; none is missing."""
    history, importances, parallel, contour = figures
    assert isinstance(history, HistoryInfo)
    assert isinstance(importances, ImportancesInfo)
    assert isinstance(parallel, ParallelInfo)
    assert isinstance(contour, ContourInfo)
    return {
        "history": draw_history(history, CONTEXT),
        "importances": draw_importances(importances, CONTEXT),
        "parallel": draw_parallel(parallel, CONTEXT),
        "contour": draw_contour(contour, CONTEXT),
    }


def texts(drawn: Sheet) -> list[str]:
    return [text.get_text() for text in drawn.figure.texts]


def legend(drawn: Sheet) -> list[str]:
    return [text.get_text() for text in drawn.figure.legends[0].get_texts()]


def tick_texts(axes: Axes, side: Literal["x", "y"]) -> list[str]:
    return [tick.get_text() for tick in (axes.get_xticklabels() if side == "x" else axes.get_yticklabels())]


def test_every_sheet_names_the_study_the_metric_and_its_better_end(sheets: dict[str, Sheet]) -> None:
    for drawn in sheets.values():
        assert "watch-gru · validation accuracy, higher is better" in texts(drawn)


def test_the_history_shows_every_state_and_the_unit(sheets: dict[str, Sheet], figures: Figures) -> None:
    assert isinstance(figures.history, HistoryInfo)
    assert figures.history.stars.selected is not None
    axes = sheets["history"].figure.axes[0]
    assert legend(sheets["history"]) == [
        "as good as the best score, within noise",
        "complete",
        "default configuration",
        "best so far",
        "selected",
        "no score",
    ]
    assert axes.get_xlabel() == "trial"
    assert all(text.endswith("%") for text in tick_texts(axes, "y"))
    assert CONTEXT.score(figures.history.stars.selected.score) in [text.get_text() for text in axes.texts]


def test_an_outlier_is_a_triangle_at_the_edge(sheets: dict[str, Sheet]) -> None:
    axes = sheets["history"].figure.axes[0]
    low, high = axes.get_ylim()
    assert 0.8 < low < 0.9 < high < 1
    assert [1, low] in [list(place) for marks in axes.collections for place in np.asarray(marks.get_offsets())]
    assert any("1 trial below" in note and "triangles at the edge" in note for note in texts(sheets["history"]))


def test_both_methods_stand_side_by_side(sheets: dict[str, Sheet]) -> None:
    best, spread = sheets["importances"].figure.axes
    assert sorted(tick_texts(best, "y")) == sorted(SPACES)
    assert best.get_ylim() == spread.get_ylim()
    assert best.get_xlim() == spread.get_xlim()
    assert {PED_ANOVA_TITLE, FANOVA_TITLE} <= set(texts(sheets["importances"]))


def test_the_best_values_stand_in_the_parallel_coordinates(sheets: dict[str, Sheet], figures: Figures) -> None:
    assert isinstance(figures.parallel, ParallelInfo)
    written = [text.get_text() for text in sheets["parallel"].figure.axes[0].texts]
    for column in figures.parallel.columns:
        assert column.selected in written


def test_the_contour_has_a_panel_a_pair_and_one_colour_bar(sheets: dict[str, Sheet]) -> None:
    *panels, bar = sheets["contour"].figure.axes
    assert len(panels) == 3
    assert all(panel.get_xlabel() and panel.get_ylabel() for panel in panels)
    assert bar.get_ylabel() == "validation accuracy"
    assert legend(sheets["contour"]) == ["pruned", "complete", "selected"]


def leaving(drawn: Sheet) -> list[Artist]:
    """Texts and legends that are not whole on the sheet."""
    png(drawn.figure)
    parts: list[Artist] = [*drawn.figure.texts, *drawn.figure.legends]
    for axes in drawn.figure.axes:
        parts += [*axes.texts, axes.xaxis.label, axes.yaxis.label]
    boxes = [(part, part.get_window_extent()) for part in parts]
    width, height = drawn.figure.bbox.width + 1, drawn.figure.bbox.height + 1
    return [part for part, box in boxes if not (-1 <= box.x0 <= box.x1 <= width and -1 <= box.y0 <= box.y1 <= height)]


def test_no_text_leaves_the_sheet(sheets: dict[str, Sheet]) -> None:
    assert {name: leaving(drawn) for name, drawn in sheets.items()} == {name: [] for name in sheets}


def test_long_sentences_and_legends_have_a_second_line(trials: list[FrozenTrial]) -> None:
    best = max(trials, key=lambda trial: trial.value or 0.0).number
    context = replace(CONTEXT, title="x" * 40, selected=2, fresh={2: 0.93, best: 0.9}, floor=0.95)
    history, _, parallel, _ = study_figures(trials, context)
    assert isinstance(history, HistoryInfo)
    assert isinstance(parallel, ParallelInfo)
    for drawn in (draw_history(history, context), draw_parallel(parallel, context)):
        assert "with fresh seeds: it did not repeat." in " ".join(texts(drawn))
        assert leaving(drawn) == []
        if drawn.figure.legends:
            above = drawn.figure.axes[0].get_window_extent().y1
            assert drawn.figure.legends[0].get_window_extent().y0 >= above


@pytest.mark.parametrize("last", ["", "selected", "selected by nobody", "\N{CJK UNIFIED IDEOGRAPH-624B} selected"])
def test_a_legend_is_whole_on_a_tile(last: str) -> None:
    drawn = sheet(Words("Title", "", ()), CONTEXT, 3.5, Medium(4.7, has_words=False))
    axes = drawn.axes(0.6, 0.5, 4.55, 2.95)
    for label in filter(None, ("median", "best score of the search, did not repeat", last)):
        axes.plot([0, 1], label=label)
    named(drawn, axes)
    assert leaving(drawn) == []
    assert drawn.figure.legends[0].get_window_extent().y0 >= axes.get_window_extent().y1


def test_long_notes_and_summaries_are_wrapped() -> None:
    drawn = sheet(Words("Title", "word " * 99, ("note " * 99,)), CONTEXT, room_inches=1)
    assert max(map(len, texts(drawn))) <= 150
    assert drawn.top - drawn.bottom == pytest.approx(1)


def test_pictures_are_the_same_every_time(figures: Figures) -> None:
    for name, info in figures._asdict().items():
        draw = KINDS[name].draw
        assert draw is not None
        assert png(draw(info, CONTEXT).figure) == png(draw(info, CONTEXT).figure)
