"""Where a data set may look for its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .errors import DataError

# In memory, window after window; one table in memory, of which windows are places; that table in a mapped file; the
# first, and the last where it is too much for that.
STORAGES = ("memory", "table", "disk", "auto")


@dataclass(frozen=True)
class Source:
    """What the user said about files, and where the program may keep its own.

    Attributes:
        data_path: File or folder that ``--data-path`` or the setting SEQTUNE_DATA named; None where neither was given.
        cache_folder: Keeps downloads and parsed tensors; it need not exist, and everything in it may be deleted.
        window_seconds: How long a window of a continuing movement is; only recordings that are cut obey it. None: four
            seconds, or what streams ask for.
        hop_seconds: From the start of a window to the start of the next; None for half of a window, or what streams
            ask for.
        window_label: How a window of a stream is labelled that could have two labels: ``run`` (none can), ``majority``,
            ``end``, ``share``, or ``auto``: as the reader finds best.
        label_share: Of a window that its label has at least, for ``share``.
        n_classes: How many classes will be used; None for all. For data sets that choose their metadata by it.
        landmarks: Parts of the body that are used: ``pose``, ``face``, ``left_hand``, ``right_hand``; with
            ``visibility`` also how surely each point of the pose is seen.
        missing_hands: What stands where a hand is not seen: one of ``shoulders.MISSING_HANDS``.
        asl_citizen: Whether ASL Citizen is read where it lies beside other signs.
        storage: Where values lie: one of ``STORAGES``.
        label_from: What names the class where folder and column both could: one of ``class_column.LABEL_FROM``.
    """

    data_path: Path | None
    cache_folder: Path
    window_seconds: float | None = None
    hop_seconds: float | None = None
    window_label: str = "auto"
    label_share: float = 0.75
    n_classes: int | None = None
    landmarks: tuple[str, ...] = ("pose", "left_hand", "right_hand")
    missing_hands: str = "interpolate"
    asl_citizen: bool = True
    label_from: str = "auto"
    storage: str = "auto"

    def named_file(self, *file_names: str) -> Path | None:
        """The file that the user named: ``data_path`` itself, or the first of ``file_names`` in that folder.

        Returns:
            None if nothing was named, or a folder that holds none of them (it may hold other data sets).

        Raises:
            DataError: If ``data_path`` does not exist or cannot be looked into.
        """
        if self.data_path is None:
            return None
        if is_file(self.data_path):
            return self.data_path
        if not self.data_path.is_dir():
            raise DataError(f"{self.data_path} is neither a file nor a folder: name one with --data-path")
        return first_file(self.data_path, *file_names)


def first_file(folder: Path, *file_names: str) -> Path | None:
    """The first of ``file_names`` that is a file in ``folder``; None if there is none, or no such folder.

    Raises:
        DataError: If the folder cannot be looked into.
    """
    return next((folder / name for name in file_names if is_file(folder / name)), None)


def is_file(path: Path) -> bool:
    """Whether there is such a file.

    Raises:
        DataError: If that cannot be known.
    """
    try:
        return path.is_file()
    except OSError as error:
        raise DataError(f"{path} cannot be looked at: {error.strerror}") from error
