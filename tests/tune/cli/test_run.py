"""A run from its settings to its exports: what a resumed one takes up, and what an interrupted one leaves."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.runs import show_into
from tune.config.budget import epochs_for
from tune.core.errors import StudyError
from tune.core.folders import SaveDir
from tune.core.stopping import StopWatch
from tune.run import Finished, open_study, plan, run_study
from tune.study.leases import lease_trial
from tune.study.storage import open_storage, sqlite_url
from tune.study.study import load_study, stored_settings

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab


# What is left to search of the toy, which has neither three axes nor a mirror image.
SUITED = {"rotation": 0.0, "flip": False, "derived_channels": ["none", "differences"]}


class SignalInTheLastFit(StopWatch):
    """Stops like a Ctrl-C in the third step of the last fit."""

    def __init__(self) -> None:
        super().__init__()
        self._n_left = 3

    def check_signal(self) -> None:
        self._n_left -= 1
        if self._n_left < 0:
            self.signal = signal.SIGINT
        super().check_signal()


def run(lab: Lab, stop: StopWatch | None = None, warm_start: str | None = None) -> tuple[Finished, list[str]]:
    """One run, as a new process would make it, and what it said."""
    said: list[str] = []

    storage = open_storage(sqlite_url(lab.place / "tune.db"))
    existing = load_study(storage, lab.name)
    stop = stop or StopWatch()
    context, notes = open_study(storage, lab.folder, lab.settings, existing, lab.splits, warm_start)
    return run_study(context, notes, show=show_into(said), stop=stop), said


def test_the_same_command_with_resume_goes_on_where_something_was_left_out(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 1}, "space": {"shared": {"flip": True}}})
    first, said = run(lab)
    assert first.settings.space["shared"]["flip"] is False
    assert any("flip is left out" in sentence for sentence in said)
    again, said = run(lab, warm_start="another")
    assert again.settings == first.settings
    assert any("--warm-start another" in sentence for sentence in said)


def test_what_is_left_to_the_size_of_the_data_is_stored_in_numbers(new_lab: NewLab) -> None:
    left_to_size = {"training": {"epochs": 0, "patience": 0}}
    lab = new_lab("study", {"search": {"trials": 1}, **left_to_size})
    n_sequences = len(lab.splits.folds[0].train)
    first, said = run(lab)
    expected = epochs_for(n_sequences, 16)
    assert any(f"{n_sequences} sequences to train on: up to {expected} epochs" in sentence for sentence in said)
    stored = first.study.user_attrs["settings"]["training"]
    assert (stored["epochs"], stored["patience"]) == (expected, expected // 2)
    best = json.loads((lab.folder.root / "best_config.json").read_text())
    assert (best["training"]["epochs"], best["training"]["patience"]) == (expected, expected // 2)
    again, _ = run(lab)
    assert again.settings == first.settings


def test_an_interrupted_last_fit_is_said_and_made_up_for(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 1}})
    finished, _ = run(lab, SignalInTheLastFit())
    assert finished.ended.reason == "interrupted"
    assert "evaluations" not in finished.study.user_attrs
    finished, _ = run(lab)
    assert finished.ended.reason == "1 trial finished"
    assert finished.study.user_attrs["evaluations"].keys() == {"0"}


def test_the_test_is_left_to_the_last_process_at_work(new_lab: NewLab) -> None:
    # With brackets it would wait for the other one.
    lab = new_lab("study", {"search": {"trials": 2, "pruner": "none"}, "space": {"shared": SUITED}})
    lease = lease_trial(lab.study(), lab.folder, 2)
    assert lease is not None
    finished, said = run(lab)
    assert finished.ended.reason == "1 trial finished"
    assert "evaluations" not in finished.study.user_attrs
    assert any("left to the last one" in sentence for sentence in said)
    lease.lock.release()
    finished, _ = run(lab)
    assert finished.ended.reason == "2 trials finished"
    assert len(finished.study.user_attrs["evaluations"]) == 1


def test_a_study_without_a_complete_trial_starts_no_other(new_lab: NewLab) -> None:
    lab = new_lab("study")
    lab.study()
    with pytest.raises(StudyError, match="no complete trial to start from"):
        run(replace(lab, name="another"), warm_start=lab.name)


def test_folds_that_are_left_open_are_settled_when_the_study_begins(new_lab: NewLab) -> None:
    """And stay so: an older study has its single split, whatever this version would take."""
    left_open = {"split": {"folds": None}}
    lab = new_lab("study", {"search": {"trials": 1}}, left_open)
    finished, _ = run(lab)
    stored = stored_settings(finished.study)
    assert stored is not None
    assert stored["split"]["folds"] == finished.settings.split.folds == 0
    again, _ = run(lab)
    assert again.settings == finished.settings
    other = new_lab("folds", {"search": {"trials": 1}, "split": {"folds": 2}})
    run(other)
    storage = open_storage(sqlite_url(other.place / "tune.db"))
    _, settings, _ = plan(storage, SaveDir(other.place), other.name, [left_open], resume=True)
    assert settings.split.folds == 2
