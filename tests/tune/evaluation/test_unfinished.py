"""A trial that was left in its midst counts with its best epoch, is said to be unfinished, and goes on to the bit."""

from __future__ import annotations

import csv
import io
import json
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from optuna.trial import TrialState, create_trial

from tests.processes import SMALL, run, start
from tests.runs import printed
from tune.cli.main import main
from tune.cli.summary import print_summary
from tune.core.stopping import StopWatch
from tune.evaluation.test_evaluation import evaluate_selected
from tune.evaluation.unfinished import keep_unfinished
from tune.report.outputs import write_exports
from tune.run import Finished
from tune.search.confirmation import confirmed_candidates
from tune.search.loop import Ended, target_reached
from tune.study.leases import lease_trial
from tune.study.selection import kept_trials, promising_trials, seconds_searched
from tune.study.study import best_trial, best_trials, trials_so_far
from tune.study.tested import evaluation_of, times_test_was_used
from tune.study.trial_files import load_weights
from tune.training.checkpoint import load_checkpoint
from tune.training.model_folder import load_model

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tune.conftest import Lab, NewLab, Outline, StopAfter

CPU = torch.device("cpu")
SEARCH: dict[str, Any] = {"search": {"trials": 2, "pruner": "none"}, "training": {"epochs": 4, "patience": 4}}


class StopInEpoch(StopWatch):
    """The time is up in the midst of an epoch of a trial."""

    def __init__(self, number: int, epoch: int) -> None:
        super().__init__(1e6)
        self._number, self._epoch, self._at, self._n_steps = number, epoch, (0, 0), 0

    def trial_started(self, number: int, parameters: dict[str, Any], resumed: bool) -> None:
        self._at = (number, 0)

    def epoch_finished(self, number: int, epoch: int, score: float) -> None:
        self._at = (number, epoch)

    def trial_finished(self, number: int, state: str, value: float | None, reason: str) -> None:
        pass

    def check(self) -> None:
        if self._at == (self._number, self._epoch - 1):
            self._deadline = 0.0
        super().check()


def leave(lab: Lab, number: int = 0, epoch: int = 3) -> Ended:
    """Searches until the time is up in that epoch of that trial, and puts down what was left."""
    stop = StopInEpoch(number, epoch)
    ended = lab.search(stop, stop)  # type: ignore[arg-type]
    keep_unfinished(lab.study(), lab.settings, lab.folder)
    return ended


def time_is_up() -> StopWatch:
    return StopWatch(1e-6)


def test_the_first_trial_that_was_left_is_delivered_and_said_to_be_unfinished(new_lab: NewLab) -> None:
    lab = new_lab("study", SEARCH)
    ended = leave(lab)
    assert ended.reason == "time is up"
    evaluate_selected(lab.context(), time_is_up())
    write_exports(lab.study(), lab.settings, lab.folder)
    study, root = lab.study(), lab.folder.root
    (raw,) = study.get_trials(deepcopy=False)
    assert raw.state == TrialState.RUNNING
    best = best_trial(study)
    assert best is not None
    assert best.values == [max(raw.intermediate_values.values())]
    state = load_checkpoint(lab.folder.checkpoint(0))
    stored = load_weights(lab.folder, best, 1)
    assert state is not None
    assert stored is not None
    weights = state["fits"][0]["best_weights"]
    assert all(torch.equal(stored[0][name], weights[name]) for name in weights)
    written = json.loads((root / "best_config.json").read_text())
    assert (written["trial"], written["finished"], written["epochs_run"]) == (0, False, 2)
    assert written["scores"].keys() == {"validation", "test"}
    assert written["times_test_was_used"] == 1
    assert written["refit"] is None
    model = load_model(root / "best_model")
    assert model.description.unfinished_after == 2
    assert all(torch.equal(value, weights[name]) for name, value in model.network.state_dict().items())
    (row,) = csv.DictReader(io.StringIO((root / "trials.csv").read_text()))
    assert (row["state"], row["epochs_run"], float(row["value"])) == ("unfinished", "2", best.values[0])
    sentence = "Trial 0 is not finished: it was left after 2 of 4 epochs"
    assert sentence in (root / "report.md").read_text()
    shown = printed(print_summary, Finished(study, lab.settings, lab.folder, ended, []))
    assert sentence in shown
    assert "Best: trial 0" in shown
    assert "Test: accuracy" in shown


def test_it_goes_on_to_the_same_bits_and_the_finished_trial_replaces_it(new_lab: NewLab, outline: Outline) -> None:
    whole, left = new_lab("whole", SEARCH), new_lab("left", SEARCH)
    whole.search()
    leave(left)
    evaluate_selected(left.context(), time_is_up())
    write_exports(left.study(), left.settings, left.folder)
    left.search()
    assert [outline(trial) for trial in left.trials()] == [outline(trial) for trial in whole.trials()]
    for lab in (whole, left):
        evaluate_selected(lab.context())
        write_exports(lab.study(), lab.settings, lab.folder)
    best = best_trial(left.study())
    assert best is not None
    found = [evaluation_of(lab.study().user_attrs, best) for lab in (whole, left)]
    assert found[0] == found[1]
    assert "unfinished_after" not in found[1]
    # The network of the unfinished one was looked at as well, and that stays on record.
    assert [times_test_was_used(lab.study().user_attrs) for lab in (whole, left)] == [1, 2]
    assert json.loads((left.folder.root / "best_config.json").read_text())["finished"] is True
    assert load_model(left.folder.root / "best_model").description.unfinished_after is None


