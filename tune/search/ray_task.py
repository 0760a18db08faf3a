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

from ..config.spaces import Scalar
from ..core.stopping import StopWatch
from ..study.context import PackedContext, RunContext
from ..study.leases import lease_numbered
from ..training.sharing import with_tensors
from .loop import Ended, ThisProcess
from .ray_board import Event
from .worker import in_a_sentence

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


class _Teller:
    """An observer that puts on the board what happens."""

    def __init__(self, board: Any, task_id: int) -> None:
        self._board, self._ticket = board, task_id
        self.events: list[Event] = []

    def trial_started(self, number: int, parameters: dict[str, Scalar], resumed: bool) -> None:
        """A trial begins, or goes on."""
        self._tell("trial_started", number, parameters, resumed)

    def epoch_finished(self, number: int, epoch: int, score: float) -> None:
        """An epoch of a trial is done."""
        self._tell("epoch_finished", number, epoch, score)

    def trial_finished(self, number: int, state: str, value: float | None, reason: str) -> None:
        """A trial is stored."""
        self._tell("trial_finished", number, state, value, reason)

    def _tell(self, event: str, *details: Any) -> None:
        self.events.append(Event(self._ticket, len(self.events), event, details))
        self._board.tell.remote(self.events[-1])


def run_numbered_trial(
    job: TaskJob, arrays: Sequence[NDArray[Any]], number: int, task_id: int, board: Any
) -> TaskResult:
    """Runs one trial of a study, from where it is, unless somebody else has taken it up.

    Args:
        job: What to do.
        arrays: The data, in memory that all tasks of a machine share.
        number: Of the trial.
        task_id: Of this task.
        board: Handle of the actor ``Board``.
    """
    torch.set_num_threads(job.context.settings.machine.threads)
    teller = _Teller(board, task_id)
    try:
        context = _opened(job, arrays)
        n_trials = context.settings.search.trials
        executor = ThisProcess(partial(lease_numbered, context.study, context.folder, number, n_trials))
        ended = executor.run(context, teller, StopWatch(is_asked=_asking(board)))
    except Exception as error:
        return TaskResult(teller.events, None, in_a_sentence(error))
    return TaskResult(teller.events, ended)


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


def _asking(board: Any) -> Callable[[], bool]:
    """Asks the board now and then whether to stop, and never waits for its answer.

    A signal to a process of Ray's would stop it in the midst of a step.
    """
    import ray

    answer: Any = None
    due = 0.0

    def is_asked() -> bool:
        nonlocal answer, due
        if answer is None:
            if time.monotonic() >= due:
                answer = board.shall_stop.remote()
            return False
        if not ray.wait([answer], timeout=0)[0]:
            return False
        given, answer, due = answer, None, time.monotonic() + _LOOK_SECONDS
        try:
            return bool(ray.get(given))
        except ray.exceptions.RayError:
            return False  # The board is being started again.

    return is_asked
