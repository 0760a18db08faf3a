"""A study on a Ray cluster: a task for each trial, on whatever machine has room for it.

What is shared out, adopted and counted is as everywhere: the trial is claimed here, and the task that gets its number
locks it for as long as it works on it. Ray's own repetition of tasks is off, since it would neither tell which trial
lost its process nor why: a task that died is begun again here, with the same number, and goes on from its checkpoint.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from ..core.stopping import StopWatch
from ..study.brackets import plan_of
from ..study.constraints import draw_what_may_be_trained
from ..study.context import RunContext, packed
from ..study.leases import lease_trial, note_crash
from ..training.sharing import without_tensors
from .loop import MOST_FAILURES_IN_A_ROW, Ended, finished, seconds_afterwards, target_reached
from .ray_cluster import Request, n_places, request_of, running_cluster
from .ray_queue import Event, EventQueue
from .ray_task import TaskJob, TaskResult, run_numbered_trial
from .workers import LEAVE_SECONDS, MOST_RESTARTS_EACH, WorkersObserver, tell_crash

_LOOK_SECONDS = 0.1
_LOOK_AT_CLUSTER_SECONDS = 5.0


@dataclass(frozen=True)
class _Task:
    """A task as the process that began it knows it.

    Attributes:
        task_id: Tells it from an earlier task with the same trial.
    """

    number: int
    task_id: int


class RayCluster:
    """A task for each trial; the machines of the cluster should be able to reach the study's folder."""

    def run(self, context: RunContext, observer: WorkersObserver, stop: StopWatch) -> Ended:
        """See ``Executor``."""
        here = packed(context)
        described, tensors = without_tensors(context.splits)
        n_bytes = sum(tensor.nbytes for tensor in tensors)
        with running_cluster(here.settings, here.storage_url, n_bytes) as ray:
            request = request_of(here.settings, context.device.type, ray)
            folder = replace(here.folder, save_dir=here.folder.save_dir.resolve())
            there = replace(here, storage_url=_absolute(here.storage_url), folder=folder, device=request.device)
            job = TaskJob(uuid.uuid4().hex, there, described)
            given = (ray.put(job), ray.put([tensor.numpy() for tensor in tensors]))
            draw_what_may_be_trained(context.study, context.settings, context.splits)
            return _Tasks(ray, given, request, context, observer, stop).run()


