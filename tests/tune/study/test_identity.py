"""A study that was deleted, and another one that got its numbers: nothing of the old one is written into the new."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import optuna
import pytest
from optuna import Study
from optuna.trial import TrialState

from tune.core.errors import StorageError, StudyError
from tune.study.storage import open_storage, sqlite_url
from tune.study.store import identity
from tune.study.study import create_study, stored_settings
from tune.training.splits import Splits

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab, NewNotes


def replaced(lab: Lab) -> Study:
    """Deletes the study, as a person does, and begins another one of the same name, which is given the same numbers."""
    before = lab.study()
    optuna.delete_study(study_name=lab.name, storage=f"sqlite:///{lab.place / 'tune.db'}")
    storage = open_storage(sqlite_url(lab.place / "tune.db"))
    study = create_study(storage, lab.folder, lab.settings, lab.splits)
    study.ask()
    assert study._study_id == before._study_id
    return study


def unlearnable(lab: Lab) -> Lab:
    """The study with labels that a network has no class for: every trial fails in its first step."""
    fold = lab.splits.folds[0]
    wrong = replace(fold.train, labels=fold.train.labels + 1, class_names=(*fold.train.class_names, "one too many"))
    return replace(lab, splits=Splits(lab.splits.dataset, lab.splits.split, (replace(fold, train=wrong),)))


@pytest.mark.parametrize("moment", ["epoch_finished", "trial_finished"])
def test_a_worker_stops_when_its_study_is_another_one(
    new_lab: NewLab, new_notes: NewNotes, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    lab, notes, new = new_lab("study"), new_notes(), []
    monkeypatch.setattr(notes, moment, lambda *_: new.append(replaced(lab)))
    with pytest.raises(StorageError, match=r"'toy-gru' was deleted from the database, or replaced"):
        lab.search(observer=notes)
    (study,) = new
    first, *rest = study.get_trials()
    assert first.intermediate_values == {}
    assert "history" not in first.user_attrs
    assert {trial.state for trial in rest} <= {TrialState.WAITING}


def test_a_failure_is_not_told_to_another_study(
    new_lab: NewLab, new_notes: NewNotes, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, notes, new = unlearnable(new_lab("study")), new_notes(), []
    monkeypatch.setattr(notes, "trial_started", lambda *_: new.append(replaced(lab)))
    with pytest.raises(StorageError, match="was deleted"):
        lab.search(observer=notes)
    assert new[0].get_trials()[0].state == TrialState.RUNNING


def test_a_worker_stops_when_its_study_is_gone(
    new_lab: NewLab, new_notes: NewNotes, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, notes = new_lab("study"), new_notes()
    address = f"sqlite:///{lab.place / 'tune.db'}"
    monkeypatch.setattr(notes, "epoch_finished", lambda *_: optuna.delete_study(study_name=lab.name, storage=address))
    with pytest.raises(StorageError, match="was deleted"):
        lab.search(observer=notes)


def test_every_study_has_an_identity_of_its_own(new_lab: NewLab) -> None:
    one, other = new_lab("one").study(), new_lab("other").study()
    assert identity(one) is not None
    assert identity(one) != identity(other)


def foreign(lab: Lab, direction: Literal["minimize", "maximize"] = "maximize", **attributes: Any) -> Study:
    """A study of the same name that was made by hand."""
    study = optuna.create_study(
        storage=open_storage(sqlite_url(lab.place / "tune.db")), study_name=lab.name, direction=direction
    )
    for name, value in attributes.items():
        study.set_user_attr(name, value)
    return study


def test_a_study_that_was_killed_while_it_was_created_is_created(new_lab: NewLab) -> None:
    whole = new_lab("whole").study()
    lab = new_lab("study")
    half = foreign(lab, study_id="0123")
    half.enqueue_trial(whole.get_trials()[0].system_attrs["fixed_params"])
    study = lab.study()
    assert stored_settings(study) is not None
    assert len(study.get_trials()) == len(whole.get_trials())


def test_a_study_of_another_program_is_left_alone(new_lab: NewLab) -> None:
    lab = new_lab("study")
    study = foreign(lab)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(StudyError, match="did not make"):
        lab.study()
    assert study.user_attrs == {}


@pytest.mark.parametrize(("metric", "direction"), [("accuracy", "minimize"), ("loss", "maximize")])
def test_a_study_with_another_direction_is_left_alone(
    new_lab: NewLab, metric: str, direction: Literal["minimize", "maximize"]
) -> None:
    lab = new_lab("study", {"search": {"metric": metric}})
    study = foreign(lab, direction)
    with pytest.raises(StudyError, match=f"is to {direction}, and {metric} is to"):
        lab.study()
    assert study.user_attrs == {}
