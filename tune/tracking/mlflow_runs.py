"""Runs in MLflow: one for the study, and below it one for every trial.

A run is found again by its tags, the study's random id and the trial's number. A trial's run is ended last of all, so
that one which is still open was interrupted, and is told once more; MLflow keeps a value once that it gets twice with
the same step and time.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from optuna import Study
from optuna.trial import FrozenTrial

from ..config.settings import Settings
from ..config.trackers import Trackers
from ..core.folders import BEST_MODEL, StudyFolder
from ..report.artefacts import PARETO_PICTURE, PICTURES, REPORT_PICTURES
from ..report.page_names import REPORT_PAGE, REPORT_TEXT
from ..study.selection import selected_trial
from ..study.store import identity
from ..study.tested import evaluation_of
from ..study.trial_files import trial_files, write_files
from ..training.metrics import METRIC_LABELS
from .records import study_parameters, trial_record

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

EXPERIMENT = "seqtune"
STUDY_TAG, TRIAL_TAG, STATE_TAG = "seqtune.study_id", "seqtune.trial", "seqtune.state"
EXPORTS = (
    "best_config.json",
    "trials.csv",
    "plots.html",
    REPORT_PAGE,
    REPORT_TEXT,
    *PICTURES,
    PARETO_PICTURE,
    *REPORT_PICTURES,
)

# Ours are the ends that people give the states; MLflow has no word for "pruned".
_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
_PAGE, _BATCH, _LONGEST = 500, 500, 500
# By itself it tries for minutes, and tells its makers about it.
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


class MlflowRuns:
    """The runs of one study; for a process that does nothing else, since its environment is changed."""

    name = "MLflow"

    def __init__(self, trackers: Trackers, study: Study, settings: Settings, folder: StudyFolder) -> None:
        self.place = _without_account(trackers.mlflow or "")
        self._study, self._settings, self._folder = study, settings, folder
        self._identity = identity(study)
        self._experiment = self._parent = ""
        self._runs: dict[int, str] = {}
        self._logged: set[int] = set()

    def missing(self, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """The finished trials that have no ended run yet."""
        _ = self._client  # Finds which are there.
        return [trial for trial in trials if trial.number not in self._logged]

    def log(self, trial: FrozenTrial) -> None:
        """Logs one trial: all of its epochs, what it came to, and its files."""
        from mlflow.entities import Metric, Param

        client, record = self._client, trial_record(trial)
        run = self._runs.get(trial.number)
        if run is None:
            run = client.create_run(
                self._experiment,
                start_time=round(1000 * record.started),
                run_name=f"{self._study.study_name} {record.number}",
                tags={
                    "mlflow.parentRunId": self._parent,
                    STUDY_TAG: self._identity,
                    TRIAL_TAG: str(record.number),
                    STATE_TAG: record.state,
                    **({"seqtune.reason": record.reason[:_LONGEST]} if record.reason else {}),
                },
            ).info.run_id
            self._runs[trial.number] = run
        ended = round(1000 * record.ended)
        metrics = [
            Metric(name, value, round(1000 * epoch.ended), epoch.number)
            for epoch in record.epochs
            for name, value in epoch.scores.items()
        ]
        metrics += [Metric(name, value, ended, len(record.epochs)) for name, value in record.final.items()]
        parameters = [Param(name, str(value)[:_LONGEST]) for name, value in record.parameters.items()]
        client.log_batch(run, params=parameters[:100])
        for begin in range(0, len(metrics), _BATCH):
            client.log_batch(run, metrics=metrics[begin : begin + _BATCH])
        if "value" in record.final:
            client.log_batch(self._parent, metrics=[Metric("value", record.final["value"], ended, record.number)])
        files = trial_files(self._folder, self._study, trial)
        # The tuner writes them beside its next trial, and may not have come to it.
        write_files({path: content for path, content in files.items() if not path.is_file()})
        self._attach(run, list(files))
        client.set_terminated(run, _STATUS[record.state], end_time=ended)
        self._logged.add(trial.number)

    def conclude(self) -> None:
        """Logs what the study came to, and its files, once these are written."""
        from mlflow.entities import Metric

        client, best = self._client, selected_trial(self._study)
        finished = [trial for trial in self._study.get_trials(deepcopy=False) if trial.datetime_complete is not None]
        if best is not None and best.state.is_finished():
            record = trial_record(best)
            when = round(
                1000 * max(trial.datetime_complete.timestamp() for trial in finished if trial.datetime_complete)
            )
            found = evaluation_of(self._study.user_attrs, best).get("test", {})
            values = {name: value for name, value in record.final.items() if name != "value"}
            values |= {"best_trial": float(best.number)}
            # A default one that was ended early in the search has none.
            values |= {"best_value": record.final["value"]} if "value" in record.final else {}
            values |= {f"test_{name}": found[name] for name in METRIC_LABELS if name in found}
            client.log_batch(
                self._parent, metrics=[Metric(name, value, when, len(finished)) for name, value in values.items()]
            )
        root = self._folder.root
        self._attach(self._parent, [root / name for name in EXPORTS])
        self._attach(self._parent, sorted((root / BEST_MODEL).glob("*")), BEST_MODEL)
        client.set_terminated(self._parent)

    @cached_property
    def _client(self) -> MlflowClient:
        """Finds the runs that there are, and begins that of the study, or goes on with it."""
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        client = MlflowClient(self.place)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        self._experiment = client.create_experiment(EXPERIMENT) if experiment is None else experiment.experiment_id
        parent = None
        for run in _all_runs(client, self._experiment, f"tags.`{STUDY_TAG}` = '{self._identity}'"):
            number = run.data.tags.get(TRIAL_TAG)
            if number is None:
                parent = run
                continue
            self._runs[int(number)] = run.info.run_id
            if run.info.status in _STATUS.values():
                self._logged.add(int(number))
        if parent is None:
            parent = client.create_run(
                self._experiment,
                run_name=self._study.study_name,
                tags={STUDY_TAG: self._identity, "seqtune.study": self._study.study_name},
            )
        self._parent = parent.info.run_id
        client.update_run(self._parent, status="RUNNING")
        parameters = [
            Param(name, value[:_LONGEST])
            for name, value in study_parameters(self._settings).items()
            if name not in parent.data.params
        ]
        client.log_batch(self._parent, params=parameters[:100])
        return client

    def _attach(self, run: str, files: list[Path], below: str | None = None) -> None:
        for file in files:
            if file.is_file():
                self._client.log_artifact(run, str(file), below)


def _all_runs(client: MlflowClient, experiment: str, query: str) -> list[Run]:
    runs: list[Run] = []
    token: Any = None
    while True:
        page = client.search_runs([experiment], query, max_results=_PAGE, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs


def prepare() -> None:
    """Sets up the environment for MLflow, and loads it; what is wrong with it is told of when it is used."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with suppress(ImportError):
        import mlflow.tracking  # noqa: F401


def _without_account(address: str) -> str:
    """The address without the account, which goes into the environment: MLflow puts the address into its errors."""
    parts = urlsplit(address)
    account, _, host = parts.netloc.rpartition("@")
    if parts.scheme not in ("http", "https") or not account:
        return address
    user, _, password = account.partition(":")
    os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(user)
    os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(password)
    return parts._replace(netloc=host).geturl()
