"""What is where on disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.request import url2pathname

from .problems import Problem, SettingsError
from .remote import RemoteFile, check_url

DATABASE_NAME = "tune.db"
BEST_MODEL = "best_model"
DEFAULT_SAVE_DIR = Path(__file__).resolve().parent.parent.parent / "studies"


@dataclass(frozen=True)
class SaveDir:
    """Where results go.

    Attributes:
        local: Holds a folder for every study and, unless it is elsewhere, the database.
        shared: URL below which checkpoints and the best's weights are kept for other machines; None where ``local``
            is all there is.
        storage: Address of another database than that in ``local``, perhaps as ``env:VAR``.
    """

    local: Path
    shared: str | None = None
    storage: str | None = None

    def study(self, name: str) -> StudyFolder:
        """The folder of a study."""
        return StudyFolder(self.local, name, self.shared)


def read_save_dir(written: str) -> SaveDir:
    """A folder as a person names it: by its path, or by a URL.

    Raises:
        SettingsError: If nothing here understands the URL.
    """
    scheme, mark, rest = written.partition("://")
    if not mark:
        return SaveDir(Path(written))
    if scheme == "file":
        return SaveDir(Path(url2pathname(rest)))
    check_url(written)
    return SaveDir(DEFAULT_SAVE_DIR, written.rstrip("/"))


@dataclass(frozen=True)
class StudyFolder:
    """The folder of one study.

    Attributes:
        save_dir: Holds the database and a folder for every study.
        shared: URL below which other machines find what they need to go on; None where it is in this folder too.
    """

    save_dir: Path
    study_name: str
    shared: str | None = None

    @property
    def root(self) -> Path:
        """Holds everything of this study but the database."""
        return self.save_dir / self.study_name

    @property
    def identity(self) -> Path:
        """Holds the random id of the study that the folder belongs to."""
        return self.root / ".study_id"

    @property
    def lock(self) -> Path:
        """Held while work is shared out."""
        return self.root / ".locks" / "study.lock"

    def trial_lock(self, name: int | str) -> Path:
        """Held by the process that works on a trial, by its number, or on something else, by its name."""
        return self.root / ".locks" / f"{f'trial-{name}' if isinstance(name, int) else name}.lock"

    def checkpoint(self, name: int | str) -> Path:
        """State between two epochs, of a trial by its number or of another fit by its name."""
        return self.root / ".checkpoints" / f"{f'trial-{name}' if isinstance(name, int) else name}.pt"

    def checkpoint_for_all(self, name: int | str) -> Path | RemoteFile:
        """The same, where whoever goes on with it will look."""
        local = self.checkpoint(name)
        return RemoteFile(f"{self.shared}/{self.study_name}/checkpoints/{local.name}") if self.shared else local

    @property
    def shared_weights(self) -> str | None:
        """URL of the folder with a folder of weights for each trial that was the best; None if they are here only."""
        return None if self.shared is None else f"{self.shared}/{self.study_name}/weights"

    def trial(self, number: int, started: datetime) -> Path:
        """What a finished trial leaves, named by UTC; earlier versions used the local time, which depends on where."""
        place = self.root / "trials" / f"{number:04d}-{started.astimezone(UTC):%Y%m%d-%H%M%S}"
        if place.exists() or not place.parent.exists():
            return place
        return _named_otherwise(place.parent, place.parent.stat().st_ino).get(f"{number:04d}", place)


@cache
def _named_otherwise(trials: Path, inode: int) -> dict[str, Path]:
    """Folders by number as they are when one is missed first: what is added later has the name that is looked for."""
    return {path.name.partition("-")[0]: path for path in sorted(trials.glob("*-*"), reverse=True)}


def check_study_name(name: str) -> None:
    """Refuses a name that is no good folder name.

    Raises:
        SettingsError: If it is not.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name) or name.endswith((".db", ".", ".lock")):
        rule = "must be 1 to 100 letters, digits, '-', '_' or '.', begin with a letter or digit, and not end in .db"
        raise SettingsError([Problem("study name", name, rule)])
