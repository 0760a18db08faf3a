"""What a confirmation says for people."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial

from tests.report_facts import confirmation
from tune.config.settings import resolve
from tune.search.confirmation import describe_confirmation, points, runs_of, sentences
from tune.search.racing import NO_TIME, NOT_FINITE, Candidate, Standing, standing
from tune.study.ended import REPETITION
from tune.study.selection import is_confirmation
from tune.study.study import RUN_OF


@pytest.mark.parametrize(("n_seeds", "hint"), [(1, False), (2, True), (3, True), (5, False)])
def test_few_seeds_are_no_proof_of_equality(n_seeds: int, hint: bool) -> None:
    found = confirmation(3, cut_short=False, random_split=None)
    for one in found["configurations"]:
        one["scores"] = [one["mean"]] * n_seeds
    (said,) = [sentence for sentence in sentences(found) if "does not differ significantly from trial 0" in sentence]
    assert ("say little of how seeds differ" in said) == hint


@pytest.mark.parametrize(("n_seeds", "said"), [(1, "one seed is too few to tell"), (3, "it repeated in full")])
def test_one_seed_does_not_show_that_a_score_repeats(n_seeds: int, said: str) -> None:
    found = confirmation(3, cut_short=False, random_split=None, luck=-0.01)
    found["configurations"][0]["scores"] = [0.96] * n_seeds
    assert said in " ".join(sentences(found))


def study_of(
    direction: Literal["maximize", "minimize"], trials: list[tuple[float | None, dict[str, Any]]]
) -> optuna.Study:
    """A study in memory whose trials have these values, or were pruned."""
    study = optuna.create_study(direction=direction)
    for value, attributes in trials:
        state = TrialState.PRUNED if value is None else TrialState.COMPLETE
        study.add_trial(create_trial(state=state, value=value, user_attrs=attributes))
    return study


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["accuracy", "loss"]),
    st.lists(st.sampled_from([0.5, 0.6, 0.7, 0.8, 0.9]), min_size=1, max_size=4),
    st.lists(st.sampled_from([None, 0.1, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]), min_size=12, max_size=12),
    st.none() | st.floats(0.5, 15),
    st.integers(0, 12),
)
def test_no_sentence_calls_something_the_best_that_is_not(
    metric: str, in_search: list[float], fresh: list[float | None], limit: float | None, n_runs: int
) -> None:
    tuned = resolve({"search": {"metric": metric}, "confirmation": {"seeds": 3}})
    maximize = tuned.direction == "maximize"
    sign = 1 if maximize else -1
    in_search.sort(reverse=maximize)
    these = [Candidate(number, "search", score, 1.0 + number) for number, score in enumerate(in_search)]
    study = study_of(tuned.direction, [(score, {"n_parameters": 10}) for score in in_search])
    runs: dict[tuple[int, int], float | None] = {}
    while (stood := standing(these, runs, 3, maximize=maximize, limit=limit)).missing and len(runs) < n_runs:
        runs |= {run: fresh[3 * run[0] + run[1]] for run in stood.missing[: n_runs - len(runs)]}
    made: list[tuple[float | None, dict[str, Any]]]
    made = [(score, {RUN_OF: a, REPETITION: b, "accuracy_gap": 0.0}) for (a, b), score in runs.items()]
    found = describe_confirmation(study, study_of(tuned.direction, made), tuned, these, stood)
    wrong = {trial for (trial, _), score in runs.items() if score is None}
    scored = {trial for trial, repetition in runs if repetition == 0} - wrong
    assert (found is None) == (not scored or not {0} & (scored | wrong))
    if found is None:
        return
    assert is_confirmation(json.loads(json.dumps(found)))
    by_trial = {one["trial"]: one for one in found["configurations"]}
    winner, leader = by_trial[found["winner"]], by_trial[0]
    for one in found["configurations"]:
        beats_in_search = sign * one["search_score"] > sign * winner["search_score"]
        assert not (beats_in_search and one["mean"] is not None and sign * one["mean"] > sign * winner["mean"])
    for said in found["sentences"]:
        if match := re.match(r"Trial (\d+), the best of the search", said):
            assert match[1] == "0"
        if match := re.match(r"Trial (\d+) is better with fresh seeds", said):
            assert int(match[1]) == winner["trial"]
            assert sign * winner["mean"] > sign * leader["mean"]
        if said.startswith("It is better than trial"):
            assert sign * found["runner_up"]["difference"] > 0
    assert ("is out: a run of it" in " ".join(found["sentences"])) == (leader["mean"] is None)


def test_less_than_nothing_has_a_minus_as_everywhere() -> None:
    assert (points(-0.465, "accuracy"), points(-0.1, "loss")) == ("−46.5 points", "−0.1000")


def test_a_run_without_a_finite_score_has_gone_wrong() -> None:
    attributes = {RUN_OF: 0, REPETITION: 0, "accuracy_gap": 0.0}
    assert runs_of(study_of("minimize", [(float("inf"), attributes)])) == {(0, 0): None}


def test_a_leader_whose_runs_went_wrong_is_said_to_be_out() -> None:
    tuned = resolve({"confirmation": {"seeds": 1}})
    these = [Candidate(0, "search", 0.9, 1.0), Candidate(1, "search", 0.8, 1.0)]
    study = study_of("maximize", [(0.9, {"n_parameters": 10}), (0.8, {"n_parameters": 10})])
    made: list[tuple[float | None, dict[str, Any]]]
    made = [(None, {RUN_OF: 0, REPETITION: 0}), (0.7, {RUN_OF: 1, REPETITION: 0, "accuracy_gap": 0.0})]
    stood = Standing((), {0: (0, NOT_FINITE)})
    found = describe_confirmation(study, study_of("maximize", made), tuned, these, stood)
    assert found is not None
    assert found["winner"] == 1
    assert found["sentences"][:2] == [
        "Trial 0, the best of the search, is out: a run of it with a fresh seed went wrong.",
        "Trial 1 is the one to use: 70.00% on average with fresh seeds.",
    ]


def test_a_stored_confirmation_that_passed_the_leader_over_is_none() -> None:
    """Earlier versions ran what was quicker where there was no time for the search's best."""
    found = confirmation(3)
    assert is_confirmation(found)
    found["configurations"][0] |= {"scores": [], "mean": None, "dropped_after": 0, "dropped_because": NO_TIME}
    assert not is_confirmation(found)
    others: list[object] = [None, {}, {"configurations": []}, "none"]
    assert not any(map(is_confirmation, others))
