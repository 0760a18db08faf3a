"""``worker``: one more process, on this machine or another, for a study that exists."""

from __future__ import annotations

import time
from typing import Any

from optuna import Study
from optuna.storages import RDBStorage

from ...config.settings import resolve
from ...config.trackers import Trackers
from ...core.errors import StudyError
from ...core.folders import SaveDir, check_study_name
from ...core.stopping import StopWatch, seconds_before_exports
from ...core.terminal import say
from ...run import exported, search_and_judge
from ...study.agreement import check_agreement
from ...study.context import RunContext
from ...study.leases import is_worked_on_elsewhere
from ...study.study import join_study, load_study, stored_settings
from ...tracking import Tracking
from ...training.splits import load_splits
from ..summary import print_start, print_summary
from .opening import open_existing, password_note
from .run import end_tracking, exit_code, shown

_LOOK_SECONDS = 1.0


def worker_command(
    layers: list[dict[str, Any]],
    *,
    save_dir: SaveDir,
    study_name: str,
    wait_seconds: float,
    trackers: Trackers,
) -> int:
    """Works on a study until it has its trials; returns the exit code.

    ``layers`` say what differs on this machine from the study's settings: device, workers, place of the data.
    """
    check_study_name(study_name)
    if note := password_note(save_dir.storage):
        say(f"note: {note}")
    if trackers.note:
        say(f"note: {trackers.note}")
    storage, study = _wait_for(save_dir, study_name, wait_seconds)
    check_agreement(storage, [save_dir.study(study_name)])
    # How many processes is a matter of this machine; all else that is not said here is as in the study.
    this_machine = {"machine": {"workers": 0, "engine": "local", "address": None}}
    settings = resolve(stored_settings(study) or {}, this_machine, *layers)
    splits = load_splits(settings)
    study = join_study(study, settings, splits)
    print_start(study_name, settings, splits)
    stop = StopWatch(seconds_before_exports(settings.search.timeout_seconds))
    folder = save_dir.study(study_name)
    tracking = Tracking(trackers, storage.url)
    context = RunContext.on_this_machine(study, settings, splits, folder)
    with stop.watch_signals():
        finished = search_and_judge(context, show=shown, stop=stop, tracking=tracking)
        if not is_worked_on_elsewhere(study, folder):
            finished = exported(finished, tracking)
    print_summary(finished)
    end_tracking(tracking, stop)
    return exit_code(finished, stop)


def _wait_for(save_dir: SaveDir, study_name: str, wait_seconds: float) -> tuple[RDBStorage, Study]:
    """The study, which the process that begins it may still be about to create."""
    storage, deadline = None, None
    while True:
        try:
            storage = storage or open_existing(save_dir)
            study = load_study(storage, study_name)
            # The settings are the last that is stored of a new study.
            if study is not None and stored_settings(study) is not None:
                return storage, study
            reason = f"there is no study {study_name!r}"
        except StudyError as error:
            reason = str(error)
        if deadline is None:
            say(f"There is no study {study_name} yet: waiting up to {wait_seconds:g} s for it.")
            deadline = time.monotonic() + wait_seconds
        elif time.monotonic() >= deadline:
            begin = f"./run_tuning.sh --study-name {study_name} with the same --storage and --save-dir"
            raise StudyError(f"{reason}: begin it with {begin}, then start workers")
        time.sleep(_LOOK_SECONDS)
