"""A worker: a process of its own that works on a study until it is done, or told to stop, or left alone."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from ..config.spaces import Scalar
from ..core.failures import explain
from ..core.stopping import StopWatch
from ..study.context import PackedContext
from ..training.devices import share_gpu
from ..training.sharing import take
from .loop import ThisProcess


@dataclass(frozen=True)
class Job:
    """What a worker needs to know.

    Attributes:
        context: Comes through a pipe, since it may hold a password.
        splits: Description of the data, for ``sharing.take``.
        tensors: File with the data itself.
        visible_gpu: The only GPU that the worker sees; None where it uses none.
        deadline: When the time of the search is up, on the monotonic clock, which all processes of a machine read
            alike (PEP 418); None without a limit.
    """

    context: PackedContext
    splits: bytes
    tensors: Path
    visible_gpu: str | None
    deadline: float | None


class Reporter:
    """An observer in another process than who looks on: hands on the names of its methods, and their arguments."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell

    def trial_started(self, number: int, parameters: dict[str, Scalar], resumed: bool) -> None:
        """A trial begins, or goes on."""
        self._tell("trial_started", number, parameters, resumed)

    def epoch_finished(self, number: int, epoch: int, score: float) -> None:
        """An epoch of a trial is done."""
        self._tell("epoch_finished", number, epoch, score)

    def trial_finished(self, number: int, state: str, value: float | None, reason: str) -> None:
        """A trial is stored."""
        self._tell("trial_finished", number, state, value, reason)


def work(job: Job, connection: Connection) -> None:
    """The whole life of a worker process.

    Args:
        job: What to do.
        connection: Takes events; a message from the other side, or its end, asks the worker to stop.
    """
    atexit.register(gc.freeze)  # As in ``__main__``.
    if job.visible_gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = job.visible_gpu
    seconds_left = None if job.deadline is None else job.deadline - time.monotonic()
    stop = StopWatch(seconds_left, partial(_shall_stop, connection))
    # The terminal sends Ctrl-C to every process of the run; the one that was started by hand passes it on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: stop.request(signal.SIGTERM))
    torch.set_num_threads(job.context.settings.machine.threads)

    def tell(event: str, *details: Any) -> None:
        with suppress(OSError):  # That nobody listens any more is learned by ``_shall_stop``.
            connection.send((event, details))

    try:
        context = job.context.opened(take(job.splits, job.tensors))
        share_gpu(context.settings, context.device)
        tell("ended", ThisProcess().run(context, Reporter(tell), stop))
    except Exception as error:
        tell("broke", in_a_sentence(error))
        sys.exit(1)
    sys.exit(stop.exit_code)


def in_a_sentence(error: Exception) -> str:
    """What went wrong; of a bug also where, since nobody sees the traceback."""
    explained = explain(error)
    if explained is not None:
        return "; ".join(explained[0])
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} (in {Path(place.filename).name}, line {place.lineno})"


def _shall_stop(connection: Connection) -> bool:
    """Whether the other side has sent the wish to stop, or is gone, which says the same."""
    try:
        return connection.poll()
    except OSError:  # How Windows says that it is gone.
        return True
