"""Recordings of signs as files: which files make one recording, and what is known about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..errors import DataError
from ..formats.archive import Archive
from ..formats.folder import Folder
from ..formats.npy import ARRAY_SUFFIX, read_npy

Tree = Archive | Folder

FRAME = re.compile(r".*?([0-9]{1,9})", re.DOTALL)
DIGITS = re.compile(r"([0-9]+)")
N_NAMED = 3


class Clip(NamedTuple):
    """One recording.

    Attributes:
        sign: What is signed.
        files: Its frames in their order, or the one file that holds them all.
        part: Official part, ``TRAIN``, ``VALIDATION`` or ``TEST``; None without one.
        signer: Who signs; None where that is not known.
        frames: First and last frame of the sign in the video, from 1; None for all of them.
        n_dimensions: Of a file: 1 for a frame, 2 for [time, features].
    """

    sign: str
    files: tuple[str, ...]
    part: int | None = None
    signer: str | None = None
    frames: tuple[int, int] | None = None
    n_dimensions: int = 2


class Listed(NamedTuple):
    """A recording as a publisher's metadata lists it, whether its file is there or not.

    Attributes:
        video: Name of its file without the suffix.
        sign: What is signed.
        part: ``TRAIN``, ``VALIDATION`` or ``TEST``.
        signer: Who signs; None where that is not known.
        frames: First and last frame of the sign, from 1; None for all of them.
    """

    video: str
    sign: str
    part: int
    signer: str | None = None
    frames: tuple[int, int] | None = None


class Listing(NamedTuple):
    """A publisher's metadata.

    Attributes:
        origin: The file that the list was read from, for the notes.
        recordings: What it lists, each video once.
        repeated: Videos that it lists again; the first place counts.
    """

    origin: str
    recordings: tuple[Listed, ...]
    repeated: tuple[str, ...] = ()


def listing_of(origin: str, listed: Iterable[Listed]) -> Listing:
    """A listing in which each video is once, as it was listed first: no part shares it with another."""
    recordings: dict[str, Listed] = {}
    repeated: dict[str, None] = {}
    for one in listed:
        if recordings.setdefault(one.video, one) is not one:
            repeated[one.video] = None
    return Listing(origin, tuple(recordings.values()), tuple(repeated))


def recording_files(tree: Tree) -> tuple[str, ...]:
    """The members that hold landmarks."""
    return tuple(member for member in tree.members if member.lower().endswith(ARRAY_SUFFIX))


def clips_of(tree: Tree, listing: Listing) -> dict[str, Clip]:
    """The recordings of a list whose file is there, wherever it lies, by video.

    Raises:
        DataError: If there are two files for one recording.
    """
    videos = {recording.video for recording in listing.recordings}
    files: dict[str, str] = {}
    for member in recording_files(tree):
        video = member.rsplit("/", 1)[-1][: -len(ARRAY_SUFFIX)]
        if video in videos:
            first = files.setdefault(video, member)
            if first is not member:
                raise DataError(f"{tree.place(member)} is the same video as {first!r}: keep one of them")
    return {
        listed.video: Clip(listed.sign, (files[listed.video],), listed.part, listed.signer, listed.frames)
        for listed in listing.recordings
        if listed.video in files
    }


def clips_in_folders(tree: Tree) -> tuple[list[Clip], tuple[str, ...]]:
    """Recordings that lie in a folder a sign: ``<sign>/<take>/<frame>.npy`` or ``<sign>/<clip>.npy``.

    Which of the two it is shows in the first file, a row of numbers or a table. All signs lie in one folder, however
    deep. Signs and takes are sorted by name, with numbers by their size; frames by the number in their name.

    Returns:
        The recordings, and a note on frames that are missing.

    Raises:
        DataError: If there is no recording, or a file lies elsewhere or under a name that tells no order.
    """
    files = recording_files(tree)
    if not files:
        raise DataError(f"{tree.name} holds no landmarks: no file ends with {ARRAY_SUFFIX}")
    n_dimensions = read_npy(tree.read(files[0]), tree.place(files[0])).ndim
    if n_dimensions not in (1, 2):
        raise DataError(
            f"{tree.place(files[0])} has {n_dimensions} dimensions: a frame has one, a clip of [time, features] two"
        )
    depth, layout = (3, "<sign>/<take>/<frame>.npy") if n_dimensions == 1 else (2, "<sign>/<clip>.npy")
    if (odd := misplaced(files, depth)) is not None:
        raise DataError(
            f"{tree.place(odd)} is not in its place: by {files[0]!r} the recordings are {layout}, all signs in "
            "one folder; name that folder, or take out what is no recording"
        )
    takes: dict[tuple[str, str], list[str]] = {}
    above = files[0].split("/")[:-depth]
    for file in files:
        path = file.split("/")
        take = path[-2] if n_dimensions == 1 else path[-1]
        takes.setdefault((path[-depth], take), []).append(file)
    if isinstance(tree, Folder) and n_dimensions == 1:
        _refuse_empty_takes(tree, "/".join(above))
    ordered = sorted(takes, key=lambda take: [natural_order(name) for name in take])
    if n_dimensions == 2:
        return [Clip(sign, tuple(takes[sign, take])) for sign, take in ordered], ()
    frames = {take: _in_order(tree, takes[take]) for take in ordered}
    gaps = {take: numbers[-1] - numbers[0] + 1 - len(numbers) for take, (numbers, _) in frames.items()}
    clips = [Clip(sign, members, n_dimensions=1) for (sign, _), (_, members) in frames.items()]
    return clips, tuple(_gap_notes(gaps))


def misplaced(files: Sequence[str], depth: int) -> str | None:
    """The first file that does not lie so many names deep in the one folder; None where all do."""
    above = files[0].split("/")[:-depth]
    places = ((file, file.split("/")) for file in files)
    return next((file for file, at in places if at[:-depth] != above or len(at) != len(above) + depth), None)


def natural_order(name: str) -> tuple[tuple[tuple[int, str] | str, ...], str]:
    """Sorts ``take 9`` before ``take 10``."""
    # Text and digits alternate, so that only like is compared with like; digits compare by their count first.
    pieces = (
        (len(piece.lstrip("0")), piece.lstrip("0")) if k % 2 else piece for k, piece in enumerate(DIGITS.split(name))
    )
    return tuple(pieces), name


def some_of(names: Sequence[str]) -> str:
    """The first few names of a list, for a note."""
    more = f" and {len(names) - N_NAMED:,} more" if len(names) > N_NAMED else ""
    return ", ".join(names[:N_NAMED]) + more


def frequency_order(clips: Sequence[Clip]) -> tuple[str, ...]:
    """All signs, those with most recordings first, so that the first N are the most frequent."""
    counts = Counter(clip.sign for clip in clips)
    return tuple(sorted(counts, key=lambda sign: (-counts[sign], natural_order(sign))))


def _in_order(tree: Tree, files: list[str]) -> tuple[list[int], tuple[str, ...]]:
    """The frames of one take by the number in their name, and these numbers."""
    by_number: dict[int, str] = {}
    for file in files:
        match = FRAME.fullmatch(file.rsplit("/", 1)[-1][: -len(ARRAY_SUFFIX)])
        if match is None:
            raise DataError(f"{tree.place(file)}: a frame's name must end with its number, such as 12{ARRAY_SUFFIX}")
        first = by_number.setdefault(int(match[1]), file)
        if first is not file:
            raise DataError(f"{tree.place(file)} is the same frame as {first!r}: keep one of them")
    numbers = sorted(by_number)
    return numbers, tuple(by_number[number] for number in numbers)


def _refuse_empty_takes(folder: Folder, above: str) -> None:
    prefix = f"{above}/" if above else ""
    for path in folder.empty_folders:
        if path.startswith(prefix) and path.removeprefix(prefix).count("/") == 1:
            raise DataError(f"{folder.place(path)} is a take without a frame: delete it, or record it again")


def _gap_notes(gaps: dict[tuple[str, str], int]) -> Iterable[str]:
    with_gaps = ["/".join(take) for take, n_missing in gaps.items() if n_missing]
    if with_gaps:
        yield (
            f"{sum(gaps.values()):,} frames are missing between others, in {len(with_gaps):,} of {len(gaps):,} takes "
            f"({some_of(with_gaps)}): the frames there are were taken one after the other"
        )
