"""What a study is run with, which travels together from the command line to the last fit."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from optuna import Study

from ..config.settings import Settings
from ..core.folders import StudyFolder
from ..training.devices import choose_device
from ..training.splits import Parts


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
    splits: Parts
    folder: StudyFolder
    device: torch.device

    @classmethod
    def on_this_machine(cls, study: Study, settings: Settings, splits: Parts, folder: StudyFolder) -> RunContext:
        """With the device that the settings mean here."""
        return cls(study, settings, splits, folder, choose_device(settings.machine.device))
