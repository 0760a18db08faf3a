"""Files that are whole or not there: written to a temporary name, flushed to disk, then renamed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .remote import RemoteFile


def write_bytes(path: Path | RemoteFile, content: bytes) -> None:
    """Writes a file so that a reader, or a crash at any moment, sees the old content or the new, never a part.

    Raises:
        OSError: If it cannot be written; the old content is still there.
    """
    if isinstance(path, RemoteFile):
        path.write_bytes(content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner can read; results are for the whole team.
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # The system names no file when the disk is full.
        raise


def write_text(path: Path, content: str) -> None:
    """Writes UTF-8 text; see ``write_bytes``."""
    write_bytes(path, content.encode())


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
