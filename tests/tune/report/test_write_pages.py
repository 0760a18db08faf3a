"""Everything that a study leaves to look at, for ordinary studies and for those at the edge of what can be drawn."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any, Literal

import matplotlib
import optuna
import pytest
from matplotlib.image import imread
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from tests.report_facts import facts_of
from tune.report.context import study_context
from tune.report.page import write_pages

PICTURES = {
    "The optimization history": "optimization_history.png",
    "The importances of hyperparameters": "param_importances.png",
    "The parallel coordinates": "parallel_coordinate.png",
    "The contour plot": "contour_plot.png",
}
NO_IMPORTANCES = "The importances of hyperparameters cannot be drawn: "
NO_PARALLEL = "The parallel coordinates cannot be drawn: "
NO_CONTOUR = "The contour plot cannot be drawn: "

SPACES: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "n_layers": IntDistribution(1, 3),
    "pooling": CategoricalDistribution(["last", "mean", "max"]),
}


def trial(
    seed: int,
    value: float | None = None,
    state: TrialState = TrialState.COMPLETE,
    spaces: Mapping[str, BaseDistribution] = SPACES,
    **further: Any,
) -> FrozenTrial:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    params = study.ask(dict(spaces)).params
    return create_trial(state=state, value=value, params=params, distributions=dict(spaces), **further)


def study_of(trials: list[FrozenTrial], direction: Literal["maximize", "minimize"] = "maximize") -> optuna.Study:
    study = optuna.create_study(study_name="watch-gru", direction=direction)
    study.add_trials(trials)
    return study


def draw(study: optuna.Study, folder: Path, metric: str = "accuracy") -> list[str]:
    """Draws everything, and checks that every file is there, whole, and shows something."""
    context = study_context(study, metric, n_validation=200)
    facts = facts_of(study.get_trials(), is_judged=False, context=context)
    _, not_drawn = write_pages(facts, folder)
    written = {path.name for path in folder.iterdir()}
    drawn = {name for title, name in PICTURES.items() if not any(why.startswith(title) for why in not_drawn)}
    # Of what is missing for one reason, one sentence tells it.
    assert drawn - {"contour_plot.png"} <= written
    assert written <= {*drawn, "learning_curves.png", "plots.html", "report.html", "report.md"}
    for name in written & drawn:
        pixels = imread(folder / name)
        assert pixels.shape[1] == 1650
        assert 0.002 < (pixels[..., :3].mean(axis=2) < 0.9).mean() < 0.7, name
    page = unescape((folder / "plots.html").read_text(encoding="utf-8"))
    assert page.rstrip().endswith("</html>")
    assert ("What is not known is not drawn." in page) == bool(not_drawn)
    assert all(why.replace(" cannot be drawn", "") in page for why in not_drawn)
    return not_drawn


def test_a_whole_study(tmp_path: Path) -> None:
    study = study_of(
        [
            trial(0, 0.9, system_attrs={"fixed_params": {}}),
            *(trial(seed, 0.9 + seed / 200) for seed in range(1, 9)),
            trial(9, 0.05),
            trial(10, state=TrialState.PRUNED, intermediate_values={0: 0.3}),
            trial(11, state=TrialState.PRUNED, user_attrs={"reason": "the loss is not finite"}),
            trial(12, state=TrialState.FAIL),
            trial(13, state=TrialState.RUNNING, intermediate_values={0: 0.5}),
            trial(14, state=TrialState.WAITING),
        ]
    )
    assert draw(study, tmp_path / "made" / "for" / "it") == []


def test_a_study_of_a_loss_in_a_database(tmp_path: Path) -> None:
    study = optuna.create_study(storage=f"sqlite:///{tmp_path / 'tune.db'}", study_name="s", direction="minimize")
    study.add_trials([trial(seed, 1 / (seed + 1)) for seed in range(3)])
    why, no_contour = draw(study, tmp_path / "s", metric="loss")
    assert why == NO_IMPORTANCES + "importances need at least 5 trials with a score, and this study has 3."
    assert no_contour.startswith(NO_CONTOUR + "a contour needs at least 10 complete trials, and this study has 3")


NONE_COMPLETE = [
    NO_IMPORTANCES + "importances need at least 5 trials with a score, and this study has 0.",
    NO_PARALLEL + "no trial has a score that can be drawn.",
    NO_CONTOUR + "a contour needs at least 10 complete trials, and this study has 0: more trials would help.",
]


@pytest.mark.parametrize(
    ("trials", "not_drawn"),
    [
        pytest.param(
            [], ["The optimization history cannot be drawn: no trial has begun.", *NONE_COMPLETE], id="no trial"
        ),
        pytest.param(
            [trial(0, state=TrialState.FAIL)],
            [
                "The optimization history cannot be drawn: no trial has a score that can be drawn (1 failed).",
                *NONE_COMPLETE,
            ],
            id="only failed",
        ),
        pytest.param(
            [trial(0, state=TrialState.PRUNED, intermediate_values={3: 0.25})],
            [NONE_COMPLETE[0].replace("has 0", "has 1"), NONE_COMPLETE[2]],
            id="only pruned",
        ),
        pytest.param(
            [trial(0, 0.5)],
            [
                NO_IMPORTANCES + "importances need at least 5 trials with a score, and this study has 1.",
                NO_CONTOUR
                + "a contour needs at least 10 complete trials, and this study has 1: about 18 trials (--resume "
                "--trials) would do.",
            ],
            id="one trial",
        ),
        pytest.param(
            [trial(seed, seed / 9, spaces={"dropout": FloatDistribution(0, 0.5)}) for seed in range(12)],
            [
                NO_IMPORTANCES + "only dropout varied among the complete trials, so there is nothing to compare.",
                NO_CONTOUR + "a contour needs two hyperparameters, and only dropout varied among the complete trials.",
            ],
            id="one varying hyperparameter",
        ),
        pytest.param(
            [trial(seed, seed / 9, spaces={}) for seed in range(12)],
            [
                NO_IMPORTANCES + "no hyperparameter varied among the complete trials, so there is nothing to compare.",
                NO_PARALLEL + "the study searches no hyperparameter.",
                NO_CONTOUR + "a contour needs two hyperparameters, and none varied among the complete trials.",
            ],
            id="no hyperparameter",
        ),
        pytest.param(
            [trial(seed, 1.0) for seed in range(12)],
            [NO_IMPORTANCES + "every complete trial has the same score, so no hyperparameter made a difference."],
            id="all the same",
        ),
        pytest.param(
            [trial(n, n / 9, spaces={**SPACES, "cell": CategoricalDistribution(["gru"])}) for n in range(12)],
            [
                NO_IMPORTANCES + "it is not known yet which hyperparameters matter: over 12 resamples of the 12 trials "
                "none comes first in more than half, as where all is chance; some forty trials show one that matters."
            ],
            id="one choice",
        ),
        pytest.param(
            [
                trial(
                    n, n / 9, spaces={("heads" if n % 2 else "kernel"): IntDistribution(1, 64), "x": SPACES["n_layers"]}
                )
                for n in range(12)
            ],
            [],
            id="hyperparameters that some trials lack",
        ),
    ],
)
def test_studies_at_the_edge(trials: list[FrozenTrial], not_drawn: list[str], tmp_path: Path) -> None:
    assert draw(study_of(trials), tmp_path) == not_drawn


def test_huge_values(tmp_path: Path) -> None:
    spaces = {
        "x": FloatDistribution(1e-300, 1e300, log=True),
        "y": FloatDistribution(-1e307, 1e307),
        "i": IntDistribution(0, 10**15),
    }
    losses = [1e-30, 1e-3, 1.0, 1e30, 1e99, 1e200, math.inf, -math.inf]
    study = study_of([trial(seed, loss, spaces=spaces) for seed, loss in enumerate(losses)], "minimize")
    why, _ = draw(study, tmp_path, metric="loss")
    assert "it is not known yet which hyperparameters matter" in why


def test_names_that_mean_something_to_others(tmp_path: Path) -> None:
    spaces = {
        "</script>$\\frac$": CategoricalDistribution(["$", "<b>", "日本語", "a\nb", "x" * 99, None, True]),
        "y" * 120: FloatDistribution(0, 1),
    }
    study = optuna.create_study(study_name="<script>alert('$x$')</script>", direction="maximize")
    study.add_trials([trial(seed, seed / 9, spaces=spaces) for seed in range(12)])
    assert draw(study, tmp_path) == []
    assert "<script>alert" not in (tmp_path / "plots.html").read_text(encoding="utf-8")


def test_drawing_again_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    draw(study_of([trial(0, state=TrialState.RUNNING, intermediate_values={0: 0.5})]), tmp_path)
    before = (tmp_path / "optimization_history.png").read_bytes()
    draw(study_of([trial(0, 0.5)]), tmp_path)
    assert (tmp_path / "optimization_history.png").read_bytes() != before
    # A picture that would say nothing any more is not left lying there.
    draw(study_of([]), tmp_path)
    assert not (tmp_path / "optimization_history.png").exists()


def test_drawing_changes_nothing_of_matplotlib(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    draw(study_of([trial(0, state=TrialState.RUNNING, intermediate_values={0: 0.5})]), tmp_path)
    assert dict(matplotlib.rcParams) == before


def test_drawing_needs_no_window_system() -> None:
    script = "import sys, tune.report.page; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[3])


def test_a_metric_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no metric 'speed': accuracy, balanced_accuracy, macro_f1 or loss"):
        study_context(study_of([]), "speed")


@pytest.mark.parametrize(("metric", "written"), [("accuracy", "93.1%"), ("macro_f1", "93.1%"), ("loss", "0.931")])
def test_figures_write_a_score_as_the_sentences_beside_them_do(metric: str, written: str) -> None:
    context = study_context(study_of([]), metric, n_validation=200)
    assert context.score(0.931) == written
    assert (context.n_validation is None) == (metric != "accuracy")
