"""A process that tells trackers of what the database holds.

It stands apart so that nothing in the tuner waits for a tracker, and so that what a tracker's package does to a process
(its memory, its threads, its log) does not happen to the tuner.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from multiprocessing.connection import Connection

from optuna import Study
from optuna.storages import RDBStorage

from ..config.settings import resolve
from ..config.trackers import Trackers, without_secrets
from ..core.folders import StudyFolder
from ..study.locks import Lock, try_trial_lock
from ..study.servers import is_unavailable
from ..study.storage import open_storage
from ..study.study import load_study, stored_settings, with_history
from .event_files import EventFiles
from .mlflow_runs import MlflowRuns, prepare
from .records import STATES

# Keeps the trials of one study in a place of its own; its ``conclude`` comes once the exports are there.
Tracker = EventFiles | MlflowRuns


def track(storage_url: str, trackers: Trackers, connection: Connection) -> None:
    """The whole life of the process: looks at studies as it is told to, until it is told nothing more.

    Args:
        storage_url: The database; comes through a pipe, since it may hold a password.
        trackers: Where to track.
        connection: Gives folders of studies to look at, each with whether its study is done for now, and None in the
            end. Takes ``begun`` once the trackers' packages are loaded, which takes long on a busy machine; ``logged``
            with tracker and place for every trial; ``broke`` with the reason too for a tracker that is left alone from
            now on; ``ended`` with a study of which everything is told; and None in the end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _be_quiet()
    makers: list[type[Tracker]] = [EventFiles] if trackers.tensorboard is not None else []
    if trackers.mlflow is not None:
        makers.append(MlflowRuns)
        prepare()
    office = _Office(storage_url, trackers, makers, connection)
    with suppress(EOFError, OSError):
        connection.send(("begun",))
        while (message := connection.recv()) is not None:
            office.look(*message)
        connection.send(None)


class _Office:
    """Everything that the process knows."""

    def __init__(
        self, storage_url: str, trackers: Trackers, makers: list[type[Tracker]], connection: Connection
    ) -> None:
        self._storage_url, self._trackers, self._makers, self._connection = storage_url, trackers, makers, connection
        # With the lock that lets this process alone tell each tracker of a study.
        self._kept: dict[tuple[str, str], tuple[Tracker, Lock]] = {}

    def look(self, folder: StudyFolder, is_last: bool) -> None:
        """Tells every tracker what it does not know yet of a study; one that fails is told nothing more in this run."""
        for maker in list(self._makers):
            try:
                self._tell(maker, folder, is_last)
            except (EOFError, BrokenPipeError):
                raise  # The run is gone.
            except Exception as error:  # Every tracker has errors of its own.
                if not is_unavailable(error):
                    self._makers.remove(maker)
                    place = self._shown(maker.name, folder)
                    self._connection.send(("broke", maker.name, place, self._plain(_in_a_line(error))))
        self._connection.send(("ended", folder.study_name))

    def _tell(self, maker: type[Tracker], folder: StudyFolder, is_last: bool) -> None:
        study = self._study(folder)
        tracker = self._tracker(maker, study, folder)
        if tracker is None:
            return  # Another process tells this tracker of the study, and will of our trials.
        finished = [
            trial
            for trial in study.get_trials(deepcopy=False)
            if trial.state in STATES and trial.datetime_start is not None
        ]
        for trial in tracker.missing(finished):
            tracker.log(with_history(study, trial))
            self._connection.send(("logged", tracker.name, self._shown(tracker.name, folder)))
        if is_last:
            tracker.conclude()

    def _tracker(self, maker: type[Tracker], study: Study, folder: StudyFolder) -> Tracker | None:
        key = (maker.name, folder.study_name)
        if key not in self._kept:
            tracker = maker(self._trackers, study, resolve(stored_settings(study) or {}), folder)
            where = sha256(tracker.place.encode()).hexdigest()[:12]
            lock = try_trial_lock(study, folder, f"tracking-{maker.name.lower()}-{where}")
            if lock is None:
                return None
            self._kept[key] = tracker, lock
        return self._kept[key][0]

    def _shown(self, name: str, folder: StudyFolder) -> str:
        return self._plain(self._trackers.mlflow or "") if name == "MLflow" else str(self._trackers.event_files(folder))

    def _plain(self, text: str) -> str:
        return without_secrets(text, self._trackers.mlflow or "")

    @cached_property
    def _storage(self) -> RDBStorage:
        return open_storage(self._storage_url)

    def _study(self, folder: StudyFolder) -> Study:
        study = load_study(self._storage, folder.study_name)
        if study is None:
            raise LookupError(f"study {folder.study_name!r} is no longer in the database")
        return study


def _be_quiet() -> None:
    """Leaves the terminal to the tuner, and the processor too."""
    os.nice(5) if hasattr(os, "nice") else None
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)


def _in_a_line(error: BaseException) -> str:
    """What the innermost error says, if it is the system's; else what the outermost does, as it explains more."""
    inner = error
    while "Timeout" not in type(inner).__name__:
        cause = inner.__cause__ or inner.__context__
        if cause is None:
            break
        inner = cause
    else:
        return "it does not answer in time"
    said = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(error)
    line = " ".join(said.split()) or type(error).__name__
    return line if len(line) <= 300 else line[:299] + "…"