class _Tasks:
    """The tasks of one search."""

    def __init__(
        self,
        ray: Any,
        given: tuple[Any, Any],
        request: Request,
        context: RunContext,
        observer: WorkersObserver,
        stop: StopWatch,
    ) -> None:
        self._ray, self._given, self._request, self._context = ray, given, request, context
        self._study, self._settings, self._folder = context.study, context.settings, context.folder
        self._splits = context.splits
        self._observer, self._stop = observer, stop
        self._queue = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(EventQueue).remote()
        self._remote = ray.remote(num_cpus=request.cpus, num_gpus=request.gpus, max_retries=0)(run_numbered_trial)
        self._running: dict[Any, _Task] = {}
        self._heard: Counter[int] = Counter()
        self._events: Any = None
        self._again: list[int] = []
        self._may_be_more = True
        self._n_tasks = self._n_restarts = self._n_failures = self._n_places = 0
        self._looked_at_cluster = -_LOOK_AT_CLUSTER_SECONDS
        self._could_not_begin: set[str] = set()
        self._end: Ended | None = None
        self._patience_ends: float | None = None

    def run(self) -> Ended:
        """Begins tasks and waits for them until the study has what was asked for."""
        has_changed = True
        while True:
            if has_changed:
                self._stop.reserved_seconds = seconds_afterwards(self._study, self._settings, self._splits)
                if self._end is None and target_reached(self._study, self._settings):
                    self._end = Ended(f"target {self._settings.search.target:g} reached")
            if self._end is None and self._stop.reason is not None:
                self._end = Ended(self._stop.reason)
            if self._end is None:
                self._begin_tasks()
            if not self._running and self._end is None and self._more_to_come:
                self._may_be_more = True  # When others, who share the study, have got as far.
            elif not self._running:
                return self._end or finished(self._context)
            self._lose_patience()
            self._hear()
            time.sleep(_LOOK_SECONDS)
            ready = (
                self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)[0]
                if self._running
                else []
            )
            for task in ready:
                self._settle(task)
            has_changed = bool(ready)

    def _begin_tasks(self) -> None:
        """Begins as many tasks as there is room for, those first whose last process has died."""
        if time.monotonic() - self._looked_at_cluster >= _LOOK_AT_CLUSTER_SECONDS:
            self._n_places = n_places(self._settings, self._request, self._ray)
            self._looked_at_cluster = time.monotonic()
        while len(self._running) < self._n_places and (self._again or self._may_be_more):
            number = self._again.pop(0) if self._again else self._claim()
            if number is None:
                self._may_be_more = False
                return
            task = _Task(number, self._n_tasks)
            self._n_tasks += 1
            self._running[self._remote.remote(*self._given, number, task.task_id, self._queue)] = task

    @property
    def _more_to_come(self) -> bool:
        return plan_of(self._study, self._settings.search.trials).more_to_come

    def _claim(self) -> int | None:
        given_out = {task.number for task in self._running.values()}
        lease = lease_trial(self._study, self._folder, self._settings.search.trials, given_out)
        if lease is None:
            return None
        lease.lock.release()
        return lease.trial.number

    def _hear(self) -> None:
        """Takes the events from the queue, and says there whether the tasks shall stop."""
        if self._events is not None:
            if not self._ray.wait([self._events], timeout=0)[0]:
                return
            try:
                for event in self._ray.get(self._events):
                    self._pass_on(event)
            except self._ray.exceptions.RayError:
                pass  # The queue is being started again.
        self._events = self._queue.exchange.remote(self._end is not None)

    def _pass_on(self, event: Event) -> None:
        """Tells the observer what it has not been told yet, in the order in which it happened."""
        if event.place != self._heard[event.task_id]:
            return
        self._heard[event.task_id] += 1
        if event.name == "trial_finished":
            state, reason = event.details[1], event.details[3]
            self._n_failures = self._n_failures + 1 if state == "failed" else 0
            self._n_restarts = 0 if state in ("complete", "pruned", "paused") else self._n_restarts
            if self._n_failures == MOST_FAILURES_IN_A_ROW and self._end is None:
                self._end = Ended(f"{self._n_failures} trials in a row failed", reason)
        getattr(self._observer, event.name)(*event.details)

    def _settle(self, reference: Any) -> None:
        """Sees a task off that has come to its end, or to grief."""
        task = self._running.pop(reference)
        self._may_be_more = True
        try:
            result: TaskResult = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            result = TaskResult([], None, _why(error))
        for event in result.events:
            self._pass_on(event)
        has_begun = self._heard[task.task_id] > 0
        if result.ended is None and self._patience_ends is None:
            self._begin_again(task, has_begun, result.broke)

    def _begin_again(self, task: _Task, has_begun: bool, reason: str) -> None:
        if has_begun:
            tell_crash(self._observer, note_crash(self._study, self._folder, task.number, reason), reason)
        elif reason in self._could_not_begin:
            self._end = self._end or Ended("tasks cannot begin", reason)
        else:
            self._could_not_begin.add(reason)
        if self._n_restarts == MOST_RESTARTS_EACH * self._n_places:
            sentence = f"{self._n_restarts + 1} tasks ended before they had finished a trial"
            self._end = self._end or Ended(sentence, reason)
        self._n_restarts += 1
        self._again.append(task.number)

    def _lose_patience(self) -> None:
        """Ends tasks that were told to stop and have not."""
        if self._end is None:
            return
        if self._patience_ends is None:
            self._patience_ends = time.monotonic() + LEAVE_SECONDS
        elif time.monotonic() > self._patience_ends:
            for reference in self._running:
                self._ray.cancel(reference, force=True)
            self._running.clear()


def _why(error: Exception) -> str:
    """What Ray says of a task that died, without the advice that follows."""
    name = type(error).__name__
    known = {
        "WorkerCrashedError": "its process was killed, which is what the system does when memory runs out",
        "OutOfMemoryError": "its machine ran out of memory",
        "NodeDiedError": "its machine is gone",
    }
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    return known.get(name) or f"{name}: {said[-1][:300] if said else 'no reason given'}"


def _absolute(storage_url: str) -> str:
    """The address of the database for a process with another working directory."""
    address = make_url(storage_url)
    if address.get_backend_name() != "sqlite" or not address.database:
        return storage_url
    path = str(Path(address.database).resolve())
    return address.set(database=path).render_as_string(hide_password=False)