def test_with_time_for_it_the_last_fit_is_that_of_the_configuration_and_tested_once(new_lab: NewLab) -> None:
    lab = new_lab("study", {**SEARCH, "search": {"trials": 1, "pruner": "none"}})
    leave(lab)
    evaluate_selected(lab.context(), StopWatch(1e6))
    (before,) = lab.study().user_attrs["evaluations"].values()
    assert before["test"]["refitted"]
    lab.search()
    evaluate_selected(lab.context())
    (after,) = lab.study().user_attrs["evaluations"].values()
    assert after["test"] == before["test"]
    assert "unfinished_after" not in after
    assert times_test_was_used(lab.study().user_attrs) == 1


def test_trained_further_and_left_again_what_was_found_of_it_before_no_longer_counts(new_lab: NewLab) -> None:
    lab = new_lab("study", SEARCH)
    leave(lab, epoch=2)
    evaluate_selected(lab.context(), time_is_up())
    leave(lab, epoch=4)
    best = best_trial(lab.study())
    assert best is not None
    assert best.user_attrs["epochs_run"] == 3
    assert evaluation_of(lab.study().user_attrs, best) == {}


def add(lab: Lab, value: float) -> int:
    """A made-up complete trial."""
    study = lab.study()
    left = trials_so_far(study)[0]
    params = {**left.params, "batch_size": 16 if left.params["batch_size"] == 8 else 8}
    train = {f"train_{name}": value for name in ("accuracy", "macro_f1", "loss")}
    attributes = {**left.user_attrs, **train, "validation_accuracy": value, "accuracy_gap": 0.0}
    study.add_trial(create_trial(value=value, params=params, distributions=left.distributions, user_attrs=attributes))
    return len(study.get_trials()) - 1


def test_it_beats_a_finished_one_that_is_worse_and_of_equals_the_finished_one_counts(new_lab: NewLab) -> None:
    lab = new_lab("study", SEARCH)
    leave(lab)
    (left,) = trials_so_far(lab.study())
    worse, equal = add(lab, left.values[0] - 0.01), add(lab, left.values[0])
    assert [trial.number for trial in best_trials(lab.study())] == [equal, 0, worse]
    # It takes nobody's place among those whose weights are kept: it may yet be pruned.
    assert [trial.number for trial in best_trials(lab.study(), finished_only=True)] == [equal, worse]
    assert [trial.number for trial in kept_trials(lab.study())] == [equal]
    assert seconds_searched(lab.study()) > 0
    candidates = confirmed_candidates(lab.study(), lab.with_settings({"confirmation": {"configurations": 3}}).settings)
    assert {one.trial: one.search_score for one in candidates}[0] == left.values[0]
    assert 0 in [trial.number for trial in promising_trials(lab.study(), 3)]


def test_it_does_not_end_a_search_that_has_a_target(new_lab: NewLab) -> None:
    """Gone on with, it reaches the target by itself in its next epoch, and is then complete."""
    lab = new_lab("study", SEARCH)
    leave(lab)
    assert not target_reached(lab.study(), lab.with_settings({"search": {"target": 0.01}}).settings)


def test_one_that_somebody_works_on_is_not_unfinished(new_lab: NewLab) -> None:
    lab = new_lab("study", SEARCH)
    leave(lab, epoch=2)
    study = lab.study()
    assert best_trial(study) is not None
    lease = lease_trial(study, lab.folder, 2)
    assert lease is not None
    try:
        before = study.get_trials(deepcopy=False)[0].system_attrs
        keep_unfinished(study, lab.settings, lab.folder)
        assert study.get_trials(deepcopy=False)[0].system_attrs == before
    finally:
        lease.lock.release()


def test_while_it_is_gone_on_with_it_does_not_count(new_lab: NewLab) -> None:
    lab = new_lab("study", SEARCH)
    leave(lab, epoch=2)
    seen: list[Any] = []

    class Look(StopInEpoch):
        def trial_started(self, number: int, parameters: dict[str, Any], resumed: bool) -> None:
            seen.append(best_trial(lab.study()))
            super().trial_started(number, parameters, resumed)

    stop = Look(0, 3)
    lab.search(stop, stop)  # type: ignore[arg-type]
    assert seen == [None]
    assert best_trial(lab.study()) is None  # Nobody has put down yet that it was left again.
    keep_unfinished(lab.study(), lab.settings, lab.folder)
    assert best_trial(lab.study()) is not None


def test_without_a_finished_epoch_there_is_nothing_to_count(new_lab: NewLab, stop_after: type[StopAfter]) -> None:
    lab = new_lab("study", SEARCH)
    lab.search(stop_after(1))
    keep_unfinished(lab.study(), lab.settings, lab.folder)
    assert lab.trials()[0].state == TrialState.RUNNING
    assert best_trial(lab.study()) is None


