"""Many writes as one: all there, or none, and others see nothing of them before."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.tune.conftest import NewLab
from tune.study.store import one_transaction


def test_all_is_stored_at_the_end_and_others_see_nothing_before(new_lab: NewLab) -> None:
    lab = new_lab("many")
    study, other = lab.study(), lab.study()
    trial = study.ask()
    with one_transaction(study):
        x = trial.suggest_float("x", 0, 1)
        trial.set_user_attr("note", {"c": "ü"})
        study.tell(trial, 0.5)
        assert other.get_trials()[trial.number].state == TrialState.RUNNING
    for seen in (study.get_trials()[trial.number], other.get_trials()[trial.number]):
        assert (seen.params, seen.value, seen.user_attrs["note"]) == ({"x": x}, 0.5, {"c": "ü"})


def test_what_goes_wrong_undoes_all_of_it(new_lab: NewLab) -> None:
    lab = new_lab("none")
    study = lab.study()
    trial = study.ask()
    before = dict(lab.study().get_trials()[trial.number].user_attrs)

    def store_half() -> None:
        with one_transaction(study):
            trial.set_user_attr("good", 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store_half()
    assert lab.study().get_trials()[trial.number].user_attrs == before
    trial.set_user_attr("after", 2)
    assert lab.study().get_trials()[trial.number].user_attrs == {**before, "after": 2}


def test_a_second_writer_waits_its_turn(new_lab: NewLab) -> None:
    lab = new_lab("two")
    study, other = lab.study(), lab.study()
    trial, theirs = study.ask(), other.ask()
    with one_transaction(study):
        trial.set_user_attr("mine", 1)
    with one_transaction(other):
        theirs.set_user_attr("theirs", 2)
    attributes = [trial.user_attrs for trial in lab.study().get_trials()[-2:]]
    assert (attributes[0]["mine"], attributes[1]["theirs"]) == (1, 2)


def test_nothing_else_touches_optunas_private_parts() -> None:
    private = re.compile(r"(?<!self)\._(storage|trial_id|study_id|backend)\b|optuna\S*\._(rdb|cached)")
    root = Path(__file__).parents[3]
    touching = {
        str(path.relative_to(root))
        for package in ("data", "models", "tune")
        for path in (root / package).rglob("*.py")
        if private.search(path.read_text())
    }
    assert touching == {"tune/study/store.py"}
