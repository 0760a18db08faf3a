"""Was tuning worth it? Every answer in words that a tired person understands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from optuna import Study
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from tests.report_facts import confirmation
from tune.report.floors import was_it_worth_it
from tune.study.floors import FLOORS

if TYPE_CHECKING:
    from tests.tune.conftest import NewLab

SCORES = {"accuracy": 0.9, "macro_f1": 0.9, "loss": 0.3}
MAJORITY = {"accuracy": 0.3, "macro_f1": 0.2, "loss": 1.1}


def floors(difference: tuple[float, float, float] | None = None, **changes: Any) -> dict[str, Any]:
    """As on record, with a difference on test and its interval."""
    found = {"study": "s", "of": "o", "validation": SCORES, "test": None, "n_parameters": 2520, "seconds": 0.21}
    paired = None
    if difference is not None:
        gain, low, high = difference
        paired = {"trial": 0, "difference": gain, "interval_95": [low, high], "over": "people"}
    majority = {"name": "low", "validation": MAJORITY, "test": None}
    forest = {"validation": {**SCORES, "accuracy": 0.7}, "test": None, "seconds": 0.4}
    minirocket = {**found, "why_not": "", **changes}
    return {"majority": majority, "forest": forest, "minirocket": minirocket, "difference": paired}


def study_with(new_lab: NewLab, score: float | None, found: dict[str, Any]) -> Study:
    """A study with one trial of that score, if any, and these floors."""
    study = new_lab("study", {"search": {"floors": True}}).study()
    for waiting in study.get_trials(deepcopy=False):
        study._storage.set_trial_state_values(waiting._trial_id, TrialState.FAIL)
    study.set_user_attr(FLOORS, found)
    return study if score is None else with_trial(study, score)


def with_trial(study: Study, score: float, **more: Any) -> Study:
    attributes = {"n_parameters": 1000, "training_seconds": 12.0, "epochs_run": 3, **more}
    space: dict[str, BaseDistribution] = {"x": IntDistribution(0, 9)}
    study.add_trial(create_trial(value=score, params={"x": 1}, distributions=space, user_attrs=attributes))
    return study


@pytest.mark.parametrize(
    ("score", "difference", "begins", "says"),
    [
        (
            0.95,
            (0.06, 0.02, 0.1),
            "Yes. The best trial of the search",
            "is better by 6.0 points (95% interval 2.0",
        ),
        (
            0.95,
            (0.01, -0.02, 0.04),
            "Perhaps. ",
            "told apart: trial 0 is 1.0 points ahead (95% interval −2.0",
        ),
        (0.95, (0.0, -0.02, 0.02), "Perhaps. ", "they are level"),
        (0.95, (-0.06, -0.1, -0.02), "No, says the test set. ", "a test set that chooses is no test any more"),
        (0.95, None, "Yes, by validation alone. ", "yet to be tested"),
        (0.9, (-0.5, -0.6, -0.4), "No. MiniRocket", "MiniRocket is better by 50.0 points (95% interval 40.0 to 60.0"),
        (0.8, (-0.01, -0.04, 0.02), "No. MiniRocket", "MiniRocket is 1.0 points ahead (95% interval −2.0 to 4.0"),
        (0.8, (0.06, 0.02, 0.1), "No. MiniRocket", "The choice was made on validation and stays"),
        (None, None, "Not so far: no trial has a score.", "until a trial beats it"),
    ],
)
def test_every_answer(
    new_lab: NewLab, score: float | None, difference: tuple[float, float, float] | None, begins: str, says: str
) -> None:
    study = study_with(new_lab, score, floors(difference))
    if difference is not None:
        # The numbers of trials begin after those that the study was made with.
        number = study.get_trials()[-1].number
        found = study.user_attrs[FLOORS]
        study.set_user_attr(FLOORS, {**found, "difference": {**found["difference"], "trial": number}})
        says = says.replace("trial 0", f"trial {number}")
    worth = was_it_worth_it(study)
    assert worth is not None
    assert worth.sentences[0].startswith(begins)
    assert says in " ".join(worth.sentences)
    assert "fitted in 0.21 s" in worth.sentences[0]
    handed_over = [row[0] for row in worth.rows if row[-1] == "in best_model/"]
    expected = "MiniRocket" if score is None or score <= SCORES["accuracy"] else "trial"
    assert [name.split()[0] for name in handed_over] == [expected]
    assert all(len(row) == len(worth.head) for row in worth.rows)


@pytest.mark.parametrize("origin", ["known-good", "search"])
def test_it_is_said_when_searching_has_added_nothing(origin: str, new_lab: NewLab) -> None:
    study = with_trial(study_with(new_lab, None, floors()), 0.95, origin=origin)
    worth = was_it_worth_it(study)
    assert worth is not None
    assert any("Searching has added nothing" in sentence for sentence in worth.sentences) == (origin == "known-good")


def test_a_mean_of_fresh_seeds_does_not_stand_beside_a_lucky_score(new_lab: NewLab) -> None:
    study = with_trial(with_trial(study_with(new_lab, None, floors()), 0.97, origin="known-good"), 0.96)
    first, best = (trial.number for trial in study.get_trials()[-2:])
    settings = study.user_attrs["settings"]
    study.set_user_attr("settings", {**settings, "confirmation": {**settings["confirmation"], "configurations": 3}})
    found = confirmation(first)
    leader, other = found["configurations"]
    found["configurations"] = [leader, {**other, "trial": best, "scores": [0.95, 0.95], "mean": 0.95}]
    study.set_user_attr("confirmation", {**found, "winner": best})
    worth = was_it_worth_it(study)
    assert worth is not None
    assert worth.sentences[0].startswith("Yes, by validation alone. The best trial with fresh seeds, after")
    assert [row[:2] for row in worth.rows[-2:]] == [
        (f"trial {first}, the first configuration, with fresh seeds", "93.0%"),
        (f"trial {best}, the best with fresh seeds", "95.0%"),
    ]


def test_a_difference_of_another_trial_is_not_said(new_lab: NewLab) -> None:
    study = study_with(new_lab, 0.95, floors((0.06, 0.02, 0.1)))
    found = study.user_attrs[FLOORS]
    study.set_user_attr(FLOORS, {**found, "difference": {**found["difference"], "trial": 77}})
    worth = was_it_worth_it(study)
    assert worth is not None
    assert "6.0 points" not in " ".join(worth.sentences)


def test_it_is_said_when_nothing_has_been_learned(new_lab: NewLab) -> None:
    worth = was_it_worth_it(study_with(new_lab, 0.25, floors(validation=MAJORITY)))
    assert worth is not None
    assert "random forest on simple features" in worth.sentences[-2]
    assert "always answering “low”: it has learned nothing" in worth.sentences[-1]


def test_it_is_said_why_there_is_no_floor(new_lab: NewLab) -> None:
    worth = was_it_worth_it(study_with(new_lab, 0.9, floors(validation=None, why_not="RuntimeError: no memory")))
    assert worth is not None
    assert "was not fitted: RuntimeError: no memory" in worth.sentences[0]
    assert "MiniRocket" not in str(worth.rows)
