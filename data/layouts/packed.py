"""A zip of recordings: judged as a whole, unpacked where nobody else looks, and read as the folder that it is."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ..errors import DataError
from ..formats.archive import Archive, Limits, open_binary
from ..recording import MAX_VALUES
from ..sequences import SequenceDataset

LIMITS = Limits(archive_bytes=1 << 30, unpacked_bytes=8 * MAX_VALUES, n_members=200_000)
# What Windows keeps for itself, and no recording is called.
RESERVED = re.compile(r"[<>:\"|?*\x00-\x1f]")


def read_packed(path: Path, read: Callable[[Path], SequenceDataset]) -> SequenceDataset:
    """Reads a zip as a folder; errors and notes name the zip and what is in it.

    Args:
        path: The zip.
        read: Reads a folder.

    Raises:
        DataError: If the archive is harmful, too large or damaged, or as ``read`` does.
    """
    with tempfile.TemporaryDirectory(prefix="seqtune-") as folder:
        root = Path(folder).resolve()
        with open_binary(path) as file:
            archive = Archive(file, str(path), LIMITS)
            for member in archive.members:
                name = PurePosixPath(member.replace("\\", "/"))
                if name.suffix.lower() == ".zip":
                    raise DataError(f"{archive.place(member)} is a zip in a zip: name it, unpacked from the outer one")
                if RESERVED.search(str(name)):
                    raise DataError(f"{archive.place(member)}: a name that not every system can have: rename it")
                target = root.joinpath(*name.parts)
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with target.open("xb") as copy:
                        copy.write(archive.read(member))
                except OSError as error:
                    raise DataError(f"{archive.place(member)} cannot be unpacked: {error.strerror}") from error

        def renamed(text: str) -> str:
            return text.replace(str(root), str(path))

        try:
            dataset = read(root)
        except DataError as error:
            raise type(error)(renamed(str(error))) from error
        return replace(dataset, notes=tuple(map(renamed, dataset.notes)))
