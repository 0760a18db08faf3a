"""Files that are whole or not there: written to a temporary name, flushed to disk, then renamed."""

from __future__ import annotations

import csv
import errno
import io
import os
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .remote import RemoteFile

_SUFFIX = ".tmp"
# A write takes seconds; a process that is suspended in the midst of one shall find its file again.
_ABANDONED_SECONDS = 3600.0


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


# Asked once: it can only be asked by setting it, and two threads that do so at once would leave the wrong one.
_MODE = 0o666 & ~_umask()


def write_bytes(path: Path | RemoteFile, content: bytes) -> None:
    """Writes a file so that a reader, or a crash at any moment, sees the old content or the new, never a part.

    Raises:
        OSError: If it cannot be written; the old content is still there.
    """
    if isinstance(path, RemoteFile):
        path.write_bytes(content)
        return
    if path.exists() and not path.is_file():
        code = errno.EISDIR if path.is_dir() else errno.EEXIST  # A device would be replaced by a file.
        raise OSError(code, "is there, and is no regular file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_SUFFIX)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner can read; results are for the whole team.
        os.chmod(temporary, _MODE)
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # The system names no file when the disk is full.
        raise


def write_text(path: Path, content: str) -> None:
    """Writes UTF-8 text; see ``write_bytes``."""
    write_bytes(path, content.encode())


def csv_text(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV, below the names of their columns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def remove_abandoned(folder: Path) -> None:
    """Removes what processes that were killed while they wrote have left in a folder and those in it."""
    for place, _, names in os.walk(folder):
        for name in names:
            if name.startswith(".") and name.endswith(_SUFFIX):
                # Another process may have removed it, or finished it, meanwhile.
                with suppress(OSError):
                    path = Path(place, name)
                    if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                        path.unlink()
