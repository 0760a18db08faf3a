"""What a study is run with, which travels together from the command line to the last fit."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from optuna import Study

from ..config.own_network import register
from ..config.settings import Settings
from ..core.errors import StudyError
from ..core.folders import StudyFolder
from ..training.devices import choose_device
from ..training.splits import Splits
from .storage import open_storage
from .store import database_of
from .study import load_study, with_strategy


@dataclass(frozen=True, eq=False)
class RunContext:
    """A study, and all that it takes to run it.

    Attributes:
        study: With its sampler and pruner.
        settings: Complete.
        splits: The data, cut as the settings say.
        folder: Of the study.
        device: Trains and predicts here.
    """

    study: Study
    settings: Settings
    splits: Splits
    folder: StudyFolder
    device: torch.device

    @classmethod
    def on_this_machine(cls, study: Study, settings: Settings, splits: Splits, folder: StudyFolder) -> RunContext:
        """With the device that the settings mean here."""
        return cls(study, settings, splits, folder, choose_device(settings.machine.device))


@dataclass(frozen=True)
class PackedContext:
    """A context on its way to another process, which is given the data by other means.

    Attributes:
        storage_url: The database; may hold a password.
        folder: Of the study.
        settings: Of the study.
        device: Trains there.
    """

    storage_url: str
    folder: StudyFolder
    settings: Settings
    device: str

    def opened(self, splits: Splits) -> RunContext:
        """The context, with a connection to the database of its own.

        Raises:
            StudyError: If the study is gone.
            SettingsError: If the file of the study's own network has changed.
        """
        if self.settings.network is not None:
            register(self.settings.network)
        study = load_study(open_storage(self.storage_url), self.folder.study_name)
        if study is None:
            raise StudyError(f"study {self.folder.study_name!r} is no longer in the database")
        study = with_strategy(study, self.settings)
        return RunContext(study, self.settings, splits, self.folder, torch.device(self.device))


def packed(context: RunContext) -> PackedContext:
    """What another process needs to make the context for itself."""
    return PackedContext(str(database_of(context.study).url), context.folder, context.settings, str(context.device))
