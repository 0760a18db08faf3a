"""Whether the database and the folders of studies tell of the same trials.

A database that was emptied, or an older copy that was put back, knows nothing of trials whose files are there; to go on
with it would mix two studies in one folder. The reverse is well: what a folder lacks is made again from the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from optuna.storages import RDBStorage

from ..core.errors import StorageError
from ..core.failures import shown
from ..core.folders import DATABASE_NAME, StudyFolder
from .database import StudyDatabase
from .storage import open_storage, sqlite_url
from .store import identity, numbers_in
from .study import load_study, study_names
from .trial_files import ENDED

# A trial's configuration is written when the database has the trial for good.
_TRIALS = "trials/[0-9]*-*/config.json"


def open_beside(save_dir: Path) -> StudyDatabase:
    """Opens the database in the folder of the studies, or makes it where there are none.

    Raises:
        StorageError: If it cannot be opened, or holds none of the studies whose trials are there.
    """
    path, names = save_dir / DATABASE_NAME, studies_in(save_dir)
    what = "is missing" if not path.exists() else "is empty" if path.stat().st_size == 0 else ""
    storage = None if names and what else open_storage(sqlite_url(path))
    if names and (storage is None or not study_names(storage)):
        raise StorageError(
            f"{path} {what or 'holds no study'}, and {save_dir / names[0]}/ holds trials: put the database back, name "
            "the one that has them with --storage, or move the folder away to begin anew"
        )
    assert storage is not None  # else the sentence above
    return storage


def studies_in(save_dir: Path) -> list[str]:
    """Names of the folders with trials in them."""
    return sorted({path.parents[2].name for path in save_dir.glob(f"*/{_TRIALS}")})


def check_agreement(storage: RDBStorage, folders: Iterable[StudyFolder]) -> None:
    """Call before anything is read from, or written into, the folders of studies.

    Raises:
        StorageError: If one of them is another study's, or holds trials that have not ended in the database.
    """
    wrong = {folder: contradiction for folder in folders if (contradiction := _contradiction(storage, folder))}
    if wrong:
        told = (
            f"{folder.root}/ and {shown(storage.engine.url)} do not belong together: {contradiction}; put "
            "the right one back, or move the folder away"
            for folder, contradiction in wrong.items()
        )
        raise StorageError("\n".join(told))


def _contradiction(storage: RDBStorage, folder: StudyFolder) -> str:
    numbers = {int(path.parent.name.partition("-")[0]) for path in folder.root.glob(_TRIALS)}
    if not numbers:
        return ""
    study = load_study(storage, folder.study_name, with_trials=False)
    if study is None:
        return f"there is no study {folder.study_name!r} in the database"
    if folder.identity.is_file() and folder.identity.read_text(errors="replace") != identity(study):
        return f"the folder is that of another study {folder.study_name!r}"
    unknown = sorted(numbers - numbers_in(study, ENDED))
    if not unknown:
        return ""
    which = f"trial {unknown[0]}" + (f" and {len(unknown) - 1} more" if len(unknown) > 1 else "")
    return f"{which} has ended in the folder and not in the database, which may be an older copy"
