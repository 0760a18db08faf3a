"""Trackers are told everything once, whatever happens in between, and nothing of the run depends on them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from click.testing import CliRunner
from optuna.trial import FrozenTrial, TrialState

from tests.processes import SMALL, run
from tune.cli.main import main
from tune.config.trackers import BELOW_THE_STUDY, DEFAULT_MLFLOW, Trackers, read_trackers, without_secrets
from tune.core.problems import SettingsError
from tune.core.stopping import StopWatch
from tune.study.store import identity
from tune.study.trials_table import write_trials
from tune.tracking import Tracking
from tune.tracking.event_files import EventFiles
from tune.tracking.mlflow_runs import STUDY_TAG, TRIAL_TAG, MlflowRuns
from tune.tracking.records import trial_record

if TYPE_CHECKING:
    from tests.tune.conftest import NewLab

# Two processes that load all of MLflow, on a machine that may be busy.
pytestmark = pytest.mark.timeout(900)
TWO = {"search": {"trials": 2, "pruner": "median"}, "training": {"epochs": 2}}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow's own tracking server, in a process on this machine."""
    pytest.importorskip("mlflow.version", reason="mlflow is not installed")
    place, port = tmp_path_factory.mktemp("mlflow"), free_port()
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", f"sqlite:///{place}/runs.db", "--artifacts-destination", str(place / "files")]
    with (place / "log").open("w") as log:
        command = [sys.executable, "-m", "mlflow", "server", *arguments, *stores]
        # Without the processes for jobs that nobody here gives it.
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=place, env=environment, start_new_session=True)
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 200
    try:
        while True:
            try:
                if httpx.get(f"{address}/health").status_code == 200:
                    break
            except httpx.HTTPError:
                pass
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail((place / "log").read_text())
            time.sleep(0.2)
        yield address
    finally:
        # The one that listens is a child of it, in a group that is all its own.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Server:
    """What a server has, asked for by its interface for programs."""

    def __init__(self, address: str) -> None:
        self._api = f"{address}/api/2.0/mlflow"

    def runs(self, study_id: str | None) -> list[dict[str, Any]]:
        found = httpx.get(f"{self._api}/experiments/get-by-name", params={"experiment_name": "seqtune"}).json()
        body = {
            "experiment_ids": [found["experiment"]["experiment_id"]],
            "filter": f"tags.`{STUDY_TAG}` = '{study_id}'",
            "max_results": 1000,
        }
        runs: list[dict[str, Any]] = httpx.post(f"{self._api}/runs/search", json=body).json()["runs"]
        return runs

    def history(self, run: dict[str, Any], metric: str) -> list[tuple[int, float]]:
        asked = {"run_id": run["info"]["run_id"], "metric_key": metric}
        found = httpx.get(f"{self._api}/metrics/get-history", params=asked).json().get("metrics", [])
        return [(int(one["step"]), one["value"]) for one in found]

    def files(self, run: dict[str, Any]) -> set[str]:
        found = httpx.get(f"{self._api}/artifacts/list", params={"run_id": run["info"]["run_id"]}).json()
        return {one["path"] for one in found.get("files", [])}

    def reopen(self, run: dict[str, Any]) -> None:
        body = {"run_id": run["info"]["run_id"], "status": "RUNNING"}
        httpx.post(f"{self._api}/runs/update", json=body).raise_for_status()


def values(run: dict[str, Any], kind: str) -> dict[str, Any]:
    return {one["key"]: one["value"] for one in run["data"].get(kind, [])}


