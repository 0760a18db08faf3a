"""``run``: one study, or one for every architecture."""

from __future__ import annotations

from functools import partial
from typing import Any

from optuna import Study
from optuna.storages import RDBStorage
from rich.console import Console

from ...config.choice import data_name_of, with_dataset
from ...config.settings import Settings
from ...config.spaces import SPACES
from ...config.trackers import Trackers
from ...core.errors import StudyExistsError
from ...core.folders import SaveDir, check_study_name
from ...core.stopping import StopWatch
from ...core.terminal import say
from ...experiments.comparison import overall_best, write_comparison
from ...run import Finished, confirm_and_judge, exported, is_confirmed, judge, open_study, plan, run_study
from ...search.floors import share_floors
from ...search.loop import seconds_afterwards
from ...search.progress import show
from ...study.selection import cost_searched
from ...study.study import load_study
from ...tracking import Tracking
from ...training.splits import Splits, load_splits
from ..summary import print_comparison, print_start, print_summary
from .opening import open_or_make, password_note


def run_command(
    layers: list[dict[str, Any]],
    *,
    console: Console,
    storage_url: str | None,
    save_dir: SaveDir,
    study_name: str | None,
    resume: bool,
    warm_start: str | None,
    every_architecture: bool,
    trackers: Trackers,
) -> int:
    """Runs what the command line asks for; returns the exit code."""
    if study_name is not None:
        check_study_name(study_name)
    if note := password_note(storage_url):
        say(console, f"note: {note}")
    if trackers.note:
        say(console, f"note: {trackers.note}")
    storage = open_or_make(storage_url, save_dir.local)
    if study_name is None or not resume or load_study(storage, study_name) is None:
        # A study that goes on knows its data set.
        layers = with_dataset(layers)
    tracking = Tracking(trackers, storage.url)
    one = partial(_run_one, storage, console, save_dir, resume=resume, warm_start=warm_start, tracking=tracking)
    if not every_architecture:
        name, settings, existing = plan(storage, save_dir, study_name, layers, resume=resume)
        stop = StopWatch(settings.search.timeout_seconds)
        finished = one(name, settings, existing, load_splits(settings), stop)
        end_tracking(console, tracking, stop)
        return exit_code(finished, stop)
    return _run_every(storage, console, save_dir, layers, study_name, one, resume=resume, tracking=tracking)


def _run_one(
    storage: RDBStorage,
    console: Console,
    save_dir: SaveDir,
    name: str,
    settings: Settings,
    existing: Any,
    splits: Splits,
    stop: StopWatch,
    *,
    resume: bool,
    warm_start: str | None,
    tracking: Tracking,
    test_best: bool = True,
    first: Study | None = None,
) -> Finished:
    if resume and existing is None:
        console.print(f"There is no study {name} to resume: it begins now.")
    folder = save_dir.study(name)
    print_start(console, name, settings, splits)
    try:
        context, notes = open_study(storage, folder, settings, existing, splits, warm_start)
    except StudyExistsError:
        if not resume:
            raise
        # Another run has begun it meanwhile.
        context, notes = open_study(storage, folder, settings, load_study(storage, name), splits, warm_start)
    if first is not None:
        share_floors(context, first)
    shown = partial(show, console=console)
    finished = run_study(context, notes, show=shown, stop=stop, tracking=tracking, test_best=test_best)
    print_summary(console, finished)
    return finished


def _run_every(
    storage: RDBStorage,
    console: Console,
    save_dir: SaveDir,
    layers: list[dict[str, Any]],
    study_name: str | None,
    one: Any,
    *,
    resume: bool,
    tracking: Tracking,
) -> int:
    """A study for every registered architecture, then their comparison.

    All of them are planned before the first begins, so that a refusal costs nothing.
    """
    plans = []
    for architecture in SPACES:
        name = None if study_name is None else f"{study_name}-{architecture}"
        plans.append(plan(storage, save_dir, name, [*layers, {"architecture": architecture}], resume=resume))
    settings = plans[0][1]
    splits = load_splits(settings)
    clock = StopWatch(settings.search.timeout_seconds)
    done: list[Finished] = []
    stop = clock
    for k, (name, settings, existing) in enumerate(plans):
        # The time that is left is shared evenly; what one study does not use, the later ones get.
        seconds = clock.seconds_left
        if seconds is not None:
            seconds -= max((seconds_afterwards(one.study, one.settings, splits) for one in done), default=0.0)
            seconds = max(seconds / (len(plans) - k), 1.0)
        stop = StopWatch(seconds)
        first = done[0].study if done else None
        done.append(one(name, settings, existing, splits, stop, test_best=False, first=first))
        if stop.signal is not None:
            break
    if stop.signal is None:
        stop = clock  # The last study's share of the time is used up, that of the whole need not be.
        done = _with_best_judged(console, done, splits, stop, tracking)
    folder = save_dir.local / f"{study_name or data_name_of(settings)}-all"
    rows = write_comparison(done, folder)
    print_comparison(console, rows, folder)
    end_tracking(console, tracking, stop)
    return max(exit_code(finished, stop) for finished in done)


def _with_best_judged(
    console: Console, done: list[Finished], splits: Splits, stop: StopWatch, tracking: Tracking
) -> list[Finished]:
    """Confirms and tests the overall best study, and nothing else: to test all would be to choose by the test set."""
    best = overall_best(done)
    if best is None:
        return done
    with stop.watch_signals():
        if is_confirmed(best):
            share = best.settings.confirmation.time_share or 0.0
            limit = share * sum(cost_searched(finished.study) for finished in done)
            shown = partial(show, console=console)
            judged = confirm_and_judge(best, splits, show=shown, stop=stop, limit=limit)
        else:
            judged = judge(best, splits, stop=stop, say=partial(say, console))
        judged = exported(judged)
    for sentence in tracking.look(judged.folder, is_last=True):
        say(console, sentence)
    print_summary(console, judged)
    return [judged if finished is best else finished for finished in done]


def end_tracking(console: Console, tracking: Tracking, stop: StopWatch) -> None:
    """Lets the trackers be told to the end, and says what came of it; a signal shortens that."""
    with stop.watch_signals():
        for sentence in tracking.end(stop):
            say(console, sentence)


def exit_code(finished: Finished, stop: StopWatch) -> int:
    """Of a run: the signal's that ended it, 1 after too many failures, else 0."""
    return stop.exit_code or (1 if finished.ended.failure else 0)
