"""Where the trials of a study run: in this process, in several, or on a cluster."""

from __future__ import annotations

from typing import Protocol

from ..config.settings import Settings
from ..core.stopping import StopWatch
from ..study.context import RunContext
from ..training.devices import n_workers
from .loop import Ended, ThisProcess
from .workers import SeveralProcesses, WorkersObserver


class Executor(Protocol):
    """Runs the trials of a study."""

    def run(self, context: RunContext, observer: WorkersObserver, stop: StopWatch) -> Ended:
        """Runs trials until the study has ``search.trials`` finished ones, its target, no time, or too many failures.

        A trial that has to be left stays as it is, with its checkpoint, for the next run to go on with.

        Raises:
            StudyError: If there is no such cluster, or it cannot share the study.
            StorageError: If the database fails, or the study in it is no longer the same.
            OSError: If the disk is full or may not be written.
        """


def executor_for(settings: Settings) -> Executor:
    """The one that the settings of a study ask for."""
    if settings.machine.engine == "ray":
        # Only here, since few have it and its import takes seconds.
        from .ray_engine import RayCluster

        return RayCluster()
    return ThisProcess() if n_workers(settings) == 1 else SeveralProcesses()
