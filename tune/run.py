"""One study from its settings to its exports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from optuna import Study
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from .config.choice import data_name_of
from .config.settings import Settings, resolve
from .core.errors import StudyError
from .core.files import remove_abandoned
from .core.folders import SaveDir, StudyFolder
from .core.stopping import StopRequested, StopWatch
from .evaluation.ensemble import choose, fit_members
from .evaluation.floors import judge_floors
from .evaluation.test_evaluation import evaluate_selected
from .evaluation.unfinished import keep_unfinished
from .evaluation.unknown import judge_unknown
from .report.live import LiveReport
from .report.outputs import load_libraries, write_exports
from .report.sentences import resume_command
from .search.confirming import Confirmer
from .search.executor import executor_for
from .search.floors import fit_floors
from .search.loop import Ended, seconds_afterwards
from .search.progress import Progress, Row
from .search.ray_cluster import check_engine
from .study.agreement import check_agreement
from .study.context import RunContext
from .study.ended import metric_value, score_sign
from .study.leases import is_worked_on_elsewhere
from .study.locks import try_trial_lock
from .study.note import study_note, write_note
from .study.samplers import n_finished
from .study.selection import confirms
from .study.study import (
    N_WARM_START_TRIALS,
    all_parameters,
    best_by_metric,
    best_trial,
    best_trials,
    create_study,
    exists_already,
    load_study,
    resume_study,
    stored_settings,
    study_names,
)
from .tracking import NOT_TRACKED, Tracking
from .training.splits import Splits, settled

# So few are drawn without the slowest of the libraries, scikit-learn.
_N_TRIALS_WITHOUT_LIBRARIES = 3

Show = Callable[[Progress], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Finished:
    """What a run leaves.

    Attributes:
        study: As it stands.
        settings: It ran with.
        folder: Holds the exports.
        ended: Why the search ended.
        not_drawn: Sentences about pictures that could not be drawn, and trackers that could not be told.
    """

    study: Study
    settings: Settings
    folder: StudyFolder
    ended: Ended
    not_drawn: list[str]


def plan(
    storage: RDBStorage, save_dir: SaveDir, study_name: str | None, layers: list[dict[str, Any]], *, resume: bool
) -> tuple[str, Settings, Study | None]:
    """What to run: the name, the settings, and the study if it exists and is to go on.

    A study that goes on keeps its own settings; the layers say what differs.

    Raises:
        SettingsError: If the settings are wrong.
        StudyError: If the study exists and is not to be resumed.
        StorageError: If its folder is not that of the database.
    """
    settings = resolve(*layers)
    name = study_name or f"{data_name_of(settings)}-{settings.architecture}"
    check_agreement(storage, [save_dir.study(name)])
    study = load_study(storage, name)
    stored = None if study is None else stored_settings(study)
    if stored is not None:
        if not resume:
            raise exists_already(name)
        settings = resolve(stored, *layers)
        if settings.split.folds is None:  # How many the data needs was settled when the study began.
            settings = resolve(stored, *layers, {"split": {"folds": stored.get("split", {}).get("folds")}})
    check_engine(settings, storage.url)
    return name, settings, None if stored is None else study


def open_study(
    storage: RDBStorage,
    folder: StudyFolder,
    settings: Settings,
    existing: Study | None,
    splits: Splits,
    warm_start: str | None = None,
) -> tuple[RunContext, list[str]]:
    """Creates or resumes a study; returns what to run it with, and what is to be said of that.

    Raises:
        StudyError: If it cannot be created or resumed.
    """
    begun = None if existing is None else stored_settings(existing)
    settings, notes = settled(settings, splits, begun)
    if existing is None:
        study = create_study(storage, folder, settings, splits, _configurations(storage, warm_start))
        write_note(study, study_note(settings, study.user_attrs, resume_command(study, folder)))
    else:
        study = resume_study(existing, settings, splits)
        if warm_start is not None:
            notes.append(f"the study goes on where it is: --warm-start {warm_start} is for the begin of a new one")
    return RunContext.on_this_machine(study, settings, splits, folder), notes


def run_study(
    context: RunContext,
    notes: Sequence[str] = (),
    *,
    show: Show,
    stop: StopWatch,
    tracking: Tracking = NOT_TRACKED,
    test_best: bool = True,
) -> Finished:
    """Searches, judges the best, and writes every export of a study; see ``search_and_judge``."""
    with stop.watch_signals():
        finished = search_and_judge(context, notes, show=show, stop=stop, tracking=tracking, test_best=test_best)
        return exported(finished, tracking)


def search_and_judge(
    context: RunContext,
    notes: Sequence[str] = (),
    *,
    show: Show,
    stop: StopWatch,
    tracking: Tracking = NOT_TRACKED,
    test_best: bool = True,
) -> Finished:
    """Searches a study and judges its best.

    Without ``test_best`` the judging is left to ``judge``, since of several studies only the best one is to be tested.
    """
    study, settings, folder = context.study, context.settings, context.folder
    torch.set_num_threads(settings.machine.threads)
    remove_abandoned(folder.root)
    best = best_by_metric(study)
    progress = Progress(
        metric=settings.search.metric,
        n_epochs=settings.n_epochs,
        n_trials=settings.search.trials,
        n_done=n_finished(study),
        n_pruned=len(study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))),
        best=None if best is None else metric_value(best),
        best_number=None if best is None else best.number,
        rows=_left_before(study),
    )
    with show(progress) as observer:
        if settings.search.second_objective:
            observer.say("note: with two objectives no trial is pruned, and the pruner of the settings is not used")
            if settings.confirmation.is_on:
                observer.say("note: with two objectives the best are not trained again with fresh seeds")
        for note in notes:
            observer.say(f"note: {note}")
        _after_each_trial(tracking, context, observer)
        fit_floors(context, observer, stop)
        ended = executor_for(settings).run(context, observer, stop)
        keep_unfinished(study, settings, folder)
        finished = Finished(study, settings, folder, ended, [])
        if test_best and not is_confirmed(finished):
            finished = judge(finished, context.splits, stop=stop, say=observer.say)
    if test_best and is_confirmed(finished):
        finished = confirm_and_judge(finished, context.splits, show=show, stop=stop)
    return finished


def _left_before(study: Study) -> list[Row]:
    """The trials that an earlier run has left, as far as they have come."""
    sign = score_sign(study)
    return [
        Row(trial.number, trial.params, "paused", max(found), sign * max(sign * score for score in found.values()))
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if (found := trial.intermediate_values)
    ]


def _after_each_trial(tracking: Tracking, context: RunContext, observer: Progress) -> None:
    """Has the trackers told now of what an earlier run left untold, and of every trial to come; likewise the report."""
    study, settings, splits = context.study, context.settings, context.splits
    live = LiveReport(study, settings, context.folder)

    def after_trial() -> None:
        if observer.n_done >= _N_TRIALS_WITHOUT_LIBRARIES:
            load_libraries()
        observer.seconds_afterwards = seconds_afterwards(study, settings, splits)
        look()
        live.look(observer)

    def look() -> None:
        for sentence in tracking.look(context.folder):
            observer.say(sentence)

    observer.after_trial = after_trial
    look()


def is_confirmed(finished: Finished) -> bool:
    """Whether the best of a study are to be trained again before one of them is tested."""
    ended = finished.ended
    interrupted = ended.reason in ("interrupted", "terminated")
    return (
        confirms(finished.settings) and not ended.failure and not interrupted and best_trial(finished.study) is not None
    )


def confirm_and_judge(
    finished: Finished, splits: Splits, *, show: Show, stop: StopWatch, limit: float | None = None
) -> Finished:
    """Trains the best configurations again, decides which of them it is, and tests that one.

    What a signal leaves undone is for the next run. ``limit`` is what the runs may cost, if that is not to be
    reckoned from this study alone.
    """
    study, settings, folder = finished.study, finished.settings, finished.folder
    context = RunContext.on_this_machine(study, settings, splits, folder)
    progress = Progress(settings.search.metric, settings.n_epochs, n_trials=0)
    with show(progress) as observer:
        if is_worked_on_elsewhere(study, folder):
            observer.say("Another process still works on this study: confirming the best is left to the last one")
            return finished
        observer.after_trial = partial(LiveReport(study, settings, folder).look, observer)
        confirmer = Confirmer(context, limit)
        if reason := confirmer.confirm(observer, stop):
            return replace(finished, ended=replace(finished.ended, reason=reason))
        return judge(finished, splits, stop=stop, say=observer.say)


def judge(finished: Finished, splits: Splits, *, stop: StopWatch, say: Callable[[str], None]) -> Finished:
    """Tests the best configuration of a study; a signal leaves that for the next run."""
    study, folder = finished.study, finished.folder
    try:
        stop.check_signal()
        if is_worked_on_elsewhere(study, folder):
            say("Another process still works on this study: testing the best is left to the last one")
        elif (lock := try_trial_lock(study, folder, "test")) is None:
            say("Another process is about to test the best")
        else:
            try:
                context = RunContext.on_this_machine(study, finished.settings, splits, folder)
                choose(context)
                evaluate_selected(context, stop, say)
                judge_floors(context, stop)
                fit_members(context, stop, say)
                judge_unknown(context, stop, say)
            finally:
                lock.release()
    except StopRequested as request:
        return replace(finished, ended=replace(finished.ended, reason=str(request)))
    return finished


def exported(finished: Finished, tracking: Tracking = NOT_TRACKED) -> Finished:
    """Writes the exports of a study and notes what could not be drawn, and which trackers could not be told."""
    not_drawn = write_exports(finished.study, finished.settings, finished.folder)
    return replace(finished, not_drawn=[*not_drawn, *tracking.look(finished.folder, is_last=True)])


def _configurations(storage: RDBStorage, warm_start: str | None) -> list[dict[str, Any]]:
    """The best configurations of another study."""
    if warm_start is None:
        return []
    study = load_study(storage, warm_start)
    if study is None:
        names = ", ".join(study_names(storage)) or "none yet"
        raise StudyError(f"no study {warm_start!r} to start from; the database has: {names}")
    best = best_trials(study, N_WARM_START_TRIALS)
    if not best:
        raise StudyError(
            f"study {warm_start!r} has no complete trial to start from: leave out --warm-start, or go on "
            f"with it first (--study-name {warm_start} --resume)"
        )
    return [all_parameters(trial) for trial in best]