def sorted_out(runs: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """The study's run, and those of its trials by number."""
    (parent,) = [run for run in runs if TRIAL_TAG not in values(run, "tags")]
    children = {int(values(run, "tags")[TRIAL_TAG]): run for run in runs if run is not parent}
    assert len(children) == len(runs) - 1
    assert {values(run, "tags")["mlflow.parentRunId"] for run in children.values()} == {parent["info"]["run_id"]}
    return parent, children


def accuracies(trial: FrozenTrial) -> list[tuple[int, float]]:
    return [(one["epoch"], one["validation"]["accuracy"]) for one in trial.user_attrs["history"][0]]


def steps(folder: Path, tag: str) -> list[int]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return [event.step for event in events.Scalars(tag)]


@pytest.mark.slow
def test_a_run_and_its_resumption_are_tracked_without_doubling_anything(server: str, tmp_path: Path) -> None:
    import optuna

    arguments = (*SMALL, "--save-dir", str(tmp_path), "--study-name", "seen", "--mlflow", server, "--tensorboard")
    output, _ = run(*arguments, "--trials", "2")
    assert f"MLflow: 2 trials logged at {server}" in output
    again = CliRunner().invoke(main, [*arguments, "--trials", "3", "--resume"], catch_exceptions=False)
    assert f"MLflow: 1 trial logged at {server}" in again.output
    study = optuna.load_study(study_name="seen", storage=f"sqlite:///{tmp_path}/tune.db")
    seen = Server(server)
    parent, children = sorted_out(seen.runs(identity(study)))
    assert sorted(children) == [0, 1, 2]
    assert values(parent, "params")["architecture"] == "gru"
    assert values(parent, "metrics")["best_validation_accuracy"] == max(one.value or 0.0 for one in study.trials)
    assert values(parent, "metrics")["test_accuracy"] > 0
    assert {"best_config.json", "optimization_history.png", "best_model", "trials.csv"} <= seen.files(parent)
    for trial in study.trials:
        child = children[trial.number]
        assert seen.history(child, "validation_accuracy") == accuracies(trial)
        assert [step for step, _ in seen.history(child, "train_loss")] == [1, 2, 3, 4][: len(accuracies(trial))]
        assert values(child, "params")["learning_rate"] == str(trial.params["learning_rate"])
        assert values(child, "metrics")["n_parameters"] == trial.user_attrs["n_parameters"] > 0
        assert values(child, "metrics")["n_trainable_parameters"] == trial.user_attrs["n_parameters"]
        assert seen.files(child) == {"config.json", "history.csv"}
        (events,) = (tmp_path / "seen" / "tensorboard").glob(f"trial-{trial.number:04d}-*")
        assert steps(events, "validation/accuracy") == [epoch for epoch, _ in accuracies(trial)]


def test_a_run_that_was_killed_while_it_told_of_a_trial_is_caught_up(
    server: str, new_lab: NewLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    lab, seen = new_lab("study", TWO), Server(server)
    lab.search()
    study = lab.study()
    write_trials(study, lab.folder)
    first = MlflowRuns(Trackers(mlflow=server), study, lab.settings, lab.folder)
    (trial, other) = first.missing(lab.trials())
    first.log(trial)
    _, children = sorted_out(seen.runs(identity(study)))
    seen.reopen(children[0])

    second = MlflowRuns(Trackers(mlflow=server), study, lab.settings, lab.folder)
    assert [one.number for one in second.missing(lab.trials())] == [trial.number, other.number]
    for one in (trial, other):
        second.log(one)
    second.conclude()
    assert second.missing(lab.trials()) == []
    parent, children = sorted_out(seen.runs(identity(study)))
    assert [seen.history(children[one.number], "validation_accuracy") for one in lab.trials()] == [
        accuracies(one) for one in lab.trials()
    ]
    assert sorted(step for step, _ in seen.history(parent, "value")) == [0, 1]
    assert {run["info"]["status"] for run in (parent, *children.values())} == {"FINISHED"}


def test_a_tracker_that_is_down_costs_one_warning_without_the_password(new_lab: NewLab) -> None:
    lab = new_lab("study", TWO)
    lab.search()
    address = f"http://someone:a+secret@127.0.0.1:{free_port()}"
    tracking = Tracking(Trackers(address, BELOW_THE_STUDY), f"sqlite:///{lab.place}/tune.db")
    # The second is put off, as the first cannot have been answered yet.
    said = tracking.look(lab.folder) + tracking.look(lab.folder)
    said += tracking.end(StopWatch())
    warnings = [sentence for sentence in said if "warning" in sentence]
    assert len(warnings) == 1
    assert f"MLflow at {address.replace('someone:a+secret@', '')} cannot be told" in warnings[0]
    assert "refused" in warnings[0]
    assert "secret" not in " ".join(said)
    # The other tracker has all of it.
    assert len(list((lab.folder.root / "tensorboard").glob("trial-*"))) == 2
    assert f"TensorBoard: 2 trials logged at {lab.folder.root}/tensorboard" in said


def test_event_files_are_whole_or_not_there(new_lab: NewLab, tmp_path: Path) -> None:
    lab = new_lab("study", {**TWO, "split": {"folds": 2}})
    lab.search()
    files = EventFiles(Trackers(tensorboard=str(tmp_path / "board")), lab.study(), lab.settings, lab.folder)
    first, second = files.missing(lab.trials())
    files.log(first)
    (written,) = (tmp_path / "board" / "toy-gru").glob("trial-*")
    # As if the second had been interrupted half-way.
    written.rename(written.with_name(f".{files._place(second).name}.partial"))
    assert len(files.missing(lab.trials())) == 2
    for trial in (first, second):
        files.log(trial)
    assert files.missing(lab.trials()) == []
    assert len(list((tmp_path / "board" / "toy-gru").iterdir())) == 2
    assert steps(files._place(second), "train/loss") == [1, 2]
    assert steps(files._place(second), "best_validation_accuracy") == [2]


def test_an_epoch_of_several_folds_is_their_mean_and_one_that_has_ended_counts_with_its_best(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 1}, "split": {"folds": 2}, "training": {"epochs": 4, "patience": 1}})
    lab.search()
    (trial,) = lab.trials()
    assert trial.state == TrialState.COMPLETE
    told = [epoch.scores["validation_accuracy"] for epoch in trial_record(trial).epochs]
    assert told == pytest.approx([trial.intermediate_values[epoch] for epoch in sorted(trial.intermediate_values)])


