"""``run``: one study, or one for every architecture."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any

from optuna import Study
from optuna.storages import RDBStorage

from ...config.choice import data_name_of, with_dataset
from ...config.settings import Settings, resolve
from ...config.trackers import Trackers
from ...core.errors import StudyExistsError
from ...core.folders import SaveDir, check_study_name
from ...core.stopping import StopWatch, seconds_before_exports
from ...core.terminal import console, say
from ...experiments.comparison import overall_best, write_comparison
from ...experiments.race import decide, rounds_of, why_won
from ...run import (
    Finished,
    confirm_and_judge,
    exported,
    is_confirmed,
    judge,
    open_study,
    plan,
    run_study,
    search_and_judge,
)
from ...search.floors import share_floors
from ...search.loop import seconds_afterwards
from ...search.progress import Progress, show
from ...study.context import RunContext
from ...study.selection import cost_searched
from ...study.study import load_study, with_strategy
from ...tracking import Tracking
from ...training.splits import Splits, load_splits
from ..summary import print_comparison, print_start, print_summary
from .opening import open_or_make, password_note

# As ``plan`` gives it: name, settings, and the study if it exists.
Planned = tuple[str, Settings, Study | None]
OpenOne = Callable[[Splits, Planned], tuple[RunContext, list[str]]]


def run_command(
    layers: list[dict[str, Any]],
    *,
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
    if note := password_note(save_dir.storage):
        say(f"note: {note}")
    if trackers.note:
        say(f"note: {trackers.note}")
    storage = open_or_make(save_dir)
    if study_name is None or not resume or load_study(storage, study_name) is None:
        # A study that goes on knows its data set.
        layers = with_dataset(layers)
    tracking = Tracking(trackers, storage.url)
    open_one = partial(_opened, storage, save_dir, resume=resume, warm_start=warm_start)
    if every_architecture:
        # All of them are planned before the first begins, so that a refusal costs nothing.
        plans = []
        for architecture in resolve(*layers).architectures:
            name = None if study_name is None else f"{study_name}-{architecture}"
            plans.append(plan(storage, save_dir, name, [*layers, {"architecture": architecture}], resume=resume))
        whole = study_name or data_name_of(plans[0][1])
        return _run_every(save_dir, plans, open_one, whole, tracking)
    planned = plan(storage, save_dir, study_name, layers, resume=resume)
    _, settings, _ = planned
    stop = StopWatch(seconds_before_exports(settings.search.timeout_seconds))
    context, notes = open_one(load_splits(settings), planned)
    finished = run_study(context, notes, show=shown, stop=stop, tracking=tracking)
    print_summary(finished)
    end_tracking(tracking, stop)
    return exit_code(finished, stop)


def _opened(
    storage: RDBStorage,
    save_dir: SaveDir,
    splits: Splits,
    planned: Planned,
    *,
    resume: bool,
    warm_start: str | None,
) -> tuple[RunContext, list[str]]:
    """A study that begins or goes on, and what is to be said of that."""
    name, settings, existing = planned
    if resume and existing is None:
        say(f"There is no study {name} to resume: it begins now.")
    folder = save_dir.study(name)
    print_start(name, settings, splits)
    try:
        return open_study(storage, folder, settings, existing, splits, warm_start)
    except StudyExistsError:
        if not resume:
            raise
        # Another run has begun it meanwhile.
        return open_study(storage, folder, settings, load_study(storage, name), splits, warm_start)


def _run_every(save_dir: SaveDir, plans: list[Planned], open_one: OpenOne, name: str, tracking: Tracking) -> int:
    """A study for every registered architecture, which race in one budget, then their comparison."""
    settings = plans[0][1]
    splits = load_splits(settings)
    clock = StopWatch(seconds_before_exports(settings.search.timeout_seconds))
    rounds = rounds_of(max(one.search.trials for _, one, _ in plans))
    contexts: dict[str, tuple[RunContext, list[str]]] = {}
    done: dict[str, Finished] = {}
    racing, stop = [study_name for study_name, *_ in plans], clock
    for k, n_trials in enumerate(rounds):
        n_each = "the first trial" if n_trials == 1 else f"up to {n_trials} trials"
        say(f"\nRound {k + 1} of {len(rounds)}: {n_each} of {', '.join(racing)}")
        for j, planned in enumerate(one for one in plans if one[0] in racing):
            stop = StopWatch(_share(clock, list(done.values()), splits, len(rounds) - k, len(racing) - j))
            if planned[0] not in contexts:
                contexts[planned[0]] = open_one(splits, planned)
                if done:
                    share_floors(contexts[planned[0]][0], next(iter(done.values())).study)
            else:
                say(f"Study {planned[0]}")
            context, notes = contexts[planned[0]]
            done[planned[0]] = _run_round(context, notes if k == 0 else [], n_trials, stop, tracking)
            if stop.signal is not None:
                break
        if stop.signal is not None or clock.reason is not None or k + 1 == len(rounds):
            break
        studies = [done[one].study for one in racing]
        if why := why_won(studies, settings):
            say(f"The race ends: {why}")
            break
        goes_on = decide(studies, n_trials)
        racing = [one for one, is_in in zip(racing, goes_on, strict=True) if is_in]
    finished = list(done.values())
    best = overall_best(finished) if stop.signal is None else None  # Said of it is what its test has come to.
    for one in racing:
        if one in done and done[one] is not best:
            say(f"\nStudy {one}")
            print_summary(done[one])
    if stop.signal is None:
        stop = clock  # The last study's share of the time is used up, that of the whole need not be.
        finished = _with_best_judged(finished, splits, stop, tracking)
    folder = save_dir.local / f"{name}-all"
    rows = write_comparison(finished, folder)
    print_comparison(rows, folder)
    end_tracking(tracking, stop)
    return max(exit_code(one, stop) for one in finished)


def _share(clock: StopWatch, done: list[Finished], splits: Splits, n_rounds: int, n_studies: int) -> float | None:
    """Time for the next study of a round: all rounds get the same, and all studies; what one leaves, later ones get."""
    if clock.seconds_left is None:
        return None
    seconds = clock.seconds_left - max((seconds_afterwards(one.study, one.settings, splits) for one in done), default=0)
    return max(seconds / n_rounds / n_studies, 1.0)


def _run_round(context: RunContext, notes: list[str], n_trials: int, stop: StopWatch, tracking: Tracking) -> Finished:
    """Searches a study until it has so many trials; what it was asked for on the whole stays as it is."""
    search = context.settings.search
    if n_trials < search.trials:  # Whether more is to be gained is asked when the rest is due.
        search = search.model_copy(update={"trials": n_trials, "stop": "never"})
    settings = context.settings.model_copy(update={"search": search})
    until = replace(context, study=with_strategy(context.study, settings), settings=settings)
    with stop.watch_signals():
        finished = search_and_judge(until, notes, show=shown, stop=stop, tracking=tracking, test_best=False)
        return exported(replace(finished, settings=context.settings), tracking)


def _with_best_judged(done: list[Finished], splits: Splits, stop: StopWatch, tracking: Tracking) -> list[Finished]:
    """Confirms and tests the overall best study, and nothing else: to test all would be to choose by the test set."""
    best = overall_best(done)
    if best is None:
        return done
    say(f"\nStudy {best.study.study_name}, the best of all")
    with stop.watch_signals():
        if is_confirmed(best):
            share = best.settings.confirmation.time_share or 0.0
            limit = share * sum(cost_searched(finished.study) for finished in done)
            judged = confirm_and_judge(best, splits, show=shown, stop=stop, limit=limit)
        else:
            judged = judge(best, splits, stop=stop, say=say)
        judged = exported(judged)
    for sentence in tracking.look(judged.folder, is_last=True):
        say(sentence)
    print_summary(judged)
    return [judged if finished is best else finished for finished in done]


def shown(progress: Progress) -> AbstractContextManager[Progress]:
    """Shows on the terminal how a search goes on."""
    return show(progress, console())


def end_tracking(tracking: Tracking, stop: StopWatch) -> None:
    """Lets the trackers be told to the end, and says what came of it; a signal shortens that."""
    with stop.watch_signals():
        for sentence in tracking.end(stop):
            say(sentence)


def exit_code(finished: Finished, stop: StopWatch) -> int:
    """Of a run: the signal's that ended it, 1 after too many failures, else 0."""
    return stop.exit_code or (1 if finished.ended.failure else 0)
