"""The interactive page: complete, drawn by valid figures, and asking nothing of any network."""

from __future__ import annotations

import json
import re
from typing import Any

import optuna
import plotly.graph_objects as go
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from tests.html import Reader
from tune.report.content import searched_sections
from tune.report.figures.collection import study_figures
from tune.report.figures.words import StudyContext
from tune.report.page import plots_page

CONTEXT = StudyContext("watch-gru", "validation accuracy", "maximize", percent=True, n_validation=200)
SPACES: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "dropout": FloatDistribution(0, 0.5),
    "n_layers": IntDistribution(1, 3),
    "pooling": CategoricalDistribution(["last", "mean", "max"]),
    "a<b>&$x$": CategoricalDistribution(["</script>", "<i>"]),
}


def html_of(n_trials: int, title: str = "watch-gru") -> str:
    sampler = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trials = []
    for number in range(n_trials):
        params = sampler.ask(SPACES).params
        state = TrialState.PRUNED if number % 5 == 4 else TrialState.COMPLETE
        value = 0.7 + 0.4 * params["dropout"] + number % 7 / 100 if state == TrialState.COMPLETE else None
        reported = {0: 0.5} if number % 2 else {}
        trials.append(
            create_trial(state=state, value=value, params=params, distributions=SPACES, intermediate_values=reported)
        )
        trials[-1].number = number
    context = StudyContext(title, CONTEXT.metric, CONTEXT.direction, percent=True, n_validation=200)
    return plots_page(searched_sections(study_figures(trials, context), context), context)


@pytest.fixture(scope="module")
def html() -> str:
    return html_of(40)


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    return Reader(html)


def figures_of(reader: Reader) -> dict[str, dict[str, Any]]:
    names = reader.values("data-figure")
    return {name: json.loads(text) for name, text in zip(names, reader.scripts, strict=False)}


def test_nothing_is_loaded_from_anywhere(html: str, reader: Reader) -> None:
    assert reader.values("src") == []
    assert all(target.startswith("#") for target in reader.values("href"))
    assert "link" not in [tag for tag, _ in reader.tags]
    styles = "".join(re.findall(r"<style>(.*?)</style>", html, re.DOTALL))
    assert "url(" not in styles
    assert "@import" not in styles


def test_the_browser_is_told_to_load_nothing(reader: Reader) -> None:
    (policy,) = [attrs["content"] for _, attrs in reader.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "eval" not in policy


def test_plotly_is_there_once(html: str) -> None:
    assert html.count("* plotly.js v") == 1


def test_every_panel_has_its_figure(reader: Reader) -> None:
    panels = reader.values("data-panel")
    assert panels == ["history", "parallel", *(f"contour-{n}" for n in range(6))]
    assert sorted(figures_of(reader)) == sorted([*panels, "parallel-narrow"])


def test_every_figure_is_one_that_plotly_accepts(reader: Reader) -> None:
    for name, figure in figures_of(reader).items():
        drawn = go.Figure(figure)
        assert len(drawn.data) > 0, name


def test_every_colour_is_defined_for_light_and_dark(html: str, reader: Reader) -> None:
    used = {name for text in reader.scripts[:-2] for name in re.findall(r"var\((--[\w-]+)\)", text)}
    light, dark = (
        set(re.findall(r"(--[\w-]+): #", block)) for block in re.findall(r":root[^{]*\{[^}]*(?:--[^}]*)\}", html)
    )
    assert "--complete" in used
    assert used <= light
    assert light == dark


def test_tables_tell_the_numbers(reader: Reader) -> None:
    assert any(re.fullmatch(r"Trial \d+, .*, and the best of the others", one) for one in reader.words)
    assert "Importances, and the middle 80% over resamples" in reader.words
    assert "learning_rate" in reader.words


def test_everything_can_be_reached_and_named(reader: Reader) -> None:
    identifiers = reader.values("id")
    assert len(identifiers) == len(set(identifiers))
    assert {target[1:] for target in reader.values("href")} <= set(identifiers)
    assert ("html", {"lang": "en"}) in reader.tags
    labelled = [attrs for _, attrs in reader.tags if "data-panel" in attrs]
    assert all(attrs.get("aria-label") for attrs in labelled)
    (slider,) = [attrs for tag, attrs in reader.tags if tag == "input"]
    assert slider["id"] in reader.values("for")


def test_names_cannot_break_out() -> None:
    reader = Reader(html_of(8, title="</title><script>alert(1)</script>"))
    assert len(reader.scripts) == len(reader.values("data-figure")) + 2
    assert len(figures_of(reader)) == len(reader.values("data-figure"))
    assert "</title><script>alert(1)</script>" in reader.words


def test_what_cannot_be_drawn_is_said() -> None:
    reader = Reader(html_of(0))
    assert "The optimization history: no trial has begun." in reader.words
    assert reader.values("data-panel") == []
    assert not {"input", "button"} & {tag for tag, _ in reader.tags}


@pytest.mark.slow
def test_a_thousand_trials_fit_into_eight_megabytes() -> None:
    assert len(html_of(1000).encode()) < 8_000_000
