"""How many trials a second many workers of one study share out among themselves, when a trial is 20 ms of nothing.

    PYTHONPATH=. .venv/bin/python -m benchmarks.claims --workers 50 --trials 500

On a PostgreSQL of its own, which does not flush to disk (``--sqlite``: in a file), with workers forked from one
process. A trial sleeps; it is leased, drawn at random, reported once, judged and stored, with its files, as any other.
In the end every trial must have been run to its end exactly once. Linux only.
"""

from __future__ import annotations

import argparse
import cProfile
import multiprocessing
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from optuna import Trial
from optuna.trial import TrialState

from tests.postgres import running_server
from tune.config.settings import Settings, resolve
from tune.core.folders import StudyFolder
from tune.core.stopping import StopWatch
from tune.report.outputs import load_libraries
from tune.run import open_study
from tune.search import loop
from tune.search.progress import Progress
from tune.study.context import RunContext
from tune.study.records import Outcome
from tune.study.storage import open_storage, sqlite_url
from tune.study.study import load_study
from tune.training.splits import Splits, load_splits

from .scale import NAME, example

SECONDS = 0.02
Job = tuple[str, Path, Splits, int]


def settings_of(n_trials: int) -> Settings:
    """Trials of which none waits for another."""
    search = {"pruner": "none", "sampler": "random", "floors": False, "stop": "never", "trials": n_trials}
    return resolve({"search": search, "split": {"folds": 0}, "confirmation": {"configurations": 0}})


def idle(
    context: RunContext,
    trial: Trial,
    parameters: dict[str, Any],
    *,
    after_epoch: Callable[[int, float], None],
    **_: Any,
) -> Outcome:
    """What a worker does in place of training."""
    time.sleep(SECONDS)
    score = 0.5 + trial.number % 7 / 100
    trial.report(score, 1)
    after_epoch(1, score)
    return Outcome(False, score, "", example(context.settings).user_attrs, ())


@dataclass(frozen=True)
class Told:
    """What a worker has done: its trials, when on the clock, and in how many seconds of the processor."""

    numbers: list[int]
    begun: float
    ended: float
    busy: float


def work(job: Job, told: Queue[Told], all_there: Barrier, profile: str | None) -> None:
    """Takes part in the study until it is done, from when all have opened it."""
    loop.run_trial = idle  # type: ignore[attr-defined]
    profiler, (url, place, splits, n_trials) = cProfile.Profile(time.process_time), job
    storage = open_storage(url)
    study = load_study(storage, NAME)
    assert study is not None
    context, _ = open_study(storage, StudyFolder(place, NAME), settings_of(n_trials), study, splits)
    progress = Progress("accuracy", 1, n_trials)
    all_there.wait()
    begun, busy = time.monotonic(), time.process_time()
    if profile:
        profiler.enable()
    loop.ThisProcess().run(context, progress, StopWatch())
    if profile:
        profiler.disable()
        profiler.dump_stats(f"{profile}-{os.getpid()}.prof")
    numbers = [row.number for row in progress.rows]
    told.put(Told(numbers, begun, time.monotonic(), time.process_time() - busy))


@contextmanager
def database(place: Path, in_file: bool) -> Iterator[str]:
    """Its address."""
    if in_file:
        yield sqlite_url(place / "tune.db")
        return
    with running_server() as server:
        yield server.database("claims")


def main() -> None:
    """Prints what came of it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--workers", type=int, nargs="+", default=[1, 10, 50])
    arguments.add_argument("--trials", type=int, default=500)
    arguments.add_argument("--sqlite", action="store_true")
    arguments.add_argument("--profile", help="begin of the names of files for pstats, one a worker")
    given = arguments.parse_args()
    load_libraries()
    splits, fork = load_splits(settings_of(1)), multiprocessing.get_context("fork")
    for n_workers in given.workers:
        with tempfile.TemporaryDirectory() as folder, database(Path(folder), given.sqlite) as url:
            storage = open_storage(url)
            open_study(storage, StudyFolder(Path(folder), NAME), settings_of(given.trials), None, splits)
            storage.engine.dispose()
            told: Queue[Told] = fork.Queue()
            job, all_there = (url, Path(folder), splits, given.trials), fork.Barrier(n_workers)
            words = (job, told, all_there, given.profile)
            workers = [fork.Process(target=work, args=words) for _ in range(n_workers)]
            for worker in workers:
                worker.start()
            found = [told.get() for _ in workers]
            seconds = max(one.ended for one in found) - min(one.begun for one in found)
            for worker in workers:
                worker.join()
            numbers = Counter(number for one in found for number in one.numbers)
            study = load_study(open_storage(url), NAME)
            assert study is not None
            complete = {one.number for one in study.get_trials(deepcopy=False) if one.state == TrialState.COMPLETE}
            assert len(complete) == given.trials, len(complete)
            assert complete <= numbers.keys(), complete - numbers.keys()
            assert set(numbers.values()) == {1}, numbers
            busy = sum(one.busy for one in found)
            print(
                f"{n_workers:3} workers: {given.trials / seconds:6.1f} trials a second, "
                f"{busy / given.trials * 1000:5.1f} ms of the processor a trial, the server's not counted; none lost, "
                "none double",
                flush=True,
            )


if __name__ == "__main__":
    main()