@pytest.mark.parametrize(
    "layer", [{"split": {"folds": 2}}, {"search": {"metric": "loss"}}, {"space": {"shared": {"weight_averaging": 0.9}}}]
)
def test_with_folds_another_metric_and_averaged_weights(new_lab: NewLab, layer: dict[str, Any]) -> None:
    lab = new_lab("study", SEARCH, layer)
    leave(lab)
    evaluate_selected(lab.context(), time_is_up())
    best = best_trial(lab.study())
    assert best is not None
    state, stored = load_checkpoint(lab.folder.checkpoint(0)), load_weights(lab.folder, best, len(lab.splits.folds))
    assert state is not None
    assert stored is not None
    for fit, weights in zip(state["fits"], stored, strict=True):
        assert all(torch.equal(weights[name], value) for name, value in fit["best_weights"].items())
    if len(stored) == 1:
        # Of several folds the score is a mean over the folds, and this one over their sequences.
        found = evaluation_of(lab.study().user_attrs, best)
        assert found["validation"][lab.settings.search.metric] == pytest.approx(best.values[0], abs=1e-6)


def test_of_two_objectives_it_stands_in_the_front(new_lab: NewLab) -> None:
    lab = new_lab("study", SEARCH, {"search": {"second_objective": "parameters"}})
    leave(lab)
    write_exports(lab.study(), lab.settings, lab.folder)
    written = json.loads((lab.folder.root / "best_config.json").read_text())
    assert [one["trial"] for one in written["front"]] == [0]
    assert written["finished"] is False


SLOW = (*SMALL, "--epochs=4000", "--set=training.patience=4000", "--set=search.pruner=none")


def deliveries(save_dir: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((save_dir / "watch-gru" / "best_config.json").read_text())
    return found


def test_a_run_whose_time_is_up_in_its_first_trial_delivers_what_can_be_used(tmp_path: Path) -> None:
    """The whole of it: a real run, its exports, and predictions by the network that it leaves."""
    save_dir = str(tmp_path)
    output, _ = run("--trials=2", *SLOW, "--timeout=10s", "--save-dir", save_dir)
    assert "Trial 0 is not finished: it was left after" in output
    written = deliveries(tmp_path)
    assert not written["finished"]
    assert 1 <= written["epochs_run"] < 4000
    assert 0 <= written["scores"]["test"]["accuracy"] <= 1
    status = CliRunner().invoke(main, ["status", "--save-dir", save_dir])
    assert "0 (unfinished)" in " ".join(status.output.split())
    check = CliRunner().invoke(main, ["status", "--check", "--save-dir", save_dir])
    assert check.exit_code == 0, check.output
    exported = CliRunner().invoke(main, ["export", "--save-dir", save_dir])
    assert exported.exit_code == 0, exported.output
    assert "Its training was broken off" in (tmp_path / "watch-gru" / "export" / "MODEL_CARD.md").read_text()
    np.save(tmp_path / "new.npy", np.zeros((200, len(written["data"]["channel_names"])), np.float32))
    for network in ("best_model", "export/model.onnx"):
        words = ["predict", str(tmp_path / "new.npy"), "--csv", "--model", str(tmp_path / "watch-gru" / network)]
        predicted = CliRunner().invoke(main, words)
        assert predicted.exit_code == 0, predicted.output
        (row,) = csv.DictReader(io.StringIO(predicted.stdout))
        assert row["class"] in written["data"]["class_names"]


@pytest.mark.timeout(1200)
def test_of_every_architecture_the_unfinished_ones_are_compared_and_the_best_is_delivered(tmp_path: Path) -> None:
    output, _ = run("--auto-tune-all", "--trials=1", *SLOW, "--timeout=30s", "--save-dir", str(tmp_path))
    (folder,) = (path.parent for path in tmp_path.glob("*/comparison.csv"))
    rows = list(csv.DictReader((folder / "comparison.csv").read_text().splitlines()))
    scored = [float(row["validation"]) for row in rows if row["validation"]]
    assert scored
    # What is solved is finished at once.
    assert {row["n_complete"] for row in rows if row["architecture"] != "minirocket"} == {"0"}
    written = json.loads((folder / "best_config.json").read_text())
    assert written["value"] == max(scored)
    assert written["finished"] == (written["architecture"] == "minirocket")
    summary = output.split(", the best of all")[1].partition("\nStudy ")[0]
    assert ("is not finished: it was left after" in summary) != written["finished"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_in_its_first_trial_delivers_it_untested(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = start("--trials=1", *SLOW, "--save-dir", str(tmp_path))
    wait_for(lambda: (tmp_path / "watch-gru" / ".checkpoints" / "trial-0.pt").exists())
    process.send_signal(number)
    output, errors = process.communicate(timeout=300)
    assert "Traceback" not in errors
    assert "Trial 0 is not finished" in output
    written = deliveries(tmp_path)
    assert not written["finished"]
    assert "test" not in written["scores"]


def wait_for(is_so: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
