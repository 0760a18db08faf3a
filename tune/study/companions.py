"""Studies that belong to another one: the runs that confirm it, and the floor that it has to beat.

Each is claimed, locked, checkpointed and gone on with as any other. It bears the random id of the study that it belongs
to, so that nobody else's study of that name is taken for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

import optuna
from optuna import Study

from ..config.settings import Settings
from ..core.folders import StudyFolder
from .context import RunContext
from .locks import study_lock
from .store import identity, storage_of
from .study import CONFIRMS, FLOOR_OF, OWNER, load_study, with_strategy

ENDINGS = {CONFIRMS: "confirmation", FLOOR_OF: "floor"}
COPIED = ("data_fingerprint", "data", "split", "n_validation", "versions")
MOST_NAMES = 100


def find_companion(study: Study, kind: str) -> Study | None:
    """The study of this kind that belongs to ``study``; None if there is none yet."""
    for name in _names(study, kind):
        found = load_study(storage_of(study), name)
        if found is None:
            return None
        if found.user_attrs.get(kind) == identity(study):
            return found
    return None


def open_companion(context: RunContext, kind: str, begin: Callable[[Study], Settings]) -> RunContext:
    """What to run the companion of a study with, which is made if it is not there.

    Args:
        context: Of the study that it belongs to.
        kind: A key of ``ENDINGS``.
        begin: Lines up its first trials, where it is made; gives its settings.
    """
    study = context.study
    with study_lock(study, context.folder):
        found = find_companion(study, kind)
        if found is None:
            storage = storage_of(study)
            name = next(name for name in _names(study, kind) if load_study(storage, name) is None)
            found = optuna.create_study(storage=storage, study_name=name, direction=context.settings.direction)
            # Without this one it is nobody's, and another one is made.
            found.set_user_attr(kind, identity(study))
        if identity(found) is None:
            attributes = study.user_attrs
            found.set_user_attr(OWNER, study.study_name)
            for name in COPIED:
                if name in attributes:
                    found.set_user_attr(name, attributes[name])
            found.set_user_attr("settings", begin(found).model_dump(mode="json"))
            found.set_user_attr("study_id", uuid.uuid4().hex)
    return companion_context(context, found, begin(found))


def companion_context(context: RunContext, companion: Study, settings: Settings) -> RunContext:
    """What to run a companion with."""
    folder = StudyFolder(context.folder.save_dir, companion.study_name, context.folder.shared)
    folder.root.mkdir(parents=True, exist_ok=True)
    return replace(context, study=with_strategy(companion, settings), settings=settings, folder=folder)


def _names(study: Study, kind: str) -> list[str]:
    """The first is taken, if not by somebody else's study or by the rest of one that was deleted."""
    return [f"{study.study_name}-{ENDINGS[kind]}{f'-{k}' if k > 1 else ''}" for k in range(1, MOST_NAMES + 1)]
