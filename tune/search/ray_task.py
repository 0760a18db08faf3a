"""A task of a Ray cluster: one trial, by its number, on whatever machine it came to."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from numpy.typing import NDArray

from ..core.stopping import StopWatch
from ..study.context import PackedContext, RunContext
from ..study.leases import lease_numbered
from ..training.devices import share_gpu
from ..training.sharing import with_tensors
from .loop import Ended, ThisProcess
from .ray_queue import Event
from .worker import Reporter, in_a_sentence

_LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class TaskJob:
    """What all tasks of a search have in common.

    Attributes:
        key: Another one for every search.
        context: May hold a password, and is an argument since those are in no list and no log.
        splits: Description of the data, for ``sharing.with_tensors``.
    """

    key: str
    context: PackedContext
    splits: bytes


@dataclass(frozen=True)
class TaskResult:
    """How a task ended.

    Attributes:
        events: All that happened, which may be known already.
        ended: Why it came to its end; None if it broke.
        broke: What went wrong, in a sentence.
    """

    events: list[Event]
    ended: Ended | None
    broke: str = ""


def run_numbered_trial(
    job: TaskJob, arrays: Sequence[NDArray[Any]], number: int, task_id: int, queue: Any
) -> TaskResult:
    """Runs one trial of a study, from where it is, unless somebody else has taken it up."""
    torch.set_num_threads(job.context.settings.machine.threads)
    events: list[Event] = []

    def tell(event: str, *details: Any) -> None:
        events.append(Event(task_id, len(events), event, details))
        queue.tell.remote(events[-1])

    try:
        context = _opened(job, arrays)
        share_gpu(context.settings, context.device)
        n_trials = context.settings.search.trials
        executor = ThisProcess(partial(lease_numbered, context.study, context.folder, number, n_trials))
        ended = executor.run(context, Reporter(tell), StopWatch(is_asked=_asking(queue)))
    except Exception as error:
        return TaskResult(events, None, in_a_sentence(error))
    return TaskResult(events, ended)


_opened_last: dict[str, RunContext] = {}


def _opened(job: TaskJob, arrays: Sequence[NDArray[Any]]) -> RunContext:
    """The study with its data; a process that gets one task of a search after another opens them once."""
    if job.key not in _opened_last:
        _opened_last.clear()
        with warnings.catch_warnings():
            # Nobody may write to memory that all tasks share, and nobody does.
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            tensors = [torch.from_numpy(array) for array in arrays]
        _opened_last[job.key] = job.context.opened(with_tensors(job.splits, tensors))
    return _opened_last[job.key]


def _asking(queue: Any) -> Callable[[], bool]:
    """Asks the queue now and then whether to stop, and never waits for its answer.

    A signal to a process of Ray's would stop it in the midst of a step.
    """
    import ray

    answer: Any = None
    due = 0.0

    def is_asked() -> bool:
        nonlocal answer, due
        if answer is None:
            if time.monotonic() >= due:
                answer = queue.shall_stop.remote()
            return False
        if not ray.wait([answer], timeout=0)[0]:
            return False
        given, answer, due = answer, None, time.monotonic() + _LOOK_SECONDS
        try:
            return bool(ray.get(given))
        except ray.exceptions.RayError:
            return False  # The queue is being started again.

    return is_asked
