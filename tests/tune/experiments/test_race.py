"""All architectures in one budget: who goes on, what is stored of it, and that kills and workers change nothing."""

from __future__ import annotations

import csv
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest

from tests.databases import n_finished
from tests.processes import run, start, tiny_recordings
from tune.config.spaces import SPACES
from tune.experiments.race import RACE, decide, not_continued_after, rounds_of, why_won
from tune.study.study import why_ended_early

if TYPE_CHECKING:
    from optuna import Study

    from tests.tune.conftest import NewLab, Outline

TINY = (
    "--epochs=1", "--set=space.shared.batch_size=32", "--folds=0", "--auto-tune-all", "--no-floors", "--confirm=0",
    "--set=training.refit=false", "--stop=never",
)  # fmt: skip


@pytest.mark.parametrize(
    ("n_trials", "rounds"), [(1, (1,)), (5, (1, 5)), (9, (1, 9)), (20, (1, 9, 20)), (40, (1, 9, 27, 40))]
)
def test_rounds(n_trials: int, rounds: tuple[int, ...]) -> None:
    assert rounds_of(n_trials) == rounds


def four(new_lab: NewLab, *values: float | None, **search: Any) -> list[Study]:
    """Studies with one trial each, of equal scores the later one with the lower loss."""
    studies = []
    for name, value in zip("abcd", values, strict=True):
        study = replace(new_lab(name, {"search": search}), name=name).study()
        studies.append(study)
        if value is not None:
            trial = study.ask()
            trial.set_user_attr("validation_loss", 1 / len(studies))
            study.tell(trial, value)
    return studies


def test_the_best_third_goes_on_and_stays_decided(new_lab: NewLab) -> None:
    studies = four(new_lab, 0.8, 0.5, None, 0.8)
    assert decide(studies, 1) == [True, False, False, True]
    studies[1].tell(studies[1].ask(), 0.99)
    assert decide(studies, 1) == [True, False, False, True]
    assert [not_continued_after(study) for study in studies] == [None, 1, 1, None]
    assert decide([studies[0], studies[3]], 9) == [False, True]
    assert not_continued_after(studies[0]) == 9


def test_a_decision_that_a_kill_left_half_stored_is_made_again(new_lab: NewLab) -> None:
    studies = four(new_lab, 0.8, 0.5, None, 0.9)
    studies[0].set_user_attr(RACE, {"1": True})
    assert decide(studies, 1) == [True, False, False, True]
    assert [study.user_attrs[RACE]["1"] for study in studies] == [True, False, False, True]


def test_the_race_ends_where_no_score_could_be_told_from_the_best(new_lab: NewLab) -> None:
    lab = new_lab("settings", {"search": {"stop": "auto", "trials": 9}})
    studies = four(new_lab, 0.8, 1.0, None, 0.9, stop="auto")
    assert why_won(studies, lab.settings) == "no score can be better than the best, 100%"
    assert why_ended_early(studies[0].user_attrs, lab.settings)
    assert why_won(studies, lab.settings), "asked again for the same, it is the same"
    assert not why_won(studies, lab.with_settings({"search": {"trials": 10}}).settings)


@pytest.mark.parametrize("search", [{"stop": "never"}, {"metric": "loss"}, {"second_objective": "parameters"}])
def test_it_goes_on_where_the_scores_do_not_say_that(new_lab: NewLab, search: dict[str, Any]) -> None:
    lab = new_lab("settings", {"search": {"stop": "auto", "trials": 9, **search}})
    assert not why_won(four(new_lab, 0.8, 1.0, None, 0.9), lab.settings)


def of_all(save_dir: Path, outline: Outline) -> dict[str, Any]:
    """What has become of every study."""
    found = {}
    for architecture in SPACES:
        study = optuna.load_study(study_name=f"tiny-{architecture}", storage=f"sqlite:///{save_dir}/tune.db")
        found[architecture] = (study.user_attrs[RACE], [outline(one) for one in study.get_trials(deepcopy=False)])
    return found


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_workers_and_kills_change_nothing(tmp_path: Path, outline: Outline) -> None:
    peaceful, battered = tmp_path / "peaceful", tmp_path / "battered"
    of_ours = (*TINY, "--data-path", str(tiny_recordings(tmp_path)), "--trials=2")
    output, _ = run(*of_ours, "--save-dir", str(peaceful))
    rounds, _, summaries = output.partition("Round 2 of 2")[2].partition("Ended: ")
    assert rounds.count("Study tiny-") == 5  # The last one begins the first summary.
    assert summaries.count("Ended: ") == 3
    assert summaries.count(", the best of all") == 1
    rows = list(csv.DictReader((peaceful / "tiny-all" / "comparison.csv").read_text().splitlines()))
    assert [row["not_continued"] for row in rows].count("True") == len(SPACES) - 4
    expected = of_all(peaceful, outline)
    assert sorted(len(trials) for _, trials in expected.values()) == [1] * (len(SPACES) - 4) + [2] * 4
    words = (*of_ours, "--workers=2", "--resume", "--save-dir", str(battered))
    for n_trials in (1, len(SPACES) // 2, len(SPACES) + 1):  # Twice in the first round, and in the second.
        process = start(*words, own_group=True)
        while n_finished(battered, "tiny-%") < n_trials:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    run(*words)
    assert of_all(battered, outline) == expected
