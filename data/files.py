"""Your own recordings, in any of five layouts, told apart by looking: see the modules that read each.

Streams with labels (``stream_files``), a folder a class (``class_folders``), one long table (``long_table``), a NumPy
archive (``npz``), and the files of the time-series archive (``ts_archive``).
"""

from __future__ import annotations

from pathlib import Path

from .class_folders import read_folder, table_files, table_paths
from .columns import PARQUET_SUFFIXES, STREAM_SUFFIXES, TEXT_SUFFIXES
from .errors import DataError
from .long_table import read_long_table
from .npz import read_npz
from .recordings import assemble
from .sequences import SequenceDataset
from .source import Source, is_file
from .stream_files import find_streams, read_streams
from .ts_archive import find_pair, read_ts

NAME = "files"
# Short sequences are gestures, long ones activities.
KIND = "gesture or activity"

TABLE_SUFFIXES = PARQUET_SUFFIXES | TEXT_SUFFIXES
ONE_FILE_SUFFIXES = frozenset({".npz", ".ts"})
READ_SUFFIXES = TABLE_SUFFIXES | ONE_FILE_SUFFIXES | STREAM_SUFFIXES
LAYOUTS = (
    "a folder a class with CSV, TSV or Parquet files; one long CSV, TSV or Parquet table with the columns "
    "'sequence_id' and 'label'; streams with a label in every row, or with annotations (start, end, label) in a file "
    "beside them; an .npz archive with X and y; a .ts file of the time-series archive"
)


def load(source: Source) -> SequenceDataset:
    """Reads the recordings that the user named.

    Raises:
        DataError: If nothing was named, nothing is understood, or something cannot be used; the message names file
            and row.
    """
    if source.data_path is None:
        raise DataError(f"name your recordings with --data-path. Understood are: {LAYOUTS}")
    if streams := find_streams(source.data_path):
        return read_streams(source.data_path, streams, NAME, source)
    path = the_file(source.data_path)
    suffix = path.suffix.lower()
    if path.is_dir():
        layout, recordings = read_folder(path, NAME)
    elif suffix in TABLE_SUFFIXES:
        layout, recordings = read_long_table(path, NAME)
    elif suffix == ".npz":
        layout, recordings = read_npz(path, NAME)
    elif suffix == ".ts":
        layout, recordings = read_ts(path, NAME)
    else:
        raise DataError(f"{path} is not understood. Understood are: {LAYOUTS}")
    return assemble(layout, recordings, source)


def the_file(path: Path) -> Path:
    """The path itself or, for a folder with nothing but one file (or one pair) to read, that file.

    Raises:
        DataError: If there is no such path, or a folder holds nothing to read, or several things.
    """
    if is_file(path):
        return path
    if not path.is_dir():
        raise DataError(f"{path} is neither a file nor a folder: name one with --data-path")
    tables = table_files(path)
    if any(len(table.parts) > 1 for table in tables):
        return path
    whole = {min(find_pair(one).values()) for one in files_of(path, ONE_FILE_SUFFIXES)}
    found = sorted([*whole, *(path / table for table in tables)])
    if len(found) > 1:
        names = ", ".join(one.name for one in found[:5]) + (", …" if len(found) > 5 else "")
        raise DataError(
            f"{path} holds several files to read ({names}): name one of them, or put the recordings of each class "
            "into a folder with the name of the class"
        )
    if not found:
        raise DataError(f"{path} holds nothing that is understood. Understood are: {LAYOUTS}")
    return found[0]


def files_of(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """Files in a folder, not below it, with one of the suffixes.

    Raises:
        DataError: If the folder cannot be looked into.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder} cannot be looked into: {error.strerror}") from error
    return [one for one in entries if one.suffix.lower() in suffixes and not one.name.startswith(".") and one.is_file()]


def is_there(path: Path) -> bool:
    """Whether something lies there that looks like recordings, readable or not."""
    if path.is_dir():
        return bool(table_paths(path) or files_of(path, ONE_FILE_SUFFIXES))
    return path.suffix.lower() in READ_SUFFIXES
