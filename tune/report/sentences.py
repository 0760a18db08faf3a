"""Pieces of sentences that both the summary on the terminal and the report need."""

from __future__ import annotations

import shlex
from typing import Any

from optuna import Study
from sqlalchemy.engine import make_url

from ..config.settings import Settings
from ..core.folders import DATABASE_NAME, DEFAULT_SAVE_DIR, StudyFolder
from ..core.remote import shown
from ..search.loop import target_reached
from ..study.samplers import n_finished
from ..study.selection import confirms, selected_trial, stored_confirmation
from ..study.storage import sqlite_url
from ..study.store import engine_of
from ..study.study import best_trial, unfinished_after, why_ended_early


def places(study: Study, folder: StudyFolder) -> str:
    """Options that lead another command to the same study; a password is left out, since it may be in ~/.pgpass."""
    local = str(folder.save_dir) if folder.save_dir != DEFAULT_SAVE_DIR else None
    where = shown(folder.shared) if folder.shared else local
    address = engine_of(study).url
    saved = "" if where is None else f" --save-dir {shlex.quote(where)}"
    if address == make_url(sqlite_url(folder.save_dir / DATABASE_NAME)):
        return saved
    return f" --storage {shlex.quote(str(address._replace(password=None).set(query={})))}{saved}"


def resume_command(study: Study, folder: StudyFolder) -> str:
    """What goes on with a study."""
    return f"./run_tuning.sh --study-name {shlex.quote(study.study_name)} --resume{places(study, folder)}"


def go_on_command(study: Study, settings: Settings, folder: StudyFolder) -> str:
    """What goes on with a study and has something to do: with twice as many trials, or no target, where all is done."""
    more = ""
    if target_reached(study, settings):  # Otherwise it would be, at once.
        more = " --set search.target=null"
    elif (n_done := n_finished(study)) >= settings.search.trials or why_ended_early(study.user_attrs, settings):
        more = f" --trials {2 * max(n_done, settings.search.trials)}"
    return resume_command(study, folder) + more


def provisos(study: Study, settings: Settings) -> list[str]:
    """What has to be said of the trial to use: that it is unfinished, or that the search's best was not confirmed."""
    chosen = selected_trial(study)
    n_epochs = None if chosen is None else unfinished_after(chosen)
    if chosen is None or n_epochs is None:
        return _about_confirmation(study, settings)
    return [
        f"Trial {chosen.number} is not finished: it was left after {n_epochs} of {settings.n_epochs} epochs and "
        "counts with the best of these; --resume goes on with it.",
        *_about_confirmation(study, settings),
    ]


def _about_confirmation(study: Study, settings: Settings) -> list[str]:
    best, found = best_trial(study), stored_confirmation(study)
    if best is None or not confirms(settings):
        return []
    if found is None:
        return [
            f"Trial {best.number}, the best of the search, has not been confirmed by runs with fresh seeds: --resume "
            f"--confirm-seeds {settings.confirmation.seeds} does that, however long it takes."
        ]
    if any(one["trial"] == best.number for one in found["configurations"]):
        return []
    return [f"Trial {best.number} has scored higher in the search since: --resume confirms it too."]


def new_people_in_test(split: dict[str, Any]) -> bool:
    """Whether nobody in the test set is in another part; a publisher's split need not see to that."""
    parts = split["parts"][0]
    test, *others = (set((parts[name] or {}).get("people") or ()) for name in ("test", "train", "validation"))
    return all(test.isdisjoint(people) for people in others)
