"""Caps keep networks from being trained; two objectives give a front; all else goes on working with both."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest
import torch
from click.testing import CliRunner
from optuna.trial import TrialState

from tests.processes import SMALL
from tune.cli.commands.check import check_study
from tune.cli.main import main
from tune.config.initial import SIZES, initial_configurations, moved_into
from tune.config.settings import Settings
from tune.core.errors import StudyError
from tune.deploy.c.source import size_of, to_c
from tune.evaluation.test_evaluation import evaluate_selected
from tune.experiments.comparison import compare
from tune.report.exports import describe_best
from tune.report.outputs import write_exports
from tune.run import Finished, is_confirmed
from tune.search.confirmation import confirmed_candidates
from tune.search.confirming import open_confirmation, run_settings
from tune.search.loop import Ended
from tune.study.constraints import CAPS
from tune.study.pareto_front import Candidate, front_of, knee_of
from tune.study.selection import kept_trials, seconds_to_confirm, selected_trial
from tune.study.study import best_by_metric, best_trial, best_trials
from tune.study.trial_files import trial_folder
from tune.study.trials_table import trials_table
from tune.training.model_folder import load_model

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab, NewNotes, NewStop, Outline

BOTH: dict[str, Any] = {"search": {"second_objective": "parameters", "trials": 8}, "training": {"epochs": 2}}
# The toy's networks have about 200 to 700 parameters.
CAPPED: dict[str, Any] = {"search": {"max_parameters": 500, "trials": 8}, "training": {"epochs": 2}}
CONFIRMED: dict[str, Any] = {"confirmation": {"configurations": 8, "seeds": 2, "time_share": None}}
CPU = torch.device("cpu")


def make_single(settings: Settings) -> Settings:
    return settings.model_copy(update={"search": settings.search.model_copy(update={"second_objective": None})})


def over(lab: Lab) -> list[optuna.trial.FrozenTrial]:
    return [trial for trial in lab.trials() if trial.constraints.get("max_parameters", 0) > 0]


def line_up_the_largest(lab: Lab) -> None:
    """What a person may do, and an older version did: a network that no draw would be allowed."""
    (initial,) = initial_configurations("gesture", "gru", searched := lab.settings.ranges()[0])
    lab.study().enqueue_trial({**initial, **moved_into(searched, dict.fromkeys(SIZES, 1_000))})


def test_networks_over_the_cap_are_put_down_and_never_trained(new_lab: NewLab, new_notes: NewNotes) -> None:
    lab, notes = new_lab("study", CAPPED), new_notes()
    line_up_the_largest(lab)
    assert lab.search(observer=notes).reason == "8 trials finished"
    too_large = over(lab)
    assert 0 < len(too_large) < 8
    for trial in too_large:
        assert trial.state == TrialState.PRUNED
        assert trial.user_attrs["n_parameters"] > 500
        assert trial.user_attrs["reason"].startswith(f"not trained: {trial.user_attrs['n_parameters']:,} parameters")
        assert trial.intermediate_values == {}
        assert trial.number not in {number for number, _ in notes.epochs}
    for trial in lab.trials():
        if trial not in too_large:
            assert trial.user_attrs["n_parameters"] <= 500
            assert trial.constraints["max_parameters"] <= 0
            assert trial.user_attrs["epochs_run"] > 0
    best = best_trial(lab.study())
    assert best is not None
    assert best not in too_large
    described = describe_best(lab.study(), lab.settings, lab.folder)
    assert described["trial"] == best.number
    assert described["caps"] == {**dict.fromkeys(CAPS), "max_parameters": 500}
    assert "front" not in described


@pytest.mark.parametrize("layer", [CAPPED, BOTH])
def test_an_interrupted_study_with_caps_or_two_objectives_equals_an_uninterrupted_one(
    new_lab: NewLab, stop_after: NewStop, outline: Outline, layer: dict[str, Any]
) -> None:
    whole, pieces = new_lab("whole", layer), new_lab("pieces", layer)
    whole.search()
    n_steps = 4
    while pieces.search(stop_after(n_steps)).reason == "interrupted":
        n_steps += 2
    assert [outline(trial) for trial in pieces.trials()] == [outline(trial) for trial in whole.trials()]


def test_a_cap_that_nothing_keeps_to_leaves_no_best_and_says_so(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"max_latency_ms": 1e-6, "second_objective": "latency", "trials": 3}})
    lab.search()
    assert {trial.state for trial in lab.trials()} == {TrialState.PRUNED}
    assert all("ms for a sequence" in trial.user_attrs["reason"] for trial in lab.trials())
    assert best_trial(lab.study()) is None
    not_drawn = write_exports(lab.study(), lab.settings, lab.folder)
    assert "The front of both objectives cannot be drawn: no trial is complete (3 trials over a cap)." in not_drawn
    assert not (lab.folder.root / "best_config.json").exists()


def test_a_front_is_not_confirmed_and_keeps_no_time_back_for_it(new_lab: NewLab) -> None:
    lab = new_lab("study", BOTH, CONFIRMED)
    lab.search()
    assert lab.settings.confirmation.is_on
    finished = Finished(lab.study(), lab.settings, lab.folder, Ended("8 trials finished"), [])
    assert not is_confirmed(finished)
    assert is_confirmed(replace(finished, settings=make_single(lab.settings)))
    assert seconds_to_confirm(lab.study(), lab.settings) == 0
    assert [trial.number for trial in kept_trials(lab.study())] == [one.number for one in best_trials(lab.study())]
    knee = best_trial(lab.study())
    # What another version may have left there is not believed.
    lab.study().set_user_attr("confirmation", {"winner": 7, "configurations": [{"trial": 7}]})
    assert selected_trial(lab.study()) == knee


def test_only_what_keeps_to_the_caps_is_confirmed_and_that_is_not_measured_again(new_lab: NewLab) -> None:
    lab = new_lab("study", CAPPED, CONFIRMED)
    lab.search()
    too_large = {trial.number for trial in over(lab)}
    candidates = {one.trial for one in confirmed_candidates(lab.study(), lab.settings)}
    assert candidates
    assert not candidates & too_large
    assert not {trial.number for trial in kept_trials(lab.study())} & too_large
    confirmation = open_confirmation(lab.context()).study
    runs = run_settings(lab.settings, confirmation).search
    assert [getattr(runs, cap) for cap in CAPS] == [None] * len(CAPS)


@pytest.mark.parametrize(
    ("cap", "limit", "record", "words"),
    [
        ("max_flash", 4_500, "flash_bytes", "bytes of flash"),
        ("max_ram", 600, "ram_bytes", "bytes of RAM"),
        ("max_macs", 2_500, "macs", "multiply-adds"),
    ],
)
def test_what_a_network_takes_on_a_device_is_a_cap_too(
    new_lab: NewLab, cap: str, limit: int, record: str, words: str
) -> None:
    lab = new_lab("study", {"search": {cap: limit, "trials": 8}, "training": {"epochs": 1}})
    line_up_the_largest(lab)
    assert lab.search().reason == "8 trials finished"
    too_large = [trial for trial in lab.trials() if trial.constraints[cap] > 0]
    assert 0 < len(too_large) < 8
    for trial in lab.trials():
        assert (trial.user_attrs[record] > limit) == (trial in too_large)
    for trial in too_large:
        assert trial.state == TrialState.PRUNED
        assert words in trial.user_attrs["reason"]
    described = describe_best(lab.study(), lab.settings, lab.folder)
    assert described[record] <= limit == described["caps"][cap]
    assert record in trials_table(lab.study())


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_what_is_known_before_training_is_what_is_exported(new_lab: NewLab, precision: str) -> None:
    search = {"max_ram": 100_000, "device_precision": precision, "trials": 2}
    lab = new_lab("study", {"search": search, "training": {"epochs": 1}})
    lab.search()
    write_exports(lab.study(), lab.settings, lab.folder)
    best = best_trial(lab.study())
    assert best is not None
    model = load_model(lab.folder.root / "best_model")
    size = size_of(model, to_c(model, {} if precision == "int8" else None))
    known = tuple(best.user_attrs[name] for name in ("flash_bytes", "ram_bytes", "macs"))
    assert known == (size.flash, size.ram, size.macs)


def test_a_front_of_score_and_memory(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"second_objective": "ram", "trials": 6}, "training": {"epochs": 1}})
    lab.search()
    complete = [trial for trial in lab.trials() if trial.state == TrialState.COMPLETE]
    assert complete
    assert all(trial.values[1] == trial.user_attrs["ram_bytes"] for trial in complete)
    assert all("ram_bytes" in one for one in describe_best(lab.study(), lab.settings, lab.folder)["front"])
    not_drawn = write_exports(lab.study(), lab.settings, lab.folder)
    assert not any("front" in sentence for sentence in not_drawn)


def test_a_network_that_is_never_c_is_not_trained_for_a_device(new_lab: NewLab) -> None:
    lab = new_lab("study", {"architecture": "minirocket", "search": {"max_flash": 10**6, "trials": 1}})
    lab.search()
    (trial,) = lab.trials()
    assert trial.state == TrialState.PRUNED
    assert trial.user_attrs["reason"] == "not trained: it cannot be written as C (KernelFeatures)"


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_every_sampler_goes_on_with_two_objectives_and_a_cap(new_lab: NewLab, sampler: str) -> None:
    """Longer than it draws at random."""
    search = {"second_objective": "parameters", "max_parameters": 500, "trials": 11, "sampler": sampler}
    lab = new_lab("study", {"search": search, "training": {"epochs": 1}})
    assert lab.search().reason == "11 trials finished"
    assert lab.study().directions == [optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE]
    complete = [trial for trial in lab.trials() if trial.state == TrialState.COMPLETE]
    assert complete
    assert all(trial.values[1] == trial.user_attrs["n_parameters"] <= 500 for trial in complete)


def test_the_front_is_described_kept_and_whole(new_lab: NewLab) -> None:
    lab = new_lab("study", BOTH)
    lab.search()
    study = lab.study()
    front = front_of([Candidate(trial.number, *trial.values) for trial in lab.trials()], 1)
    knee = knee_of(front, 1)
    assert best_trials(study)[0].number == knee.number
    assert {trial.number for trial in best_trials(study)} == {one.number for one in front}
    # Any of them may be the knee once the front has grown.
    kept = {path.parent.name for path in (lab.folder.root / "trials").glob("*/weights.safetensors")}
    assert kept == {trial_folder(lab.folder, lab.trials()[one.number]).name for one in front}
    evaluate_selected(lab.context(study))
    write_exports(study, lab.settings, lab.folder)
    described = json.loads((lab.folder.root / "best_config.json").read_text())
    assert described["trial"] == knee.number
    assert described["objectives"] == ["accuracy", "parameters"]
    assert [one["trial"] for one in described["front"]] == [one.number for one in front]
    assert [one["is_knee"] for one in described["front"]] == [one is knee for one in front]
    assert described["front"][0]["values"] == {"accuracy": front[0].score, "parameters": front[0].cost}
    assert described["scores"]["test"]["n_sequences"] > 0
    assert (lab.folder.root / "pareto_front.png").read_bytes().startswith(b"\x89PNG")
    report = (lab.folder.root / "report.md").read_text()
    assert f"Knee: trial {knee.number}," in report
    assert f"{len(front)} trial{'s' if len(front) > 1 else ''} on the front, of 8 complete." in report
    assert "no trial has reported a score" not in report
    assert 'id="pareto"' in (lab.folder.root / "report.html").read_text()
    assert list(check_study(study, lab.folder)) == []
    (lab.folder.root / "pareto_front.png").unlink()
    assert any("pareto_front.png is missing" in finding for finding in check_study(study, lab.folder))


def test_a_study_cannot_change_its_objectives_or_caps(new_lab: NewLab) -> None:
    lab = new_lab("study", BOTH)
    lab.study()
    for change in ({"second_objective": None}, {"second_objective": "latency"}, {"max_parameters": 10}):
        with pytest.raises(StudyError, match="cannot be resumed"):
            lab.with_settings({"search": change}).study()


def test_a_target_is_one_of_the_metric(new_lab: NewLab) -> None:
    lab = new_lab("study", BOTH, {"search": {"target": 0.5, "trials": 30}, "training": {"epochs": 8}})
    assert lab.search().reason == "target 0.5 reached"
    best = best_by_metric(lab.study())
    assert best is not None
    assert best.values[0] >= 0.5


def told(lab: Lab, *results: tuple[float, float]) -> Finished:
    """A study with made-up results."""
    study = lab.study()
    for values in results:
        trial = study.ask()
        trial.set_user_attr("n_parameters", int(values[1]))
        study.tell(trial, values)
    return Finished(study, lab.settings, lab.folder, Ended("done"), [])


def test_of_several_architectures_the_knee_of_their_knees_is_best(new_lab: NewLab) -> None:
    done = [
        told(replace(new_lab("a", BOTH), name="large"), (0.95, 1_000_000), (0.1, 900_000)),
        told(replace(new_lab("b", BOTH), name="middle"), (0.93, 10_000)),
        told(replace(new_lab("c", BOTH), name="small"), (0.5, 1_000)),
    ]
    rows = compare(done)
    assert [row.study for row in rows] == ["middle", "large", "small"]
    assert (rows[0].validation, rows[0].n_parameters) == (0.93, 10_000)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--objectives", "parameters,accuracy"],
            "must be one of accuracy, balanced_accuracy, macro_f1, loss",
        ),
        (["--objectives", "accuracy,speed"], "for example accuracy,parameters"),
        (["--objectives", "accuracy,parameters,latency"], "for example accuracy,parameters"),
        (["--objectives", "accuracy,latency", "--metric", "loss"], "is not what --objectives begins with, accuracy"),
        (["--max-parameters", "0"], "search.max_parameters"),
        (["--max-latency-ms", "fast"], "search.max_latency_ms"),
    ],
)
def test_objectives_of_no_use_are_refused_in_a_sentence(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_workers_find_a_front_and_go_on_with_it(tmp_path: Path) -> None:
    places = ("--save-dir", str(tmp_path), "--study-name", "both")
    both = ("--objectives", "accuracy,latency", "--workers", "2")
    begun = CliRunner().invoke(main, [*SMALL, *places, "--trials", "3", *both], catch_exceptions=False)
    assert "with two objectives no trial is pruned" in begun.output
    assert "Knee of the Pareto front: trial" in begun.output
    resumed = CliRunner().invoke(main, [*places, "--trials", "4", "--resume", "--workers", "1"], catch_exceptions=False)
    assert resumed.exit_code == 0
    assert "The Pareto front has" in resumed.output
    study = optuna.load_study(study_name="both", storage=f"sqlite:///{tmp_path}/tune.db")
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 4
    assert all(trial.values[1] == trial.user_attrs["latency_ms"] > 0 for trial in study.trials)
    with (tmp_path / "both" / "trials.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert [float(row["latency_ms"]) for row in rows] == pytest.approx([trial.values[1] for trial in study.trials])
    checked = CliRunner().invoke(main, ["status", "--check", *places], catch_exceptions=False)
    assert "All is well" in checked.output


def test_a_study_begins_with_a_network_that_it_may_train(new_lab: NewLab) -> None:
    one = {"trials": 1, "floors": False}
    plain = new_lab("plain", {"search": one, "training": {"epochs": 1}})
    plain.search()
    n_parameters = plain.trials()[0].user_attrs["n_parameters"]
    lab = new_lab("study", {"search": {**one, "max_parameters": n_parameters - 1}, "training": {"epochs": 1}})
    lab.search()
    evaluate_selected(lab.context())
    write_exports(lab.study(), lab.settings, lab.folder)
    report = (lab.folder.root / "report.md").read_text()
    assert "the default configuration, made small enough for the study's limits, with which the search began" in report
    (first,) = lab.trials()
    assert first.state == TrialState.COMPLETE
    assert first.user_attrs["n_parameters"] < n_parameters
    changed = {name for name, value in plain.trials()[0].params.items() if first.params[name] != value}
    assert changed <= {*SIZES, "bidirectional"}
