"""Which data set lies at a path, by looking."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import files
from .errors import DataError
from .formats.archive import DAMAGE, open_binary, open_zip
from .formats.npy import ARRAY_SUFFIX, shape_of
from .formats.regular import open_regular
from .landmarks import parts_in_frame
from .layouts.class_folders import table_paths
from .layouts.clips import misplaced
from .published import asl_citizen, asl_signs, signs, smartwatch, uci_har, wlasl
from .source import is_file

SIGNS = signs.NAME
ARCHIVES = {
    smartwatch.PUBLISHED.file_name: smartwatch.NAME,
    **dict.fromkeys(uci_har.FILE_NAMES, uci_har.NAME),
}
# Of Kaggle's ASL Signs.
SIGNS_FOLDER = "/train_landmark_files/"
# Sign, take and frame; metadata may put one more folder above.
DEEPEST_LANDMARKS = 4
# That an array begins with, which say what it holds.
HEADER_BYTES = 1 << 16


def recognise(path: Path) -> str:
    """The registered name of the data set at a path.

    A published archive is known by its name or by what is in it, sign-language recordings by their ``.npy`` files;
    everything else that can be read is somebody's own recordings.

    Raises:
        DataError: If there is nothing, nothing that is understood, or more than one data set.
    """
    if is_file(path):
        return _of_file(path)
    if not path.is_dir():
        raise DataError(f"{path} is neither a file nor a folder: name one with --data-path")
    found: dict[str, str] = {}
    holds_zip = False
    for archive in files.files_of(path, frozenset({files.ZIP})):
        name = ARCHIVES.get(archive.name) or _of_zip(archive)
        holds_zip |= name == files.NAME
        if name is not None and name != files.NAME:
            found.setdefault(name, archive.name)
    if uci_har.unpacked(path) is not None:
        found.setdefault(uci_har.NAME, f"unpacked, with {uci_har.LABELS_FILE}")
    if files.holds_arrays(path):
        return files.NAME
    if holds_clips(path):
        return files.NAME
    if holds_landmarks(path):
        found.setdefault(SIGNS, "landmarks in .npy files")
    elif not found and holds_sign_metadata(path):
        found[SIGNS] = "metadata of WLASL, ASL Citizen or ASL Signs"
    # A published archive explains a folder; tables beside it may be anything, and so do the tables of sign metadata.
    if not found and (holds_zip or files.is_there(path)):
        return files.NAME
    if len(found) > 1:
        listed = ", ".join(f"{name} ({what})" for name, what in found.items())
        raise DataError(f"{path} holds several data sets: {listed}: say which one with --dataset {next(iter(found))}")
    if found:
        return next(iter(found))
    raise DataError(
        f"{path} holds nothing that is understood. Understood are: {files.LAYOUTS}; sign-language landmarks in .npy "
        f"files; and the archives {', '.join(map(repr, ARCHIVES))}"
    )


def holds_landmarks(folder: Path) -> bool:
    """Whether ``.npy`` files lie in a folder or a few levels below it."""
    return any(name.lower().endswith(".npy") for _, names in _folders(folder) for name in names)


def holds_clips(folder: Path) -> bool:
    """Whether ``.npy`` files below a folder are recordings of sensors, listed or where those of signs do not lie."""
    names = (place / name for place, names in _folders(folder) for name in sorted(names))
    first = next((one for one in names if one.suffix.lower() == ARRAY_SUFFIX), None)
    if first is None or holds_sign_metadata(folder):
        return False
    try:
        with open_regular(first) as file:
            n_dimensions = n_dimensions_of_clip(file.read(HEADER_BYTES))
    except OSError:
        return False  # Its reader tells.
    if n_dimensions is None:
        return False
    clips = [path.as_posix() for path in table_paths(folder, frozenset({ARRAY_SUFFIX}))]
    return are_no_signs(clips, n_dimensions) or bool(
        (listing := files.listing_in(folder)) and any(path.suffix.lower() == ARRAY_SUFFIX for path in listing.entries)
    )


def n_dimensions_of_clip(begin: bytes) -> int | None:
    """By the first bytes of an array; None where it is no clip, or landmarks, as far as their number is known."""
    try:
        shape = shape_of(begin, "")
    except DataError:
        return None  # Its reader tells.
    return len(shape) if len(shape) in (1, 2) and parts_in_frame(shape[-1]) is None else None


def are_no_signs(clips: Sequence[str], n_dimensions: int) -> bool:
    """Whether arrays do not lie as signs do: a take a folder of frames, or a folder a sign with its clips."""
    depth = 3 if n_dimensions == 1 else 2
    return misplaced(clips, depth) is not None or (depth == 2 and len({one.split("/")[-2] for one in clips}) == 1)


def holds_sign_metadata(folder: Path) -> bool:
    """Whether the lists of WLASL, ASL Citizen or ASL Signs lie in a folder or a few levels below it."""
    for place, names in _folders(folder):
        if any(wlasl.SUBSET.fullmatch(name) or wlasl.WHOLE.fullmatch(name) for name in names):
            return True
        if asl_citizen.TRAIN_FILE in names:
            first = _first_line(place / asl_citizen.TRAIN_FILE)
            if first.startswith(",".join(asl_citizen.COLUMNS)) or asl_signs.is_list(first.encode()):
                return True
    return False


def _folders(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """A folder and those a few levels below it, with the names of their files."""
    for place, folders, names in os.walk(folder):
        yield Path(place), names
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and depth < DEEPEST_LANDMARKS)


def _first_line(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return file.readline(1000).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def _of_file(path: Path) -> str:
    if path.suffix.lower() == files.ZIP:
        name = ARCHIVES.get(path.name) or _of_zip(path)
        if name is None:
            raise DataError(
                f"{path} is none of the published archives and holds nothing that is understood. Understood are: "
                f"{files.LAYOUTS}"
            )
        return name
    if path.suffix.lower() in (".json", ".npy") and not files.is_there(path):
        return SIGNS
    if not files.is_there(path):
        raise DataError(f"{path} is not understood. Understood are: {files.LAYOUTS}")
    return files.NAME


def _of_zip(path: Path) -> str | None:
    """The data set whose members an archive has, somebody's own recordings included; None for any other archive."""
    with open_binary(path, signs.LIMITS.archive_bytes) as file:
        archive = open_zip(file, str(path), signs.LIMITS.n_members)
        members = archive.namelist()
        clips = sorted(one for one in members if one.endswith(ARRAY_SUFFIX) and "__MACOSX" not in one)
        if clips and not any(one.endswith((".json", asl_citizen.TRAIN_FILE)) for one in members):
            try:
                with archive.open(clips[0]) as first:
                    n_dimensions = n_dimensions_of_clip(first.read(HEADER_BYTES))
            except DAMAGE:
                n_dimensions = None
            if n_dimensions is not None and are_no_signs(clips, n_dimensions):
                return files.NAME
    if any(f"/{member}".endswith(f"/{uci_har.LABELS_FILE}") for member in members):
        return uci_har.NAME
    if any(smartwatch.SAMPLE.fullmatch(member) for member in members):
        return smartwatch.NAME
    if any(member.endswith(".npy") for member in members) and not files.are_read(members):
        return SIGNS
    if any(SIGNS_FOLDER in f"/{member}" for member in members):
        return SIGNS
    return files.NAME if files.are_read(members) else None
