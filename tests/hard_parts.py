"""Data that takes its time, or that a process dies of, for tests of what happens then."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

from data.sequences import SequenceDataset
from data.tensors.augment import Augmentation
from data.tensors.channels import Preparation
from tune.core.seeds import derive_seed
from tune.training.splits import Splits


@dataclass(frozen=True, eq=False)
class HardParts(Splits):
    """Whoever asks for an epoch of certain trials is ended by a fault in its memory.

    Attributes:
        study_seed: Of the study.
        deadly: Numbers of those trials; None for all of them.
        from_epoch: The first epoch that is deadly.
        pause_seconds: What every epoch waits, so that trials last without using the processor.
    """

    study_seed: int = 0
    deadly: tuple[int, ...] | None = ()
    from_epoch: int = 1
    pause_seconds: float = 0.0

    def training_epoch(
        self, fold: int, preparation: Preparation, augmentation: Augmentation, *, seed: int, epoch: int
    ) -> SequenceDataset:
        if epoch >= self.from_epoch and (self.deadly is None or seed in map(self._seed_of, self.deadly)):
            os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(self.pause_seconds)
        return super().training_epoch(fold, preparation, augmentation, seed=seed, epoch=epoch)

    def _seed_of(self, number: int) -> int:
        return derive_seed(derive_seed(self.study_seed, "trial", number), "augmentation", 0)
