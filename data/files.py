"""Your own recordings, told apart by looking: see the modules that read each, and ``docs/recordings.md``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from .errors import DataError
from .formats.arrays import are_arrays
from .formats.columns import PARQUET_SUFFIXES, STREAM_SUFFIXES, TEXT_SUFFIXES
from .formats.matlab import read_mat
from .formats.npz import arrays_beside, read_npy_files, read_npz
from .layouts.class_folders import CLIPS, DEEPEST, is_flat, read_folder, table_files, table_paths
from .layouts.edge_impulse import FOLDERS, files_in, read_edge_impulse
from .layouts.label_first import is_label_first, read_arff, read_label_first
from .layouts.label_list import Listing, find_listing
from .layouts.labels_apart import read_apart, tables_apart
from .layouts.long_table import read_long_table
from .layouts.packed import read_packed
from .layouts.ts_archive import find_pair, read_ts
from .on_disk import on_disk
from .recording import Layout, Recording
from .recordings import assemble
from .sequences import SequenceDataset
from .source import Source, is_file
from .streams.files import find_streams, read_streams
from .streams.labels import Found

NAME = "files"
# Short sequences are gestures, long ones activities.
KIND = "gesture or activity"

TABLE_SUFFIXES = PARQUET_SUFFIXES | TEXT_SUFFIXES
READERS = {".npz": read_npz, ".ts": read_ts, ".arff": read_arff, ".mat": read_mat}
ZIP = ".zip"
ONE_FILE_SUFFIXES = frozenset(READERS)
READ_SUFFIXES = TABLE_SUFFIXES | ONE_FILE_SUFFIXES | STREAM_SUFFIXES
LAYOUTS = (
    "a folder a class with CSV, TSV, Parquet, .npy or .dat files; one long CSV, TSV or Parquet table with the columns "
    "'sequence_id' and 'label'; streams with a label in every row, or with annotations (start, end, label) in a file "
    "beside them; X and y in an .npz archive, in .npy files, in tables or in a .mat file; a .ts, .tsv or .arff file "
    "of the time-series archive; an export of Edge Impulse; a zip of any of these"
)


def load(source: Source) -> SequenceDataset:
    """Reads the recordings that the user named.

    Raises:
        DataError: If nothing was named, nothing is understood, or something cannot be used; the message names file
            and row.
    """
    if source.data_path is None:
        raise DataError(f"name your recordings with --data-path. Understood are: {LAYOUTS}")
    return on_disk(source, NAME, lambda: _load(source))


def _load(source: Source) -> SequenceDataset:
    assert source.data_path is not None
    if source.label_from != "folder":
        is_folder = not is_file(source.data_path) and source.data_path.is_dir()
        if is_folder and (listing := listing_in(source.data_path)):
            return assemble(*read_folder(source.data_path, NAME, source.label_from, listing), source)
        if (streams := find_streams(source.data_path)) and not are_classes(source.data_path, streams):
            return read_streams(source.data_path, streams, NAME, source)
    path = the_file(source.data_path)
    if path.suffix.lower() == ZIP:
        return read_packed(path, lambda folder: _load(replace(source, data_path=folder)))
    layout, recordings = _read(path, source)
    return assemble(layout, recordings, source)


def _read(path: Path, source: Source) -> tuple[Layout, list[Recording]]:
    if path.is_dir():
        if arrays_beside(path):
            return read_npy_files(path, NAME)
        if files_in(path):
            return read_edge_impulse(path, NAME)
        if tables_apart(path):
            return read_apart(path, NAME)
        return read_folder(path, NAME, source.label_from)
    suffix = path.suffix.lower()
    if suffix in READERS:
        return READERS[suffix](path, NAME)
    if suffix not in TABLE_SUFFIXES:
        raise DataError(f"{path} is not understood. Understood are: {LAYOUTS}")
    return read_label_first(path, NAME) if is_label_first(path) else read_long_table(path, NAME)


def the_file(path: Path) -> Path:
    """The path itself or, for a folder with nothing but one file (or one pair) to read, that file.

    Raises:
        DataError: If there is no such path, or a folder holds nothing to read, or several things.
    """
    if is_file(path):
        return path.parent if path.suffix.lower() == ".npy" else path
    if not path.is_dir():
        raise DataError(f"{path} is neither a file nor a folder: name one with --data-path")
    inner = inside(path)
    if arrays_beside(inner) or files_in(inner) or tables_apart(inner):
        return inner
    tables = table_files(path)
    if inner != path and all(table.parts[:-1] == inner.relative_to(path).parts for table in tables):
        # A lone folder is a class, unless its files say that it only holds them all.
        tables = [Path(table.name) for table in tables] if is_flat(table.stem for table in tables) else tables
    if any(len(table.parts) > 1 for table in tables):
        return path
    whole = {min(find_pair(one).values()) for one in files_of(inner, ONE_FILE_SUFFIXES)}
    halves = {min(find_pair(inner / table).values()) for table in tables}
    found = sorted(whole | halves) or files_of(path, frozenset({ZIP}))
    if len(halves) > 1 and not whole:
        return inner
    if len(found) > 1:
        names = ", ".join(one.name for one in found[:5]) + (", …" if len(found) > 5 else "")
        raise DataError(
            f"{path} holds several files to read ({names}): name one of them, or put the recordings of each class "
            "into a folder with the name of the class"
        )
    if not found:
        raise DataError(f"{path} holds nothing that is understood. Understood are: {LAYOUTS}")
    return found[0]


def are_classes(path: Path, streams: Sequence[Found]) -> bool:
    """Whether what looks like a stream are the classes of sequences in another table."""
    inner = inside(path) if path.is_dir() else path.parent
    return streams[0].head.path in [own.get("labels") for own in tables_apart(inner).values()]


def listing_in(folder: Path) -> Listing | None:
    """What lists beside recordings say of them; None without one.

    Raises:
        DataError: As ``label_list.find_listing``.
    """
    return find_listing(folder, table_paths(folder, CLIPS))


def inside(path: Path) -> Path:
    """A folder, or the one that is all there is in it, as zips have it.

    Raises:
        DataError: If a folder cannot be looked into.
    """
    for _ in range(DEEPEST):
        try:
            entries = [one for one in path.iterdir() if not one.name.startswith((".", "__MACOSX"))]
        except OSError as error:
            raise DataError(f"{path} cannot be looked into: {error.strerror}") from error
        if len(entries) != 1 or not entries[0].is_dir() or entries[0].is_symlink() or entries[0].name in FOLDERS:
            break
        path = entries[0]
    return path


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
        inner = inside(path)
        return bool(table_paths(path) or files_of(inner, ONE_FILE_SUFFIXES) or arrays_beside(inner) or files_in(inner))
    if path.suffix.lower() == ".npy":
        return bool(arrays_beside(path.parent)) and path.stem in arrays_beside(path.parent)
    return path.suffix.lower() in READ_SUFFIXES


def holds_arrays(path: Path) -> bool:
    """Whether a folder holds sequences and labels in ``.npy`` files of their own."""
    return bool(arrays_beside(inside(path)))


def are_read(members: Sequence[str]) -> bool:
    """Whether the members of a zip are recordings: tables, arrays with their labels, or an export of Edge Impulse."""
    names = [PurePosixPath(member) for member in members if "__MACOSX" not in member]
    arrays: dict[PurePosixPath, list[str]] = {}
    for name in names:
        if name.suffix.lower() == ".npy":
            arrays.setdefault(name.parent, []).append(name.stem)
    if arrays:
        return any(map(are_arrays, arrays.values()))
    return any(
        name.suffix.lower() in READ_SUFFIXES or (name.suffix == ".json" and name.parent.name in FOLDERS)
        for name in names
    )
