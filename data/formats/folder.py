"""A folder of files, seen as an archive is: names of members, and their content."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError
from .regular import read_regular

LARGEST_FILE_BYTES = 1 << 30
MOST_FILES = 5_000_000
MOST_LEVELS = 50


class Stamp(NamedTuple):
    """What tells, without reading it, that a file has changed."""

    n_bytes: int
    modified_ns: int


class Folder:
    """Every file below a folder but hidden ones, in the order of their names; folders that are links are passed over.

    Args:
        path: The folder.

    Raises:
        DataError: If something below it cannot be looked at, or there is far too much.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._stamps: dict[str, Stamp] = {}
        self.empty_folders: list[str] = []
        for member, stamp in _walk(path, ""):
            if stamp is None:
                self.empty_folders.append(member)
            else:
                self._stamps[member] = stamp
            if len(self._stamps) > MOST_FILES:
                raise DataError(f"{path} holds more than {MOST_FILES:,} files: name the folder of the recordings")
        self.members = tuple(self._stamps)

    def place(self, member: str) -> str:
        """How an error names a member."""
        return str(self._path / member)

    def read(self, member: str) -> bytes:
        """The content of one member.

        Raises:
            DataError: If it cannot be read, or is larger than any recording.
        """
        try:
            return read_regular(self._path / member, LARGEST_FILE_BYTES)
        except OSError as error:
            raise DataError(f"{self.place(member)} cannot be read: {error.strerror}") from error

    def fingerprint(self, *suffixes: str) -> str:
        """Hash of names, sizes and times of the members with these suffixes."""
        stamps = [(member, *stamp) for member, stamp in self._stamps.items() if member.lower().endswith(suffixes)]
        return hashlib.sha256(json.dumps(stamps).encode()).hexdigest()


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, Stamp | None]]:
    """Files with their stamps, and folders that hold nothing with None."""
    try:
        with os.scandir(folder) as listing:
            shown = (entry for entry in listing if not entry.name.startswith(".") and entry.name != "__MACOSX")
            entries = sorted(shown, key=lambda entry: entry.name)
        if not entries and prefix:
            yield prefix.removesuffix("/"), None
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if prefix.count("/") >= MOST_LEVELS:
                    raise DataError(f"{folder} lies more than {MOST_LEVELS} folders deep: name a folder further down")
                yield from _walk(folder / entry.name, f"{prefix}{entry.name}/")
            elif entry.is_file():
                status = entry.stat()
                yield prefix + entry.name, Stamp(status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise DataError(f"{folder} cannot be looked into: {error.strerror}") from error