@pytest.mark.parametrize(
    "address", ["nonsense", "http://", "ftp://host/x", "file:///tmp/x", "env:NO_SUCH_VARIABLE", ""]
)
def test_an_address_of_no_use_is_refused_in_a_sentence(address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_trackers(address, None)
    (problem,) = caught.value.problems
    assert problem.path == "--mlflow"


def test_what_is_missing_or_secret_is_said_before_anything_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRACKER", "https://me:hidden@tracker.example")
    assert read_trackers("env:TRACKER", None) == Trackers("https://me:hidden@tracker.example")
    shown = read_trackers("https://me:hidden@tracker.example", BELOW_THE_STUDY).note
    assert shown is not None
    assert "hidden" not in shown
    assert read_trackers(DEFAULT_MLFLOW, None).note is None
    (tmp_path / "file").touch()
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(SettingsError) as caught:
        read_trackers(DEFAULT_MLFLOW, str(tmp_path / "file"))
    words = str(caught.value)
    assert "pip install 'mlflow" in words
    assert "must be a folder" in words


@pytest.mark.parametrize(
    ("address", "text", "expected"),
    [
        ("http://me:pass%20word@h/x", "no way to http://me:pass%20word@h/x", "no way to http://h/x"),
        ("http://me:pass%20word@h", "wrong password: pass word", "wrong password: ***"),
        ("postgresql://h/db?password=hidden1", "postgresql://h/db?password=hidden1", "postgresql://h/db?***"),
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db", "sqlite:///mlflow.db"),
    ],
)
def test_no_secret_is_said(address: str, text: str, expected: str) -> None:
    assert without_secrets(text, address) == expected
