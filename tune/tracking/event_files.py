"""Event files for TensorBoard: a folder a trial, written in one go once the trial is finished.

A folder appears under its name when it is whole, and is never written again; so no step is there twice, whatever
happens to the run.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from optuna import Study
from optuna.trial import FrozenTrial

from ..config.settings import Settings
from ..config.trackers import Trackers
from ..core.escaping import escaped
from ..core.folders import StudyFolder
from ..study.trial_files import trial_folder
from .records import TrialRecord, trial_record


class EventFiles:
    """The event files of one study."""

    name = "TensorBoard"

    def __init__(self, trackers: Trackers, study: Study, settings: Settings, folder: StudyFolder) -> None:
        self._folder = folder
        self.place = str(trackers.event_files(folder))

    def missing(self, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """The finished trials that have no event file yet."""
        return [trial for trial in trials if not self._place(trial).is_dir()]

    def log(self, trial: FrozenTrial) -> None:
        """Writes the event file of a trial."""
        place = self._place(trial)
        partial = place.with_name(f".{place.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        _write(partial, trial_record(trial))
        partial.rename(place)

    def conclude(self) -> None:
        """Nothing more is to be said of the study as a whole."""

    def _place(self, trial: FrozenTrial) -> Path:
        # The name has the time in it: a new study of an old name does not take its folders for its own.
        return Path(self.place) / f"trial-{trial_folder(self._folder, trial).name}"


def _write(place: Path, record: TrialRecord) -> None:
    # The package tensorboard is an extra.
    from torch.utils.tensorboard.summary import hparams
    from torch.utils.tensorboard.writer import SummaryWriter

    parameters = {name: str(value) if value is None else value for name, value in record.parameters.items()}
    with SummaryWriter(str(place)) as writer:
        for epoch in record.epochs:
            for name, value in epoch.scores.items():
                writer.add_scalar(_tag(name), value, epoch.number, epoch.ended)
        if record.final:
            for summary in hparams(parameters, record.final):  # type: ignore[no-untyped-call]
                writer.file_writer.add_summary(summary, None, record.ended)
        for name, value in record.final.items():
            writer.add_scalar(name, value, len(record.epochs), record.ended)
        words = f"{record.state}{': ' if record.reason else ''}{record.reason}"
        writer.add_text("how it ended", escaped(words), len(record.epochs), record.ended)


def _tag(name: str) -> str:
    """``train_loss`` as ``train/loss``, so that TensorBoard puts what belongs together below one heading."""
    part, _, score = name.partition("_")
    return f"{part}/{score}" if part in ("train", "validation") else name
