"""Several processes on one study: started, listened to, started again when they crash.

They share out the trials among themselves by the locks of ``claims``; whoever else runs the same study on this machine
joins in. A trial whose worker died goes on in the next one that is free, from its last epoch, under its own number.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Protocol

import torch
from optuna import Study

from .claims import note_crash
from .config import Settings
from .folders import StudyFolder
from .parts import Parts
from .samplers import n_finished
from .search import Ended, Observer
from .sharing import share
from .stopping import StopWatch
from .worker import Job, work

MOST_RESTARTS_EACH = 5
_LOOK_SECONDS = 0.2
_LEAVE_SECONDS = 20.0


class WorkersObserver(Observer, Protocol):
    """Is told what happens in all workers, and to them."""

    def trial_crashed(self, number: int, reason: str) -> None:
        """The process that worked on a trial is gone; another one will go on with it."""


@dataclass
class Worker:
    """A worker as the process that started it knows it.

    Attributes:
        process: Of the worker.
        connection: Gives its events.
        job: What it was started with.
        trial: That it works on; None between two.
        ended: What it said in the end; None if it did not come to that.
    """

    process: SpawnProcess
    connection: Connection
    job: Job
    trial: int | None = None
    ended: Ended | None = None


def n_workers(settings: Settings) -> int:
    """How many workers the setting means: 0 is one for every GPU or, without any, for every core."""
    if settings.machine.workers:
        return settings.machine.workers
    if settings.machine.device in ("auto", "cuda") and torch.cuda.is_available():
        return torch.cuda.device_count()
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(n_cores // settings.machine.threads, settings.search.trials))


def search_with_workers(
    storage_url: str,
    study: Study,
    settings: Settings,
    parts: Parts,
    folder: StudyFolder,
    *,
    device: torch.device,
    observer: WorkersObserver,
    stop: StopWatch,
) -> Ended:
    """As ``search.search``, with ``machine.workers`` processes at once.

    Args:
        storage_url: The database, which every worker opens for itself.
        study: To work on.
        settings: Of the study.
        parts: Of the study.
        folder: Of the study.
        device: Trains here; CUDA devices are dealt out in turn.
        observer: Told what happens in all workers.
        stop: Says when to stop.

    Raises:
        OSError: If the data cannot be written for the workers.
    """
    tensors = folder.root / ".workers" / f"data-{os.getpid()}.pt"
    described = share(parts, tensors)
    job = Job(storage_url, folder, settings, described, tensors, str(device), None, None)
    gpus: list[str] = _visible_gpus() if device.type == "cuda" and device.index is None else []
    jobs = [replace(job, visible_gpu=gpus[k % len(gpus)] if gpus else None) for k in range(n_workers(settings))]
    try:
        return _Pool(study, folder, observer, stop).run(jobs, settings.search.trials)
    finally:
        tensors.unlink(missing_ok=True)


class _Pool:
    """The running workers of one search."""

    def __init__(self, study: Study, folder: StudyFolder, observer: WorkersObserver, stop: StopWatch) -> None:
        self._study, self._folder, self._observer, self._stop = study, folder, observer, stop
        self._workers: list[Worker] = []
        self._n_restarts_left = 0
        self._told_to_stop = False

    def run(self, jobs: Sequence[Job], n_trials: int) -> Ended:
        """Starts a worker for each job and waits until none is left."""
        self._n_restarts_left = MOST_RESTARTS_EACH * len(jobs)
        self._workers = [self._start(job) for job in jobs]
        ends: list[Ended] = []
        try:
            while self._workers:
                if self._stop.signal is not None:
                    self._stop_all()
                for source in wait([worker.connection for worker in self._workers], timeout=_LOOK_SECONDS):
                    worker = next(worker for worker in self._workers if worker.connection is source)
                    if not self._hear(worker):
                        ends += self._part_from(worker)
        finally:
            for worker in self._workers:
                worker.process.kill()
        return self._conclude(ends, n_trials)

    def _start(self, job: Job) -> Worker:
        ours, theirs = multiprocessing.Pipe()
        left = self._stop.seconds_left
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=work, args=(replace(job, timeout_seconds=left), theirs), daemon=True)
        process.start()
        # Only the worker holds the other end now, so that its death is the end of the connection.
        theirs.close()
        return Worker(process, ours, job)

    def _hear(self, worker: Worker) -> bool:
        """Takes one event of a worker; False when there will be no more."""
        try:
            event, details = worker.connection.recv()
        except (EOFError, OSError):
            return False
        if event == "ended":
            (worker.ended,) = details
            if worker.ended.reason.startswith("target") or worker.ended.failure:
                self._stop_all()
            return True
        worker.trial = details[0] if event != "trial_finished" else None
        getattr(self._observer, event)(*details)
        return True

    def _part_from(self, worker: Worker) -> list[Ended]:
        """Sees a worker off: how it ended, or nothing if it crashed and another has taken its place."""
        worker.process.join(_LEAVE_SECONDS)
        worker.process.kill()
        worker.connection.close()
        self._workers.remove(worker)
        code = worker.process.exitcode
        if worker.ended is not None and (worker.ended.failure or code == 0):
            return [worker.ended]
        if self._stop.signal is not None or self._told_to_stop:
            return []
        reason = describe_exit(code)
        if worker.ended is None and worker.trial is not None:
            note_crash(self._study, self._folder, worker.trial, reason)
            self._observer.trial_crashed(worker.trial, reason)
        if not self._n_restarts_left:
            self._stop_all()
            return [Ended("too many workers ended before their time", reason)]
        self._n_restarts_left -= 1
        self._workers.append(self._start(worker.job))
        return []

    def _stop_all(self) -> None:
        if self._told_to_stop:
            return
        self._told_to_stop = True
        for worker in self._workers:
            try:
                worker.connection.send("stop")
            except OSError:
                continue  # It has ended, which will be noticed in its turn.

    def _conclude(self, ends: Sequence[Ended], n_trials: int) -> Ended:
        """One end out of those of all workers."""
        failed = [end for end in ends if end.failure]
        reached = [end for end in ends if end.reason.startswith("target")]
        if self._stop.reason is not None and not reached:
            return Ended(self._stop.reason)
        if failed or reached:
            return (failed or reached)[0]
        n_done = n_finished(self._study)
        return Ended(f"{n_done} trial{'' if n_done == 1 else 's'} finished")


def describe_exit(code: int | None) -> str:
    """Why a process ended, for people."""
    if code is not None and code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        why = {"SIGKILL": ", which is what the system does when memory runs out", "SIGSEGV": ", a fault in its memory"}
        return f"its worker was ended by {name}{why.get(name, '')}"
    return f"its worker ended with exit code {code}"


def _visible_gpus() -> list[str]:
    """The GPUs to deal out, as ``CUDA_VISIBLE_DEVICES`` names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return [gpu for gpu in named.split(",") if gpu] or [str(k) for k in range(torch.cuda.device_count())]
