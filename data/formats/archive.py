"""Zip archives from strangers: judged before anything is read, read without unpacking.

Nothing is ever written under a member's name; names that would escape a folder are refused all the same, since an
archive that holds them was made to do harm.
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from ..errors import DataError
from .regular import LARGEST_BYTES, Opened, open_regular

# Deflate reaches 1,032 to 1 on a constant; sensor text reaches 5 to 1.
MAX_RATIO = 100

ESCAPING_NAME = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)")
DIRECTORY_ENTRY = b"PK\x01\x02"
LEFT_BEHIND = re.compile(r"^__MACOSX/|(^|/)\.[^/]")

# Whatever zipfile and zlib raise on damaged bytes. RuntimeError: encrypted, or a compression they do not know.
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError, OverflowError)


@dataclass(frozen=True)
class Limits:
    """The most that an honest archive of a data set needs; memory use is bounded by it.

    Attributes:
        archive_bytes: Size of the zip itself.
        unpacked_bytes: Size of all members together.
        n_members: Files and folders.
    """

    archive_bytes: int
    unpacked_bytes: int
    n_members: int


def open_binary(path: Path, most_bytes: int = LARGEST_BYTES) -> Opened:
    """Opens a regular file for reading.

    Raises:
        DataError: If it cannot be opened, is none, or is larger than ``most_bytes``.
    """
    try:
        return open_regular(path, most_bytes)
    except OSError as error:
        raise DataError(f"{path} cannot be opened: {error.strerror}") from error


def sha256_of(file: Opened) -> str:
    """Hash of the whole file in hexadecimal digits."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def open_zip(file: BinaryIO, name: str, most_members: int) -> zipfile.ZipFile:
    """Opens a zip archive for its directory; none of its members is judged.

    Raises:
        DataError: If it is no zip, is damaged, or may have more than ``most_members``.
    """
    refuse_members(file, name, most_members)
    try:
        return zipfile.ZipFile(file)
    except DAMAGE as error:
        raise DataError(f"{name} is not a zip archive, or is damaged: {error}") from error


class Archive:
    """A zip archive whose members are all harmless.

    Args:
        file: The zip, open for reading for as long as the archive is used.
        name: How errors call it.
        limits: What it may hold.

    Raises:
        DataError: If it is no zip, is damaged, holds a name that escapes its folder, a link, one name twice, an
            encrypted or unusually compressed member, or more than the limits allow.
    """

    def __init__(self, file: BinaryIO, name: str, limits: Limits) -> None:
        self.name = name
        self._limits = limits
        n_bytes = file.seek(0, io.SEEK_END)
        if n_bytes > limits.archive_bytes:
            raise DataError(
                f"{name} has {n_bytes:,} bytes: at most {limits.archive_bytes:,} are read; unpack it, and name the "
                "folder"
            )
        self._zip = open_zip(file, name, limits.n_members)
        self._refuse_harm(n_bytes)

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Names of the files in it, without folders and without what file managers leave behind."""
        names = (member.filename for member in self._zip.infolist() if not member.is_dir())
        return tuple(name for name in names if not LEFT_BEHIND.search(name))

    def place(self, member: str) -> str:
        """How an error names a member; quoted, since a name may hold control characters."""
        return f"{self.name}, member {member!r}"

    def read(self, member: str) -> bytes:
        """The content of one member, checked against its checksum.

        Raises:
            DataError: If it is not there or is damaged.
        """
        try:
            declared = self._zip.getinfo(member).file_size
            with self._zip.open(member) as file:
                # Asking for the declared size, and not for everything, bounds a member that lies about its size.
                data = file.read(declared)
        except KeyError as error:
            raise DataError(f"{self.name} has no member {member!r}") from error
        except DAMAGE as error:
            raise DataError(f"{self.place(member)} is damaged: {error}") from error
        if len(data) != declared:
            raise DataError(f"{self.place(member)} is truncated: {len(data):,} of {declared:,} bytes")
        return data

    def nested(self, member: str) -> Archive:
        """The zip archive that one member is, under the same limits."""
        return Archive(io.BytesIO(self.read(member)), self.place(member), self._limits)

    def _refuse_harm(self, n_archive_bytes: int) -> None:
        members = self._zip.infolist()
        seen = set()
        for member in members:
            place = self.place(member.filename)
            mode = stat.S_IFMT(member.external_attr >> 16)
            if not member.filename:
                raise DataError(f"{self.name} has a member without a name: pack the archive again")
            if ESCAPING_NAME.search(member.filename):
                raise DataError(f"{place}: absolute names and names with '..' are refused")
            if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise DataError(f"{place} is a link or a device: only files and folders are read")
            if member.filename in seen:
                raise DataError(f"{place} is there twice: it is not clear which one is meant")
            if member.flag_bits & 0x1:
                raise DataError(f"{place} is encrypted: pack the archive again without a password")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise DataError(f"{place} is neither stored nor deflated: pack the archive again as a plain zip")
            seen.add(member.filename)
        n_bytes = sum(member.file_size for member in members)
        if n_bytes > self._limits.unpacked_bytes:
            raise DataError(
                f"{self.name} unpacks to {n_bytes:,} bytes: at most {self._limits.unpacked_bytes:,} are read; "
                "unpack it, and name the folder"
            )
        if n_bytes > MAX_RATIO * n_archive_bytes:
            raise DataError(
                f"{self.name} unpacks to {n_bytes:,} bytes from {n_archive_bytes:,}: "
                f"more than {MAX_RATIO} to 1 is refused as a zip bomb"
            )


def refuse_members(file: BinaryIO, name: str, most_members: int) -> None:
    """Refuses a zip archive whose directory is too long, before ZipFile reads all of it at once.

    Counts the signatures of directory entries anywhere in the file: never fewer than ZipFile would read.

    Raises:
        DataError: If there are more than ``most_members``.
    """
    file.seek(0)
    n_members = 0
    end = b""
    while chunk := file.read(1 << 20):
        n_members += (end + chunk).count(DIRECTORY_ENTRY)
        end = (end + chunk)[1 - len(DIRECTORY_ENTRY) :]
    if n_members > most_members:
        raise DataError(f"{name} has {n_members:,} members: at most {most_members:,} are read")
