"""Files that their publisher offers: fetched once, checked, and never half written."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..cache import written_whole
from ..errors import DataError
from ..source import is_file

CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Published:
    """A file as its publisher offers it.

    Attributes:
        file_name: Its name on disk.
        url: Where it is fetched from.
        n_bytes: Its size.
        sha256: Its hash in hexadecimal digits.
    """

    file_name: str
    url: str
    n_bytes: int
    sha256: str


def fetch(
    published: Published,
    folder: Path,
    *,
    silence_seconds: float = 20.0,
    total_seconds: float = 600.0,
) -> Path:
    """The published file in ``folder``, downloaded if it is not there.

    A file that is there already is not checked.

    Args:
        published: What to fetch.
        folder: Where it is kept.
        silence_seconds: Gives up when the other side says nothing for so long.
        total_seconds: Gives up when the whole download takes longer.

    Raises:
        DataError: If it cannot be fetched or stored, or is not the published file; the message says how to put it
            there by hand.
    """
    path = folder / published.file_name
    if is_file(path):
        return path
    try:
        with written_whole(path) as file:
            _download(published, file, silence_seconds, time.monotonic() + total_seconds)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}. {by_hand(published, folder)}") from error
    except _DownloadError as error:
        raise DataError(f"{published.url} could not be downloaded: {error}. {by_hand(published, folder)}") from error
    return path


def by_hand(published: Published, folder: Path) -> str:
    """The sentence that says which file to put where."""
    return (
        f"Put {published.file_name} ({published.n_bytes:,} bytes, sha256 {published.sha256}) into {folder}, or name "
        "the folder that holds it with --data-path or the setting SEQTUNE_DATA"
    )


class _DownloadError(Exception):
    """The other side did not deliver; kept apart from what goes wrong on this side's disk."""


def _download(published: Published, file: BinaryIO, silence_seconds: float, deadline: float) -> None:
    digest = hashlib.sha256()
    n_bytes = 0
    with closing(_chunks(published.url, silence_seconds)) as chunks:
        for chunk in chunks:
            n_bytes += len(chunk)
            if n_bytes > published.n_bytes:
                raise _DownloadError(f"it is larger than the {published.n_bytes:,} bytes that were published")
            if time.monotonic() > deadline:
                raise _DownloadError(f"it took too long, {n_bytes:,} of {published.n_bytes:,} bytes had come")
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != published.sha256:
        raise _DownloadError(f"{n_bytes:,} bytes came, and their sha256 is {digest.hexdigest()}")


def _chunks(url: str, silence_seconds: float) -> Generator[bytes, None, None]:
    try:
        with urllib.request.urlopen(url, timeout=silence_seconds) as response:
            # read1 returns what has come; read would wait for a whole chunk, past any deadline.
            while chunk := response.read1(CHUNK_BYTES):
                yield chunk
    except urllib.error.HTTPError as error:
        error.close()
        raise _DownloadError(f"the server answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _DownloadError(str(error.reason)) from error
    except (OSError, http.client.HTTPException) as error:
        raise _DownloadError(str(error) or type(error).__name__) from error
