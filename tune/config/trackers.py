"""Where a run is tracked besides its own database, checked before anything begins."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..core.folders import StudyFolder
from ..core.problems import Problem, SettingsError

DEFAULT_MLFLOW = "sqlite:///mlflow.db"
# What ``--tensorboard`` without a folder means.
BELOW_THE_STUDY = ""
# Of the addresses that MLflow 3 understands. It no longer writes plain folders unless it is made to.
_SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks")
_INSTALL = ".venv/bin/python -m pip install"


@dataclass(frozen=True)
class Trackers:
    """Where a run is tracked.

    Attributes:
        mlflow: Address of a tracking server or of its database, which may hold a password; None for nowhere.
        tensorboard: Holds a folder of event files for every study; empty for a folder below each study's own; None for
            nowhere.
        note: What to say about the way in which this was written; None for nothing.
    """

    mlflow: str | None = None
    tensorboard: str | None = None
    note: str | None = None

    def __bool__(self) -> bool:
        return self.mlflow is not None or self.tensorboard is not None

    def event_files(self, folder: StudyFolder) -> Path:
        """Holds a folder of event files for every trial of a study."""
        if self.tensorboard == BELOW_THE_STUDY or self.tensorboard is None:
            return folder.root / "tensorboard"
        return Path(self.tensorboard) / folder.study_name


def read_trackers(mlflow: str | None, tensorboard: str | None) -> Trackers:
    """What the options say.

    Args:
        mlflow: An address, or ``env:VAR`` for one that no list of processes shall show.
        tensorboard: A folder, or empty.

    Raises:
        SettingsError: If an address or folder is of no use, or the package for it is missing.
    """
    problems: list[Problem] = []
    note = _password_note(mlflow)
    if mlflow is not None:
        mlflow, found = _address(mlflow)
        problems += found
        problems += _missing("--mlflow", "mlflow", "mlflow>=3.10,<3.18")
    if tensorboard is not None:
        if tensorboard and Path(tensorboard).exists() and not Path(tensorboard).is_dir():
            problems.append(Problem("--tensorboard", tensorboard, "must be a folder", "this is a file"))
        problems += _missing("--tensorboard", "tensorboard", "tensorboard")
    if problems:
        raise SettingsError(problems)
    return Trackers(mlflow, tensorboard, note)


def without_secrets(text: str, address: str) -> str:
    """The text without the user, the password and the query of an address, wherever they stand in it."""
    parts = urlsplit(address)
    account = parts.netloc.rpartition("@")[0]
    password = account.partition(":")[2]
    for secret in (f"{account}@", parts.query, password, unquote(password)):
        # Of a few letters only, it would be found in words that have nothing to do with it.
        if len(secret) > 3:
            text = text.replace(secret, "" if secret.endswith("@") else "***")
    return re.sub(r"//[^/@\s]+@", "//", text)


def _address(written: str) -> tuple[str, list[Problem]]:
    address = written
    if written.startswith("env:"):
        name = written.removeprefix("env:")
        address = os.environ.get(name, "")
        if not address:
            return written, [
                Problem("--mlflow", written, f"there is no environment variable {name!r}, or nothing in it")
            ]
    scheme = address.partition(":")[0].partition("+")[0]
    try:
        host = urlsplit(address).hostname
    except ValueError:
        host = None
    if scheme in _SCHEMES and (host or scheme in ("sqlite", "databricks")):
        return address, []
    rule = f"must be the address of a tracking server or of its database ({', '.join(_SCHEMES)})"
    example = f"for example http://localhost:5000 or {DEFAULT_MLFLOW}"
    shown = written if written.startswith("env:") else without_secrets(address, address)
    return address, [Problem("--mlflow", shown, rule, example)]


def _missing(option: str, package: str, requirement: str) -> list[Problem]:
    if find_spec(package) is not None:
        return []
    return [Problem(option, True, f"needs the package {package}", f"{_INSTALL} '{requirement}'")]


def _password_note(written: str | None) -> str | None:
    """What to say to who shows a password to everybody on the machine; None if nobody does."""
    if written is None or written == without_secrets(written, written):
        return None
    return "the list of processes shows the password in --mlflow: use env:VAR, or MLFLOW_TRACKING_PASSWORD for a server"
