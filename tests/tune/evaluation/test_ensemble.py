"""The mean of several networks is handed over where validation is for it, and made as what it is made of is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from optuna.trial import TrialState

from data.sequences import SequenceDataset
from tests import processes
from tests.runs import searched_and_judged
from tests.tune.conftest import make_parts
from tune.core.stopping import StopWatch
from tune.diagnosis.opening import of_trial
from tune.evaluation.ensemble import choose, fit_members, preference
from tune.evaluation.last_fit import LARGEST_SHARE, seconds_for_members
from tune.report.exports import write_best, write_best_model
from tune.run import exported, judge
from tune.study.companions import find_companion
from tune.study.floors import FLOOR
from tune.study.selection import ENSEMBLE, chosen_score, ensemble_of, network_score, selected, selected_trial
from tune.study.storage import open_storage, sqlite_url
from tune.study.stored import Candidate
from tune.study.study import CONFIRMS, load_study
from tune.study.tested import evaluation_of, times_test_was_used
from tune.training.model_folder import load_model

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tune.conftest import Lab, NewLab, NewStop

# By their loss the mean of several networks is always better than they are on average: Jensen's inequality.
AVERAGED: dict[str, Any] = {
    "search": {"trials": 2, "metric": "loss", "pruner": "none", "ensemble": 3},
    "training": {"epochs": 3, "patience": 3},
    "confirmation": {"configurations": 1, "seeds": 3, "time_share": None},
    "space": {
        "shared": {
            "derived_channels": ["none", "differences"],
            "flip": False,
            "rotation": 0.0,
            "class_balance": "none",
        },
        FLOOR: {"n_features": 84, "receptive_field": 9},
    },
}
WITH_FLOORS: dict[str, Any] = {"search": {"floors": True}}


def record(lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = lab.study().user_attrs[ENSEMBLE]
    return found


MINIROCKET: Candidate = {"networks": 0, "minirocket": True, "score": 0.8, "loss": 0.55}
MEAN: Candidate = {"networks": 4, "minirocket": True, "score": 0.8, "loss": 0.5}


def test_part(lab: Lab) -> SequenceDataset:
    test = lab.splits.folds[0].test
    assert test is not None
    return test


test_part.__test__ = False  # type: ignore[attr-defined]


class StopAfterSteps(StopWatch):
    """A signal that arrives before a step of the last fits."""

    def __init__(self, n_steps: int) -> None:
        super().__init__()
        self.n_steps, self.n_taken = n_steps, 0

    def check_signal(self) -> None:
        self.n_taken += 1
        if self.n_taken > self.n_steps:
            self.signal = signal.SIGINT
        super().check_signal()


NewDone = Callable[..., "Lab"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where finished studies are kept for the next test, which gets a copy."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def new_done(new_lab: NewLab, kept: Path) -> NewDone:
    """Makes a finished study: ``new_done("name", AVERAGED, …)``."""

    def make(name: str, *layers: dict[str, Any]) -> Lab:
        lab, place = new_lab(name, *layers), kept / name
        if not place.exists():
            searched_and_judged(lab)
            shutil.copytree(lab.place, place)
        shutil.copytree(place, lab.place, dirs_exist_ok=True)
        return lab

    return make


def undone(lab: Lab, n_members: int, **changes: Any) -> dict[str, Any]:
    """Leaves a finished study as it was when so many members were fitted; returns what it had come to."""
    found = record(lab)
    left = {name: found[name] for name in found if name not in ("n_parameters", "test", "correct", "difference")}
    lab.study().set_user_attr(ENSEMBLE, {**left, "members": found["members"][:n_members], **changes})
    return found


def test_the_mean_of_several_is_handed_over(new_done: NewDone) -> None:
    lab = new_done("averaged", AVERAGED)
    exported(searched_and_judged(lab)[0])
    study, found = lab.study(), record(lab)
    single, mean = found["candidates"]
    assert (single["networks"], mean["networks"], mean["minirocket"]) == (1, 3, False)
    assert mean["score"] < single["score"]
    assert found["chosen"] == mean
    assert single["score"] == network_score(study)
    assert chosen_score(study) == mean["score"]
    assert len({one["seed"] for one in found["members"]}) == 3
    assert len({one["sha256"] for one in found["members"]}) == 3
    # What is given away is what was tested.
    model, test = load_model(lab.folder.root / "best_model"), test_part(lab)
    logits = model.logits(test)
    assert torch.allclose(logits.exp().sum(dim=1), torch.ones(len(test)), atol=1e-5)
    loss = float(torch.nn.functional.cross_entropy(logits, test.labels))
    assert loss == pytest.approx(found["test"]["loss"], rel=1e-4)
    assert len(model.description.members) == 3
    best = json.loads((lab.folder.root / "best_config.json").read_text())
    assert best["scores"]["test"]["loss"] == found["test"]["loss"]
    assert best["value"] == mean["score"]
    assert best["n_parameters"] == found["n_parameters"] == 3 * selected_trial(study).user_attrs["n_parameters"]  # type: ignore[union-attr]
    assert [one["architecture"] for one in best["ensemble"]["members"]] == ["gru"] * 3
    assert best["ensemble"]["single_network"]["test"]["loss"] != found["test"]["loss"]
    assert times_test_was_used(study.user_attrs) == 1
    report = (lab.folder.root / "report.md").read_text()
    number = found["trial"]
    assert f"Use the mean of 3 networks of trial {number}" in report
    assert "with a single network" in report
    # All of it can be made again from the database.
    before = (lab.folder.root / "best_model" / "weights.safetensors").read_bytes()
    write_best(lab.study(), lab.settings, lab.folder)
    write_best_model(lab.study(), lab.settings, lab.folder)
    assert (lab.folder.root / "best_model" / "weights.safetensors").read_bytes() == before
    assert json.loads((lab.folder.root / "best_config.json").read_text()) == best
    # Whoever comes next finds it done.
    searched_and_judged(lab)
    assert record(lab) == found


def test_off_is_as_without_any_of_it(new_done: NewDone, new_lab: NewLab) -> None:
    averaged, plain = new_done("averaged", AVERAGED), new_lab("plain", AVERAGED, {"search": {"ensemble": 0}})
    searched_and_judged(plain)
    assert ENSEMBLE not in plain.study().user_attrs
    assert plain.study().user_attrs["evaluations"] == averaged.study().user_attrs["evaluations"]
    runs = find_companion(plain.study(), CONFIRMS)
    assert runs is not None
    assert len([*(plain.place / runs.study_name).glob("trials/*/weights.safetensors")]) == 1
    write_best_model(plain.study(), plain.settings, plain.folder)
    assert load_model(plain.folder.root / "best_model").description.architecture == "gru"
    # Who has one and wants none any more is given the single network.
    off = averaged.with_settings({"search": {"ensemble": 0}})
    assert ensemble_of(off.study()) is None


def test_interrupted_in_its_fits_it_ends_with_the_same_bits(new_done: NewDone, new_lab: NewLab) -> None:
    whole, stopped = new_done("averaged", AVERAGED), new_lab("stopped", AVERAGED)
    counts = StopAfterSteps(10**9)
    fit_members(_with_nothing_fitted(whole).context(), counts, lambda sentence: None)
    for n_steps in (1, counts.n_taken // 2, counts.n_taken - 2):
        finished, _ = searched_and_judged(stopped, StopAfterSteps(n_steps))
        assert finished.ended.reason == "interrupted"
        assert ensemble_of(stopped.study()) is None
        assert selected(stopped.study(), stopped.settings, stopped.folder) is not None
    searched_and_judged(stopped)
    expected, found = (
        {name: value for name, value in record(lab).items() if name not in ("latency_ms", "members")}
        for lab in (whole, stopped)
    )
    assert found == expected
    digests = [[one["sha256"] for one in record(lab)["members"]] for lab in (whole, stopped)]
    assert digests[0] == digests[1]
    assert not [*stopped.folder.root.rglob("*refit-*.ckpt")]


def _with_nothing_fitted(lab: Lab) -> Lab:
    undone(lab, 0)
    return lab


def test_a_member_that_is_there_is_not_fitted_again(new_done: NewDone) -> None:
    lab = new_done("averaged", AVERAGED)
    found = undone(lab, 2)
    said: list[str] = []
    fit_members(lab.context(), StopWatch(), said.append)
    assert [sentence for sentence in said if "trained again" in sentence] == [
        f"Trial {found['trial']} is trained again for the mean of several networks: 3 of 3"
    ]
    assert record(lab)["test"] == found["test"]


def test_what_there_is_no_time_for_is_left_away_and_said(new_done: NewDone) -> None:
    lab = new_done("averaged", AVERAGED)
    found = undone(lab, 0)
    said: list[str] = []
    fit_members(lab.context(), StopWatch(1e-9), said.append)
    assert "no time for more than 1 of 3 networks" in said[0]
    assert "a single one is handed over" in said[1]
    assert ensemble_of(lab.study()) is None
    # One that was fitted before the time was up counts.
    lab.study().set_user_attr(ENSEMBLE, {**record(lab), "members": found["members"][:2]})
    fit_members(lab.context(), StopWatch(1e-9), said.append)
    two = ensemble_of(lab.study())
    assert two is not None
    assert [one["share"] for one in two["members"]] == [0.5, 0.5]


def test_no_large_share_of_the_time_is_kept_back_for_it(new_lab: NewLab) -> None:
    settings = new_lab("study", AVERAGED, {"search": {"timeout_seconds": 100.0}}).settings
    assert seconds_for_members(settings, 4.0) == 8.0
    assert seconds_for_members(settings, 40.0) == LARGEST_SHARE * 100
    without_limit = new_lab("other", AVERAGED).settings
    assert seconds_for_members(without_limit, 4.0) == 0.0


def test_the_test_part_chooses_nothing(new_done: NewDone) -> None:
    lab = new_done("loss", AVERAGED, WITH_FLOORS)
    found, (fold,) = record(lab), lab.splits.folds
    assert fold.test is not None
    other = replace(fold.test, labels=fold.test.labels.roll(1))
    lab.study().set_user_attr(ENSEMBLE, {**found, "most": 99})
    splits = replace(lab.splits, folds=(replace(fold, test=other),))
    choose(replace(lab, splits=splits).context())
    for name in ("most", "judged", "candidates", "chosen", "validation", "calibration"):
        assert record(lab)[name] == found[name]


def test_of_all_candidates_the_best_is_taken(new_done: NewDone) -> None:
    for metric in ("accuracy", "loss"):
        lab = new_done(metric, AVERAGED, WITH_FLOORS, {"search": {"metric": metric}})
        found, sign = record(lab), -1 if metric == "loss" else 1
        best = max(found["candidates"], key=lambda one: (round(sign * one["score"], 9), -round(one["loss"], 9)))
        assert found["chosen"] == best
        assert [(one["networks"], one["minirocket"]) for one in found["candidates"][1:]] == [(3, False), (3, True)]


@pytest.fixture
def mixed(new_done: NewDone) -> Lab:
    """A study that hands over networks with MiniRocket, whether or not validation is for that."""
    lab = new_done("loss", AVERAGED, WITH_FLOORS)
    chosen = next(one for one in record(lab)["candidates"] if one["networks"] and one["minirocket"])
    undone(lab, 0, chosen=chosen)
    fit_members(lab.context(), StopWatch(), lambda sentence: None)
    return lab


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (MINIROCKET, {**MEAN, "score": 0.8, "loss": 0.1}),
        ({**MEAN, "score": 0.81, "loss": 0.9}, MINIROCKET),
        ({**MEAN, "loss": 0.4}, {**MEAN, "networks": 1, "minirocket": False, "loss": 0.5}),
        (MEAN, {**MEAN, "score": MEAN["score"] - 1e-3, "loss": 0.0}),
    ],
)
def test_a_mean_has_to_beat_mini_rocket_by_its_score(better: Candidate, worse: Candidate) -> None:
    better, worse = better.copy(), worse.copy()
    assert preference(better, 1) < preference(worse, 1)
    better["score"], worse["score"] = -better["score"], -worse["score"]
    assert preference(better, -1) < preference(worse, -1)


def test_mini_rocket_is_half_of_the_mean(mixed: Lab) -> None:
    found, test = record(mixed), test_part(mixed)
    assert [one["share"] for one in found["members"]] == [1 / 6, 1 / 6, 1 / 6, 0.5]
    chosen = selected(mixed.study(), mixed.settings, mixed.folder)
    assert chosen is not None
    assert chosen.ensemble is not None
    write_best_model(mixed.study(), mixed.settings, mixed.folder)
    model = load_model(mixed.folder.root / "best_model")
    assert model.description.in_words() == "the mean of 3 gru networks and minirocket"
    loss = float(torch.nn.functional.cross_entropy(model.logits(test), test.labels))
    assert loss == pytest.approx(found["test"]["loss"], rel=1e-3)
    assert found["difference"] is not None
    assert found["difference"]["trial"] == found["trial"]


def test_diagnosed_it_says_what_cannot_be_attributed(mixed: Lab) -> None:
    write_best_model(mixed.study(), mixed.settings, mixed.folder)
    trial = selected_trial(mixed.study())
    assert trial is not None
    diagnosed = of_trial(mixed.context(), trial, "test")
    notes = " ".join(diagnosed.notes)
    assert "the mean of 3 gru networks and minirocket" in notes
    assert "Of minirocket there is no attribution" in notes
    model = load_model(mixed.folder.root / "best_model")
    expected = (model.logits(test_part(mixed)) / model.description.temperature).softmax(dim=1)
    assert torch.allclose(diagnosed.probabilities, expected, atol=1e-5)
    logits, _ = diagnosed.first.outputs
    assert logits.shape == expected.shape
    assert diagnosed.first.network.embed(*diagnosed.first.batch(torch.arange(2))[1][:2]).isfinite().all()


@pytest.mark.parametrize("layer", [{"split": {"folds": 2}}, {"training": {"refit": False}}])
def test_with_folds_and_without_a_last_fit(new_lab: NewLab, layer: dict[str, Any]) -> None:
    lab = new_lab("study", AVERAGED, layer)
    exported(searched_and_judged(lab)[0])
    found, test = ensemble_of(lab.study()), test_part(lab)
    assert found is not None
    assert found["refitted"] == ("split" in layer)
    model = load_model(lab.folder.root / "best_model")
    loss = float(torch.nn.functional.cross_entropy(model.logits(test), test.labels))
    assert loss == pytest.approx(found["test"]["loss"], rel=1e-4)


def test_without_a_test_part_the_networks_that_judged_are_handed_over(new_lab: NewLab, toy: SequenceDataset) -> None:
    lab = new_lab("study", AVERAGED, {"split": {"test_fraction": 0.0}})
    lab = replace(lab, splits=make_parts(toy, lab.settings))
    exported(searched_and_judged(lab)[0])
    found = ensemble_of(lab.study())
    assert found is not None
    assert "test" not in found
    assert {one["study"] for one in found["members"]} == {"toy-gru-confirmation"}
    model, validation = load_model(lab.folder.root / "best_model"), lab.splits.folds[0].validation
    loss = float(torch.nn.functional.cross_entropy(model.logits(validation), validation.labels))
    assert loss == pytest.approx(found["chosen"]["loss"], rel=1e-4)


def test_what_is_over_a_cap_is_no_candidate(new_lab: NewLab) -> None:
    lab = new_lab("study", AVERAGED, {"search": {"max_parameters": 2_000}})
    searched_and_judged(lab)
    assert [one["networks"] for one in record(lab)["candidates"]] == [1]


@pytest.mark.parametrize(
    "layer", [{"architecture": FLOOR}, {"search": {"second_objective": "parameters", "metric": "accuracy"}}]
)
def test_where_there_is_nothing_to_choose(new_lab: NewLab, layer: dict[str, Any]) -> None:
    lab = new_lab("study", AVERAGED, layer)
    searched_and_judged(lab)
    assert ENSEMBLE not in lab.study().user_attrs
    trial = selected_trial(lab.study())
    assert "test" in evaluation_of(lab.study().user_attrs, trial)


SMALL = (
    *(one for one in processes.SMALL if "confirmation" not in one and "--epochs" not in one),
    *("--epochs=12", "--trials=1", "--metric=loss", "--confirm=1", "--confirm-seeds=2", "--ensemble=4"),
)


def until(process: Any, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 500
    while time.monotonic() < deadline and process.poll() is None and not condition():
        time.sleep(0.02)


def test_killed_in_the_midst_of_its_fits_and_gone_on_with(tmp_path: Path) -> None:
    common = (*SMALL, f"--save-dir={tmp_path}", "--study-name=killed")
    process = processes.start(*common)
    until(process, lambda: bool([*tmp_path.glob("killed/trials/*/weights-refit-1.safetensors")]))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    study = load_study(open_storage(sqlite_url(tmp_path / "tune.db")), "killed")
    assert study is not None
    assert ensemble_of(study) is None
    output, _ = processes.run(*common, "--resume")
    assert "Handed over is the mean of 4 networks of trial 0" in output
    output, _ = processes.run("status", "--check", f"--save-dir={tmp_path}")
    assert "All is well" in output


def test_the_network_of_an_unfinished_trial_is_a_member_too(new_lab: NewLab, stop_after: NewStop) -> None:
    longer: dict[str, Any] = {
        "search": {"trials": 1},
        "training": {"epochs": 30, "patience": 30},
        "confirmation": {"configurations": 0},
    }
    lab = new_lab("study", AVERAGED, WITH_FLOORS, longer)
    finished, _ = searched_and_judged(lab, stop_after(12))
    trial = lab.trials()[0]
    assert trial.state == TrialState.RUNNING
    judge(finished, lab.splits, stop=StopWatch(), say=lambda sentence: None)
    chosen = next(one for one in record(lab)["candidates"] if one["networks"] and one["minirocket"])
    undone(lab, 0, chosen=chosen)
    fit_members(lab.context(), StopWatch(), lambda sentence: None)
    assert [one["trial"] for one in record(lab)["members"]] == [0, 0]
    assert record(lab)["test"]["n_sequences"] == len(test_part(lab))
