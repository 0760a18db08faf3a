"""What is where on disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .problems import Problem, SettingsError

DATABASE_NAME = "tune.db"
DEFAULT_SAVE_DIR = Path(__file__).resolve().parent.parent / "studies"


@dataclass(frozen=True)
class StudyFolder:
    """The folder of one study.

    Attributes:
        save_dir: Holds the database and a folder for every study.
        study_name: Of the study.
    """

    save_dir: Path
    study_name: str

    @property
    def root(self) -> Path:
        """Holds everything of this study but the database."""
        return self.save_dir / self.study_name

    @property
    def lock(self) -> Path:
        """Held while work is shared out."""
        return self.root / ".locks" / "study.lock"

    def trial_lock(self, number: int) -> Path:
        """Held by the process that works on the trial."""
        return self.root / ".locks" / f"trial-{number}.lock"

    def checkpoint(self, name: int | str) -> Path:
        """State between two epochs, of a trial by its number or of another fit by its name."""
        return self.root / ".checkpoints" / f"{f'trial-{name}' if isinstance(name, int) else name}.pt"

    def trial(self, number: int, started: datetime) -> Path:
        """What a finished trial leaves."""
        return self.root / "trials" / f"{number:04d}-{started:%Y%m%d-%H%M%S}"


def check_study_name(name: str) -> None:
    """Refuses a name that is no good folder name.

    Raises:
        SettingsError: If it is not.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name) or name.endswith((".db", ".", ".lock")):
        rule = "must be 1 to 100 letters, digits, '-', '_' or '.', begin with a letter or digit, and not end in .db"
        raise SettingsError([Problem("study name", name, rule)])
