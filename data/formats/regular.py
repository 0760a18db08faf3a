"""Files that people name, opened only if they are regular and of bounded size.

A device may never end, a FIFO waits for a writer, and merely opening some devices does something.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

Opened = io.BufferedReader | io.BytesIO
LARGEST_BYTES = 2 << 30
_KINDS = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def open_regular(path: Path, most_bytes: int = LARGEST_BYTES) -> Opened:
    """Opens a regular file, or a link to one, for reading.

    A file that gives its size as 0 is empty: Linux says so of what it makes up while it is read (/proc/kmsg), which
    may never end.

    Raises:
        OSError: If it cannot be opened, is no regular file, or is larger than ``most_bytes``.
    """
    refuse_special(path, os.stat(path), most_bytes)
    # It may have become another since.
    file = open(path, "rb", opener=_at_once)  # noqa: SIM115 - the caller closes it
    try:
        status = os.fstat(file.fileno())
        refuse_special(path, status, most_bytes)
        if status.st_size:
            return file
    except BaseException:
        file.close()
        raise
    file.close()
    return io.BytesIO()


def read_regular(path: Path, most_bytes: int = LARGEST_BYTES) -> bytes:
    """The content of a regular file; see ``open_regular``."""
    with open_regular(path, most_bytes) as file:
        n_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        return file.read(n_bytes)


def _at_once(name: str, flags: int) -> int:
    """Opens without waiting for somebody who writes."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def refuse_special(path: Path, status: os.stat_result, most_bytes: int) -> None:
    """Refuses what is no regular file, or too large a one.

    Raises:
        OSError: With what it is.
    """
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, and only regular files are read", str(path))
    if status.st_size > most_bytes:
        raise OSError(errno.EINVAL, f"it has {status.st_size:,} bytes: at most {most_bytes:,} are read", str(path))
