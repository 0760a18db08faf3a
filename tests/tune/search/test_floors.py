"""What tuning has to beat comes before the first trial, and is handed over where nothing beats it."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest
import torch
from optuna.trial import TrialState
from sqlalchemy import text

from tests import processes
from tests.runs import searched_and_judged
from tune.core.errors import StudyError
from tune.core.folders import StudyFolder
from tune.core.stopping import StopWatch
from tune.deploy.test_recordings import note_use
from tune.diagnosis.opening import of_trial
from tune.report.exports import describe_best, write_best
from tune.report.outputs import write_exports
from tune.run import Finished, exported
from tune.search.floors import share_floors
from tune.study.companions import find_companion
from tune.study.context import RunContext
from tune.study.floors import FLOOR, FLOORS, floor_study, stored_floors
from tune.study.selection import floor_is_unbeaten, selected, selected_trial
from tune.study.storage import open_storage, sqlite_url
from tune.study.store import engine_of
from tune.study.study import FLOOR_OF, load_study, resume_study
from tune.study.tested import evaluation_of, times_test_was_used
from tune.study.trial_files import load_weights
from tune.training.model_folder import load_model
from tune.training.predictions import unpack

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab, StopAfter

# What the toy has no use for.
WITHOUT = {
    "normalisation": "global",
    "derived_channels": "none",
    "flip": False,
    "rotation": 0.0,
    "class_balance": "none",
}
# A network of one step that has learned nothing, beside a floor that can do the toy.
LEARNS_NOTHING: dict[str, Any] = {
    "search": {"trials": 2, "floors": True, "ensemble": 0},
    "training": {"epochs": 1},
    "space": {
        "shared": {"learning_rate": 1e-6, **WITHOUT},
        "minirocket": {"n_features": 840},
    },
}
# A floor that sees each sequence by itself does not know its level; the classes of the toy are levels.
FLOOR_IS_BLIND: dict[str, Any] = {
    "search": {"trials": 2, "floors": True, "ensemble": 0},
    "training": {"epochs": 12, "patience": 12},
    "space": {
        "shared": {"learning_rate": 2e-2, "batch_size": 8, **WITHOUT},
        "minirocket": {"n_features": 84, "receptive_field": 9},
    },
}


def run(lab: Lab, stop: StopWatch | None = None, *, with_exports: bool = False) -> tuple[Finished, list[str]]:
    """One run, as a new process would make it, and what it said; the exports take longer than all the rest."""
    finished, said = searched_and_judged(lab, stop)
    return exported(finished) if with_exports else finished, said


NewDone = Callable[[dict[str, Any]], "Lab"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where finished studies are kept for the next test, which gets a copy."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def new_done(new_lab: NewLab, kept: Path) -> NewDone:
    """Makes a finished study with its exports: ``new_done(LEARNS_NOTHING)``."""

    def make(layer: dict[str, Any]) -> Lab:
        lab, place = new_lab("done", layer), kept / str(layer["training"]["epochs"])
        if not place.exists():
            run(lab, with_exports=True)
            shutil.copytree(lab.place, place)
        shutil.copytree(place, lab.place, dirs_exist_ok=True)
        return lab

    return make


def best_config(lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((lab.folder.root / "best_config.json").read_text())
    return found


def floor_of(lab: Lab) -> optuna.Study:
    found = find_companion(lab.study(), FLOOR_OF)
    assert found is not None
    return found


def test_a_floor_that_nothing_beats_is_handed_over(new_done: NewDone) -> None:
    lab = new_done(LEARNS_NOTHING)
    floors = stored_floors(lab.study())
    assert floors is not None
    assert floors["minirocket"] is not None
    assert floors["minirocket"]["validation"] is not None
    assert floors["minirocket"]["test"] is not None
    assert floors["minirocket"]["validation"]["accuracy"] > 0.8
    best = best_config(lab)
    assert (best["architecture"], best["study"]) == (FLOOR, "toy-gru-floor")
    assert best["floors"]["selected"] == FLOOR
    stored = load_model(lab.folder.root / "best_model")
    test = lab.splits.folds[0].test
    assert test is not None
    accuracy = float((stored.logits(test).argmax(dim=1) == test.labels).double().mean())
    assert stored.description.architecture == FLOOR
    assert accuracy == pytest.approx(floors["minirocket"]["test"]["accuracy"])
    assert best["scores"]["test"]["accuracy"] == pytest.approx(accuracy)
    report = (lab.folder.root / "report.md").read_text()
    assert report.index("Was tuning worth it?\n\nNo. MiniRocket") < report.index("Which network?")
    assert "Use MiniRocket" in report
    assert "Use MiniRocket" in (lab.folder.root / "report.html").read_text()
    # The study's own trials, weights and table stay as they are.
    chosen = selected_trial(lab.study())
    assert chosen is not None
    context = RunContext(lab.study(), lab.settings, lab.splits, lab.folder, torch.device("cpu"))
    assert any("not this network but MiniRocket" in note for note in of_trial(context, chosen, "validation").notes)
    assert load_weights(lab.folder, chosen, 1) is not None
    assert len((lab.folder.root / "trials.csv").read_text().splitlines()) == 3


def test_an_export_of_the_floor_is_a_use_of_the_test_part(new_done: NewDone) -> None:
    lab = new_done(LEARNS_NOTHING)
    assert best_config(lab)["times_test_was_used"] == 1
    assert note_use(floor_of(lab), 0, "export")
    write_best(floor_of(lab), lab.settings, StudyFolder(lab.place, "toy-gru-floor"))
    assert best_config(lab)["times_test_was_used"] == 2
    assert not (lab.place / "toy-gru-floor" / "best_config.json").exists()


def test_a_better_network_is_handed_over(new_done: NewDone) -> None:
    lab = new_done(FLOOR_IS_BLIND)
    best = best_config(lab)
    assert best["architecture"] == "gru"
    assert best["floors"]["selected"] is None
    assert best["floors"]["minirocket"]["validation"]["accuracy"] < best["value"]
    assert load_model(lab.folder.root / "best_model").description.architecture == "gru"
    assert "# Was tuning worth it?\n\nNo" not in (lab.folder.root / "report.md").read_text()
    assert "Use the gru of trial" in (lab.folder.root / "report.md").read_text()


@pytest.mark.parametrize("layer", [LEARNS_NOTHING, FLOOR_IS_BLIND])
def test_the_paired_difference_is_that_of_the_networks_that_were_tested(
    new_done: NewDone, layer: dict[str, Any]
) -> None:
    lab = new_done(layer)
    study, floor, test = lab.study(), floor_of(lab), lab.splits.folds[0].test
    floors = stored_floors(study)
    assert floors is not None
    assert floors["difference"] is not None
    assert test is not None
    right = []
    for one in (study, floor):
        found = evaluation_of(one.user_attrs, selected_trial(one))
        (packed,) = found["correct"]
        right.append(unpack(packed, len(test)))
        assert right[-1].mean() == pytest.approx(found["test"]["accuracy"])
    own, theirs = right
    n = len(test) + 2
    n_gained, n_lost = int((own & ~theirs).sum()) + 0.5, int((~own & theirs).sum()) + 0.5
    mean = (n_gained - n_lost) / n
    half = 1.959964 * math.sqrt((n_gained + n_lost) - (n_gained - n_lost) ** 2 / n) / n
    assert floors["difference"]["difference"] == pytest.approx(own.mean() - theirs.mean())
    assert floors["difference"]["over"] == "sequences"
    assert floors["difference"]["interval_95"] == pytest.approx([max(mean - half, -1), min(mean + half, 1)], abs=1e-6)


def test_what_the_test_part_says_selects_nothing(new_done: NewDone) -> None:
    lab = new_done(FLOOR_IS_BLIND)
    study = lab.study()
    floors = dict(study.user_attrs[FLOORS])
    before = selected(study, lab.settings, lab.folder)
    floors["minirocket"] = {**floors["minirocket"], "test": {"accuracy": 1.0, "macro_f1": 1.0, "loss": 0.0}}
    study.set_user_attr(FLOORS, {**floors, "difference": {**floors["difference"], "difference": -1.0}})
    after = selected(lab.study(), lab.settings, lab.folder)
    assert before is not None
    assert after is not None
    assert before.trial == after.trial
    assert times_test_was_used(study.user_attrs) == times_test_was_used(floor_of(lab).user_attrs) == 1


def test_equal_is_not_better_and_the_metric_decides(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 1, "floors": True, "metric": "loss"}})
    lab.search()
    study = lab.study()
    trial = selected_trial(study)
    assert trial is not None
    for loss, is_unbeaten in ((trial.values[0], True), (trial.values[0] - 0.01, True), (trial.values[0] + 0.01, False)):
        scores = {"accuracy": 1.0, "macro_f1": 1.0, "loss": loss}
        study.set_user_attr(FLOORS, made_up(scores))
        assert floor_is_unbeaten(study) == is_unbeaten
    assert not floor_is_unbeaten(lab.with_settings({"search": {"floors": False}}).study())


def made_up(scores: dict[str, float] | None) -> dict[str, Any]:
    """Floors as they are on record."""
    floor = {"study": "none", "of": "none", "validation": scores, "test": None, "n_parameters": 9, "seconds": 0.1}
    majority = {"name": "low", "validation": {"accuracy": 0.3, "macro_f1": 0.2, "loss": 1.1}, "test": None}
    forest = {**majority, "seconds": 0.1}
    del forest["name"]
    return {"majority": majority, "forest": forest, "minirocket": {**floor, "why_not": ""}, "difference": None}


def test_interrupted_floors_go_on_and_come_out_the_same(new_lab: NewLab, stop_after: type[StopAfter]) -> None:
    whole, broken = new_lab("whole", LEARNS_NOTHING), new_lab("broken", LEARNS_NOTHING)
    run(whole)
    finished, _ = run(broken, stop_after(0))
    assert finished.ended.reason == "interrupted"
    study = broken.study()
    assert not study.get_trials() or all(trial.state == TrialState.WAITING for trial in study.get_trials())
    (left,) = floor_of(broken).get_trials()
    assert left.state == TrialState.RUNNING
    run(broken)
    (done,), (expected,) = floor_of(broken).get_trials(), floor_of(whole).get_trials()
    assert (done.values, done.params) == (expected.values, expected.params)
    both: list[dict[str, Any]] = [dict(stored_floors(lab.study()) or {}) for lab in (whole, broken)]
    for floors in both:
        floors["minirocket"] = {**floors["minirocket"], "of": "", "seconds": 0.0}
        floors["forest"] = {**floors["forest"], "seconds": 0.0}
    assert both[0] == both[1]


def test_a_floor_has_half_of_the_time_and_is_made_up_for(new_lab: NewLab) -> None:
    lab, stop = new_lab("hurried", LEARNS_NOTHING), StopWatch(1e-3)
    _, said = run(lab, stop)
    assert stop.seconds_left == 0
    floors = stored_floors(lab.study())
    assert floors is not None
    assert floors["minirocket"] is None
    assert any("had no time; --resume" in sentence for sentence in said)
    run(lab)
    floors = stored_floors(lab.study())
    assert floors is not None
    assert floors["minirocket"] is not None


def test_floors_are_fitted_once_and_said_every_time(new_done: NewDone) -> None:
    lab = new_done(LEARNS_NOTHING)
    (before,) = floor_of(lab).get_trials()
    _, said = run(lab.with_settings({"search": {"trials": 3}}))
    (after,) = floor_of(lab).get_trials()
    assert before == after
    (line,) = [sentence for sentence in said if sentence.startswith("To beat: ")]
    assert "MiniRocket" in line
    assert "majority class 33.33%" in line


def test_a_study_that_began_without_floors_goes_on_without(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 1}, "space": {"shared": WITHOUT}})
    study = lab.study()
    stored = study.user_attrs["settings"]
    del stored["search"]["floors"]
    study.set_user_attr("settings", stored)
    _, said = run(lab, with_exports=True)
    assert not any(sentence.startswith("To beat: ") for sentence in said)
    assert find_companion(lab.study(), FLOOR_OF) is None
    assert "floors" not in best_config(lab)
    assert "Was tuning worth it?" not in (lab.folder.root / "report.md").read_text()
    _, said = run(lab.with_settings({"search": {"floors": True}}))
    assert any(sentence.startswith("To beat: ") for sentence in said)
    assert find_companion(lab.study(), FLOOR_OF) is not None


def test_the_command_line_leaves_an_older_study_without_floors(tmp_path: Path) -> None:
    common = (*(one for one in processes.SMALL if "floors" not in one), f"--save-dir={tmp_path}", "--study-name=old")
    processes.run(*common, "--no-floors", "--trials=1")
    with engine_of(open_storage(sqlite_url(tmp_path / "tune.db"))).begin() as connection:
        query = "UPDATE study_user_attributes SET value_json = replace(value_json, '\"floors\": false, ', '')"
        connection.execute(text(query))
    study = load_study(open_storage(sqlite_url(tmp_path / "tune.db")), "old")
    assert study is not None
    assert "floors" not in study.user_attrs["settings"]["search"]
    output, _ = processes.run(*common, "--resume", "--trials=2")
    assert "To beat" not in output
    assert "2 trials finished" in output
    output, _ = processes.run("export", f"--save-dir={tmp_path}", "--study-name=old")
    assert "Written" in output
    assert not (tmp_path / "old-floor").exists()


def test_a_floor_over_a_cap_is_not_handed_over(new_lab: NewLab) -> None:
    lab = new_lab("study", LEARNS_NOTHING, {"search": {"max_parameters": 2_000}})
    run(lab, with_exports=True)
    floors = stored_floors(lab.study())
    assert floors is not None
    assert floors["minirocket"] is not None
    assert floors["minirocket"]["validation"] is None
    assert "more than max_parameters allows" in floors["minirocket"]["why_not"]
    assert best_config(lab)["architecture"] == "gru"
    assert "was not fitted" in (lab.folder.root / "report.md").read_text()
    _, said = run(lab.with_settings({"search": {"trials": 3}}))
    assert len(floor_of(lab).get_trials()) == 1, said


def test_with_two_objectives_the_floor_is_shown_only(new_lab: NewLab) -> None:
    lab = new_lab("study", LEARNS_NOTHING, {"search": {"second_objective": "parameters"}})
    run(lab, with_exports=True)
    assert stored_floors(lab.study()) is not None
    assert best_config(lab)["architecture"] == "gru"
    assert "With two objectives" in (lab.folder.root / "report.md").read_text()


def test_a_floor_stands_in_for_a_search_without_a_score(new_lab: NewLab) -> None:
    lab = new_lab("study", LEARNS_NOTHING)
    finished, _ = run(lab, Late(), with_exports=True)
    assert selected_trial(finished.study) is None
    assert best_config(lab)["architecture"] == FLOOR
    assert "no trial has a score" in (lab.folder.root / "report.md").read_text()


class Late(StopWatch):
    """Time is up once the floor is fitted: it is asked before every step."""

    def __init__(self) -> None:
        super().__init__()
        self._n_asked = 0

    @property
    def reason(self) -> str | None:
        self._n_asked += 1
        return "time is up" if self._n_asked > 3 else None


def test_minirocket_itself_has_the_majority_class_to_beat(new_lab: NewLab) -> None:
    itself = {"architecture": FLOOR, "space": {FLOOR: {"receptive_field": 9}}}
    lab = replace(new_lab("study", LEARNS_NOTHING, itself), name="toy-minirocket")
    run(lab, with_exports=True)
    floors = stored_floors(lab.study())
    assert floors is not None
    assert floors["minirocket"] is None
    assert find_companion(lab.study(), FLOOR_OF) is None
    assert best_config(lab)["study"] == "toy-minirocket"


def test_studies_of_the_same_data_share_their_floors(new_done: NewDone) -> None:
    first = new_done(LEARNS_NOTHING)
    second = replace(first.with_settings({"architecture": "lstm", "search": {"trials": 1}}), name="toy-lstm")
    share_floors(second.context(), first.study())
    run(second, with_exports=True)
    assert find_companion(second.study(), FLOOR_OF) is None
    shared = floor_study(second.study())
    assert shared is not None
    assert shared.study_name == "toy-gru-floor"
    assert best_config(second)["study"] == "toy-gru-floor"


def test_a_floor_is_no_study_to_go_on_with(new_done: NewDone) -> None:
    lab = new_done(LEARNS_NOTHING)
    with pytest.raises(StudyError, match=r"floor of 'toy-gru'.*--study-name toy-gru"):
        resume_study(floor_of(lab), lab.settings, lab.splits)


def test_somebody_elses_study_of_that_name_is_left_alone(new_lab: NewLab) -> None:
    lab = new_lab("study", LEARNS_NOTHING)
    storage = open_storage(sqlite_url(lab.place / "tune.db"))
    optuna.create_study(storage=storage, study_name="toy-gru-floor")
    run(lab)
    assert floor_of(lab).study_name == "toy-gru-floor-2"
    theirs = load_study(storage, "toy-gru-floor")
    assert theirs is not None
    assert not theirs.get_trials()
    assert not theirs.user_attrs


SMALL = (*(one for one in processes.SMALL if "floors" not in one), "--set=space.minirocket.n_features=840")


def test_workers_find_the_floors_done(tmp_path: Path) -> None:
    output, _ = processes.run(*SMALL, f"--save-dir={tmp_path}", "--study-name=two", "--trials=2", "--workers=2")
    assert output.count("To beat: ") == 1
    so_far, whole = output.index("To beat so far: random forest"), output.index("To beat: MiniRocket")
    assert so_far < whole < output.index("trial 0")
    study = load_study(open_storage(sqlite_url(tmp_path / "tune.db")), "two-floor")
    assert study is not None
    assert [trial.state for trial in study.get_trials()] == [TrialState.COMPLETE]


def test_killed_in_the_floor_and_gone_on_with(tmp_path: Path) -> None:
    common = (*SMALL, f"--save-dir={tmp_path}", "--study-name=killed", "--trials=1")
    process = processes.start(*common)
    storage, deadline = None, time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        if storage is None and (tmp_path / "killed-floor").is_dir():
            storage = open_storage(sqlite_url(tmp_path / "tune.db"))
        study = None if storage is None else load_study(storage, "killed-floor")
        if study is not None and study.get_trials(states=(TrialState.RUNNING, TrialState.COMPLETE)):
            break
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    output, _ = processes.run(*common, "--resume")
    assert "To beat: MiniRocket" in output
    study = load_study(open_storage(sqlite_url(tmp_path / "tune.db")), "killed-floor")
    assert study is not None
    assert [trial.state for trial in study.get_trials()] == [TrialState.COMPLETE]
    output, _ = processes.run("status", "--check", f"--save-dir={tmp_path}")
    assert "All is well" in output


def test_what_is_handed_over_can_be_described_at_any_time(new_done: NewDone) -> None:
    lab = new_done(LEARNS_NOTHING)
    described = json.loads(json.dumps(describe_best(lab.study(), lab.settings, lab.folder)))
    assert described == best_config(lab)


def test_exports_bring_the_tables_of_its_companions_up_to_date(new_done: NewDone) -> None:
    lab = new_done(LEARNS_NOTHING)
    table = lab.place / floor_of(lab).study_name / "trials.csv"
    expected = table.read_text()
    table.write_text("number,state\n0,complete\n")  # As a version with fewer columns left it.
    write_exports(lab.study(), lab.settings, lab.folder)
    assert table.read_text() == expected
