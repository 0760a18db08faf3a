"""Recordings that an exported network is tried on: the study's test set, else its validation set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna import Study

from data import DataError
from data.sequences import SequenceDataset

from ..config.settings import resolve
from ..core.folders import DATABASE_NAME, StudyFolder
from ..study.agreement import check_agreement, open_beside
from ..study.storage import open_storage
from ..study.study import load_study, stored_settings
from ..study.tested import TEST_USES
from ..training.model_folder import StoredModel
from ..training.splits import load_splits


@dataclass(frozen=True)
class Judged:
    """What an export is judged on.

    Attributes:
        part: The sequences; None where there are none.
        name: ``test`` or ``validation``; empty without a part.
        why_not: Why there are none, in a sentence; empty where there are.
        split: How the study's data was cut, as stored with it; empty where that is not known.
        training: What bytes are calibrated on; None where there are no recordings.
    """

    part: SequenceDataset | None
    name: str
    why_not: str
    split: dict[str, Any]
    training: SequenceDataset | None = None


def find_judged(model: StoredModel, study: Study | None, data_path: str | None) -> Judged:
    """The recordings of the study that the network comes from, cut as they were then.

    Args:
        model: To be judged.
        study: Where it comes from; None where there is no database of it.
        data_path: Where the recordings are now; None for where the study had them.
    """
    stored = None if study is None else stored_settings(study)
    if study is None or stored is None:
        return Judged(None, "", f"there is no database of its study {model.description.study!r} here", {})
    split = study.user_attrs.get("split", {})
    layers: list[dict[str, Any]] = [stored] if data_path is None else [stored, {"data": {"path": data_path}}]
    try:
        splits = load_splits(resolve(*layers))
    except DataError as error:
        return Judged(None, "", f"its recordings cannot be read: {error}", split)
    if splits.dataset.fingerprint != study.user_attrs["data"]["fingerprint"]:
        return Judged(None, "", "the recordings are no longer those of the study (their fingerprint differs)", split)
    fold = splits.folds[0]
    if fold.test is not None:
        return Judged(fold.test, "test", "", split, fold.train)
    return Judged(fold.validation, "validation", "", split, fold.train)


def note_use(study: Study, trial: int, purpose: str) -> bool:
    """Puts down that a network was judged on test data once more.

    Returns:
        Whether that was not known yet; the same network on the same data tells nothing new.
    """
    uses = study.user_attrs.get(TEST_USES, [])
    entry = {"trial": trial, "for": purpose}
    if entry in uses:
        return False
    study.set_user_attr(TEST_USES, [*uses, entry])
    return True


def study_of(folder: Path, name: str, storage_address: str | None) -> Study | None:
    """The study that a network comes from; None where its database is not here.

    Args:
        folder: Of the network.
        name: Of the study, as the network says.
        storage_address: Of a database that was named; None for the one beside the study's folder.

    Raises:
        StorageError: If the database there is another or an older one.
    """
    save_dir = folder.parent.parent
    if storage_address is None and not (save_dir / DATABASE_NAME).is_file():
        return None
    storage = open_beside(save_dir) if storage_address is None else open_storage(storage_address)
    if folder.parent.name == name:
        check_agreement(storage, [StudyFolder(save_dir, name)])
    return load_study(storage, name)
