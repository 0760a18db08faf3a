"""Files that several machines share by a URL, such as s3://bucket/prefix; read and written with fsspec.

Nothing here ends a run: an object store that cannot be reached costs what it would have kept, and is told of once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from .problems import Problem, SettingsError

Result = TypeVar("Result")
INSTALL = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


@dataclass(frozen=True)
class RemoteFile:
    """A file at a URL, used like a ``Path``.

    Attributes:
        url: Of the file; an object store shows it whole or not at all.
    """

    url: str

    @property
    def name(self) -> str:
        """The last part of the URL."""
        return self.url.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The last part but one."""
        return self.url.split("/")[-2]

    def read_bytes(self) -> bytes:
        """The content.

        Raises:
            FileNotFoundError: If it is not there, or cannot be reached.
        """
        content = _attempt(self.url, "read", lambda files, path: files.cat_file(path))
        if content is None:
            raise FileNotFoundError(f"{shown(self.url)} is not there")
        return bytes(content)

    def write_bytes(self, content: bytes) -> None:
        """Writes it, if it can be written."""
        _attempt(self.url, "written", lambda files, path: files.pipe_file(path, content))

    def unlink(self, missing_ok: bool = True) -> None:
        """Removes it, if it is there."""
        _attempt(self.url, "removed", lambda files, path: files.rm_file(path))


def files_below(url: str) -> list[RemoteFile]:
    """All files whose URLs begin with that of this folder; none if it cannot be reached."""

    def find(files: Any, path: str) -> list[RemoteFile]:
        files.invalidate_cache()
        return [RemoteFile(files.unstrip_protocol(found)) for found in files.find(path)]

    return _attempt(url, "listed", find) or []


def check_url(url: str) -> None:
    """Refuses a URL for which there is no package.

    Raises:
        SettingsError: If there is none.
    """
    import fsspec

    scheme = url.partition("://")[0]
    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError:
        package = INSTALL.get(scheme, f"fsspec[{scheme}]")
        way_out = f".venv/bin/python -m pip install '{package}'"
        raise SettingsError([Problem("--save-dir", shown(url), "needs a package", way_out)]) from None
    except ValueError:
        rule = f"has a scheme that nobody knows, {scheme!r}"
        raise SettingsError([Problem("--save-dir", shown(url), rule, "for example s3://bucket/prefix")]) from None


def shown(url: str) -> str:
    """The URL without what may be a secret."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"


def _attempt(url: str, what: str, use: Callable[[Any, str], Result]) -> Result | None:
    """What ``use`` gives; None where the file is not there, or its store cannot be used."""
    import fsspec

    try:
        files, path = fsspec.core.url_to_fs(url)
        return use(files, path)
    except FileNotFoundError:
        return None
    except Exception as error:  # Every store has errors of its own.
        tell_once(shown(url).rpartition("/")[0], what, type(error).__name__)
        return None


@cache
def tell_once(place: str, what: str, reason: str) -> None:
    """Says it once a process: whatever fails here will fail again at the next epoch."""
    logging.getLogger(__name__).warning(
        "warning: nothing can be %s in %s (%s): what is interrupted may have to start over", what, place, reason
    )
