"""Several processes on one study: started, listened to, started again when they crash.

They share out the trials among themselves by the locks of ``claims``; whoever else runs the same study on this machine
joins in. A trial whose worker died goes on in the next one that is free, from its last epoch, under its own number.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

import torch
from optuna.trial import FrozenTrial, TrialState

from ..core.stopping import StopWatch, interrupts_held
from ..study.context import RunContext, packed
from ..study.leases import note_crash
from ..study.samplers import n_finished
from ..training.devices import n_workers
from ..training.sharing import shared
from .loop import Ended, Observer, finished
from .worker import Job, work

# Restarts of each worker on average, until one of them has finished a trial again.
MOST_RESTARTS_EACH = 5
_LOOK_SECONDS = 0.2
# To finish a step and leave. A worker that is killed then loses no more than one that left: the epoch under way.
LEAVE_SECONDS = 3.0

# To load torch and Optuna takes seconds and 200 MB. Where forks are safe, one process does so for all workers.
if sys.platform == "linux":
    _CONTEXT = multiprocessing.get_context("forkserver")
    _CONTEXT.set_forkserver_preload([work.__module__])
else:
    _CONTEXT = multiprocessing.get_context("spawn")


class WorkersObserver(Observer, Protocol):
    """Is told what happens in all workers, and to them."""

    def trial_crashed(self, number: int, reason: str) -> None:
        """The process that worked on a trial is gone; another one goes on with the trial."""


@dataclass
class Worker:
    """A worker as the process that started it knows it.

    Attributes:
        connection: Gives its events.
        trial: That it works on; None between two.
        has_begun: Whether it has come to a trial.
        ended: What it said in the end; None if it did not come to that.
        broke: What went wrong, if it could still say so.
    """

    process: BaseProcess
    connection: Connection
    job: Job
    trial: int | None = None
    has_begun: bool = False
    ended: Ended | None = None
    broke: str = ""


class SeveralProcesses:
    """``machine.workers`` of this machine at once; CUDA devices are dealt out in turn."""

    def run(self, context: RunContext, observer: WorkersObserver, stop: StopWatch) -> Ended:
        """See ``Executor``."""
        study, settings, device = context.study, context.settings, context.device
        gpus: list[str] = _visible_gpus() if device.type == "cuda" and device.index is None else []
        seconds_left = stop.seconds_left
        deadline = None if seconds_left is None else time.monotonic() + seconds_left
        with shared(context.splits, context.folder.root / ".workers") as (described, tensors):
            job = Job(packed(context), described, tensors, None, deadline)
            n_missing = max(1, settings.search.trials - n_finished(study))
            jobs = [
                replace(job, visible_gpu=gpus[k % len(gpus)] if gpus else None)
                for k in range(min(n_workers(settings), n_missing))
            ]
            return _Pool(context, observer, stop).run(jobs)


class _Pool:
    """The running workers of one search."""

    def __init__(self, context: RunContext, observer: WorkersObserver, stop: StopWatch) -> None:
        self._context, self._observer, self._stop = context, observer, stop
        self._workers: list[Worker] = []
        self._n_restarts = self._most_restarts = 0
        self._could_not_begin: set[str] = set()
        self._patience_ends: float | None = None

    def run(self, jobs: Sequence[Job]) -> Ended:
        """Starts a worker for each job and waits until none is left."""
        self._most_restarts = MOST_RESTARTS_EACH * len(jobs)
        ends: list[Ended] = []
        try:
            for job in jobs:
                self._start(job)
            while self._workers:
                if self._stop.reason is not None:
                    self._stop_all()
                self._lose_patience()
                for source in wait([worker.connection for worker in self._workers], timeout=_LOOK_SECONDS):
                    worker = next(worker for worker in self._workers if worker.connection is source)
                    if not self._hear(worker):
                        ends += self._part_from(worker)
        finally:
            for worker in self._workers:
                worker.process.kill()
                worker.process.join()
        return self._conclude(ends)

    def _start(self, job: Job) -> None:
        ours, theirs = multiprocessing.Pipe()
        process = _CONTEXT.Process(target=work, args=(job, theirs), daemon=True)
        with interrupts_held():
            process.start()
        # Only the worker holds the other end now, so that its death is the end of the connection.
        theirs.close()
        self._workers.append(Worker(process, ours, job))

    def _hear(self, worker: Worker) -> bool:
        """Takes one event of a worker; False when there will be no more."""
        try:
            event, details = worker.connection.recv()
        except (EOFError, OSError):
            return False
        if event == "broke":
            (worker.broke,) = details
        elif event == "ended":
            (worker.ended,) = details
            if worker.ended.reason.startswith("target") or worker.ended.failure:
                self._stop_all()
        else:
            worker.has_begun = True
            worker.trial = details[0] if event != "trial_finished" else None
            if event == "trial_finished" and details[1] in ("complete", "pruned", "paused"):
                self._n_restarts = 0
            getattr(self._observer, event)(*details)
        return True

    def _part_from(self, worker: Worker) -> list[Ended]:
        """Sees a worker off: how it ended, or nothing if it crashed and another has taken its place."""
        worker.process.join(LEAVE_SECONDS)
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        code = worker.process.exitcode
        if worker.ended is not None and worker.ended.reason != "terminated":
            return [worker.ended]
        if self._stop.signal is not None or self._patience_ends is not None:
            return []
        reason = worker.broke or describe_exit(code)
        if worker.ended is None and worker.trial is not None:
            crashed = note_crash(self._context.study, self._context.folder, worker.trial, reason)
            tell_crash(self._observer, crashed, reason)
        may_begin = worker.has_begun or worker.ended is not None or not code or code < 0
        if not may_begin and reason in self._could_not_begin:
            self._stop_all()
            return [Ended("workers cannot begin", reason)]
        if not may_begin:
            self._could_not_begin.add(reason)
        if self._n_restarts == self._most_restarts:
            self._stop_all()
            return [Ended(f"{self._n_restarts + 1} workers ended before they had finished a trial", reason)]
        self._n_restarts += 1
        self._start(worker.job)
        return []

    def _stop_all(self) -> None:
        if self._patience_ends is not None:
            return
        self._patience_ends = time.monotonic() + LEAVE_SECONDS
        # One that ends by itself shall not take it for a signal.
        for worker in [worker for worker in self._workers if worker.ended is None]:
            try:
                worker.connection.send("stop")
            except OSError:
                continue  # It has died, which will be noticed in its turn.

    def _lose_patience(self) -> None:
        """Ends workers that were told to stop and have not: suspended ones, or those in a very long step."""
        if self._patience_ends is not None and time.monotonic() > self._patience_ends:
            for worker in self._workers:
                worker.process.kill()

    def _conclude(self, ends: Sequence[Ended]) -> Ended:
        """One end out of those of all workers."""
        if self._stop.signal is not None:
            return Ended(self._stop.reason or "stopped")
        for end in ends:
            if end.failure or end.reason.startswith("target"):
                return end
        late = [end for end in ends if end.reason == "time is up"]
        if late or self._stop.reason is not None:
            return Ended("time is up")
        return finished(self._context)


def tell_crash(observer: WorkersObserver, trial: FrozenTrial, reason: str) -> None:
    """Tells that the process that worked on a trial is gone; the trial is as ``note_crash`` left it."""
    if trial.state.is_finished():
        # Given up now, or stored by a process that died before it could say so.
        state = "failed" if trial.state == TrialState.FAIL else trial.state.name.lower()
        value = trial.values[0] if trial.values else None
        observer.trial_finished(trial.number, state, value, trial.user_attrs.get("reason", ""))
    else:
        observer.trial_crashed(trial.number, reason)


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
