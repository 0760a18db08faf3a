"""Sign language as body landmarks: recordings of one's own, WLASL, ASL Citizen, ASL Signs.

What there is, is told by looking, in a folder or a zip. A publisher's metadata with landmark files named by video comes
first, with its official split (``wlasl``, ``asl_citizen``; signs of both with one name are one class); then a list of
takes (``asl_signs``); else a folder a sign (``clips``). Classes are in the order of how many recordings they have, so
that the first N are the most frequent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..cache import cached
from ..errors import DataError
from ..formats.archive import Archive, Limits, open_binary, sha256_of
from ..formats.folder import Folder
from ..formats.npy import read_npy
from ..landmarks import HANDS, VISIBILITY, part_slices, parts_in_frame
from ..layouts.class_folders import CLIPS
from ..layouts.clips import (
    Clip,
    Tree,
    clips_in_folders,
    clips_of,
    frequency_order,
    natural_order,
    recording_files,
    some_of,
)
from ..layouts.label_list import find_listing
from ..layouts.people import people_in_names
from ..recording import TRAIN
from ..recordings import check_printable
from ..sequences import SequenceDataset
from ..source import Source, first_file
from .asl_citizen import list_asl_citizen
from .asl_signs import SUFFIX, list_asl_signs, read_take
from .shoulders import is_seen, prepare_landmarks
from .wlasl import list_wlasl

NAME = "signs"
KIND = "landmarks"
READER_VERSION = 3  # Raise it whenever the same files are read into another data set.

FILE_NAMES = ("mp_data_10_signs.zip", "MP_Data.zip")
LIMITS = Limits(archive_bytes=8 << 30, unpacked_bytes=64 << 30, n_members=2_000_000)
READ_SUFFIXES = (".npy", ".json", ".csv", ".txt", SUFFIX)
EXPECTED = (
    "expected are <sign>/<take>/<frame>.npy, <sign>/<clip>.npy, the metadata of WLASL (nslt_<n>.json, "
    "WLASL_v<version>.json) or ASL Citizen (train.csv) with <video>.npy, or Kaggle's ASL Signs (train.csv with Parquet "
    "files), in a folder or a zip"
)


def load(source: Source) -> SequenceDataset:
    """Reads the recordings that the user named: a zip, or a folder that holds recordings or a zip of a known name.

    Raises:
        DataError: If there is none, or one cannot be read to the last number.
    """
    if source.data_path is None:
        kept = first_file(source.cache_folder, *FILE_NAMES)
        if kept is None:
            raise DataError(f"no recordings of signs are named: use --data-path or SEQTUNE_DATA; {EXPECTED}")
        return _from_zip(kept, source)
    zip_path = source.named_file(*FILE_NAMES)
    if zip_path == source.data_path:
        return _from_zip(source.data_path, source)
    folder = Folder(source.data_path)
    published, notes = published_clips(folder, source)
    if zip_path is not None and not published:
        dataset = _from_zip(zip_path, source)
        return replace(dataset, notes=(*notes, *dataset.notes))
    return _cached(source, folder.fingerprint(*READ_SUFFIXES), lambda: read(folder, source))


def _from_zip(path: Path, source: Source) -> SequenceDataset:
    if path.suffix.lower() in READ_SUFFIXES:
        raise DataError(f"{path} is one file of many: name the folder of the recordings, or a zip of it")
    with open_binary(path, LIMITS.archive_bytes) as file:
        return _cached(source, sha256_of(file), lambda: read(Archive(file, str(path), LIMITS), source))


def _cached(source: Source, fingerprint: str, build: Callable[[], SequenceDataset]) -> SequenceDataset:
    key = (
        fingerprint,
        READER_VERSION,
        source.label_from,
        source.missing_hands,
        source.asl_citizen,
        source.n_classes or 0,
    )
    return cached(source.cache_folder, NAME, (*key, *source.landmarks), build)


def read(tree: Tree, source: Source) -> SequenceDataset:
    """Reads every recording of a folder or archive.

    Raises:
        DataError: If there is no recording or one cannot be used; the message names the file.
    """
    clips, notes = published_clips(tree, source)
    if not clips and not recording_files(tree):
        raise DataError("; ".join([f"{tree.name} holds no recordings of signs", *notes, EXPECTED]))
    if not clips:
        try:
            clips, gap_notes = listed_clips(tree) if source.label_from != "folder" else ([], ())
            if clips:
                return _assembled(tree, clips, source, (*notes, *gap_notes))
            clips, gap_notes = clips_in_folders(tree)
            people, about_people = people_in_names([_take(clip) for clip in clips])
            if people is not None:
                clips = [clip._replace(signer=person) for clip, person in zip(clips, people, strict=True)]
            return _assembled(tree, clips, source, (*notes, *gap_notes, *about_people))
        except DataError as error:
            raise DataError("; ".join([str(error), *notes])) from error
    return _assembled(tree, clips, source, notes)


def listed_clips(tree: Tree) -> tuple[list[Clip], tuple[str, ...]]:
    """The clips in a folder of which a list beside them says another sign than their folders do, and notes.

    Raises:
        DataError: If the list contradicts itself.
    """
    first = recording_files(tree)[0]
    if not isinstance(tree, Folder) or read_npy(tree.read(first), tree.place(first)).ndim != 2:
        return [], ()
    paths = [Path(member) for member in tree.members if Path(member).suffix.lower() in CLIPS]
    listing = find_listing(Path(tree.name), paths)
    entries = {} if listing is None else {path: one for path, one in listing.entries.items() if path.suffix == ".npy"}
    if listing is None or all(one.label == path.parent.name for path, one in entries.items()):
        return [], ()
    split = all(one.part is not None for one in entries.values())
    return [
        Clip(one.label, (path.as_posix(),), one.part if split else None, one.person) for path, one in entries.items()
    ], tuple(listing.notes)


def _take(clip: Clip) -> str:
    """What a recording is called: its file, or the folder of its frames."""
    path = Path(clip.files[0])
    return path.parent.name if clip.n_dimensions == 1 else path.stem


def published_clips(tree: Tree, source: Source) -> tuple[list[Clip], tuple[str, ...]]:
    """The recordings that WLASL's and ASL Citizen's metadata list and that are there, and how many are not.

    Raises:
        DataError: If metadata cannot be understood.
    """
    listings = {"WLASL": list_wlasl(tree, source.n_classes), "ASL Citizen": list_asl_citizen(tree)}
    clips: list[Clip] = []
    notes = []
    for title, listing in listings.items():
        if listing is None:
            continue
        if title == "ASL Citizen" and not source.asl_citizen:
            notes.append(f"{title} ({listing.origin}) is left out")
            continue
        found = clips_of(tree, listing)
        clips += found.values()
        note = f"{title} ({listing.origin}): of {len(listing.recordings):,} videos {len(found):,} are there"
        missing = [f"{listed.video}.npy" for listed in listing.recordings if listed.video not in found]
        notes.append(f"{note}; there is no {some_of(missing)}" if missing else note)
        if listing.repeated:
            notes.append(
                f"videos that {listing.origin} lists more than once, of which the first place counts: "
                f"{len(listing.repeated):,} ({some_of(listing.repeated)})"
            )
    # It has no official split, which a data set has for all of its recordings or for none.
    if not clips and (takes := list_asl_signs(tree)) is not None:
        there, missing = takes
        note = f"Kaggle's ASL Signs (train.csv): of {len(there) + len(missing):,} takes {len(there):,} are there"
        notes.append(f"{note}; there is no {some_of(missing)}" if missing else note)
        clips += there
    return clips, tuple(notes)


def _assembled(tree: Tree, clips: Sequence[Clip], source: Source, notes: tuple[str, ...]) -> SequenceDataset:
    """The recordings as one data set, measured from the shoulders where it is known what their numbers are."""
    clips, untrained_notes = _with_training(clips)
    signs = frequency_order(clips)
    if len(signs) < 2:
        held = f"of one sign only, {signs[0]!r}" if signs else "of no sign to train on"
        raise DataError(f"{tree.name} holds recordings {held}: at least two signs are needed")
    table, lengths, parts, n_cut = _read_all(tree, clips, source.landmarks)
    if n_cut:
        notes = (*notes, f"recordings cut to the frames that the metadata names: {n_cut:,}")
    if parts is None:
        names: tuple[str, ...] = tuple(f"feature {k}" for k in range(table.shape[1]))
        note = f"what the {len(names):,} numbers of a frame are is not known: they are used as they are"
        notes = (*notes, note)
    else:
        notes = (*notes, *_hand_notes(table, lengths, parts, source))
        table, names = prepare_landmarks(table, lengths, parts, source.landmarks, source.missing_hands)
    signers = {clip.signer for clip in clips}
    people = () if None in signers else tuple(sorted({str(signer) for signer in signers}, key=natural_order))
    check_printable(tree.name, (*signs, *people))
    official = None if clips[0].part is None else torch.tensor([clip.part for clip in clips])
    if official is not None and not people:
        notes = (*notes, "who signs is not known of every recording (WLASL_v<version>.json knows): no split by person")
    return SequenceDataset(
        name=NAME,
        kind=KIND,
        values=table,
        lengths=lengths,
        labels=torch.tensor([signs.index(clip.sign) for clip in clips]),
        class_names=signs,
        channel_names=names,
        groups=torch.tensor([people.index(str(clip.signer)) for clip in clips]) if people else None,
        group_names=people,
        official=official,
        notes=(*notes, *untrained_notes),
    )


def _with_training(clips: Sequence[Clip]) -> tuple[Sequence[Clip], tuple[str, ...]]:
    """The recordings of signs that the official training set has; all where there is no official split."""
    trained = {clip.sign for clip in clips if clip.part in (TRAIN, None)}
    dropped = sorted({clip.sign for clip in clips} - trained)
    if not dropped:
        return clips, ()
    kept = [clip for clip in clips if clip.sign in trained]
    note = f"dropped, since the training set has none of their sign: {len(clips) - len(kept):,} ({some_of(dropped)})"
    return kept, (note,)


def _read_all(
    tree: Tree, clips: Sequence[Clip], wanted: Sequence[str]
) -> tuple[Tensor, Tensor, tuple[str, ...] | None, int]:
    """All frames, the frames of each recording, the parts of the body in them, and how many recordings were cut.

    Of recordings whose numbers are known only the pose and what is wanted is kept.
    """
    tables: list[NDArray[np.float32]] = []
    columns: NDArray[np.int64] | None = None
    parts: tuple[str, ...] | None = None
    n_features, n_cut = 0, 0
    for clip in clips:
        table = read_clip(tree, clip, n_features)
        if columns is None:
            n_features = table.shape[1]
            parts, columns = _wanted_columns(n_features, wanted)
        begin, end = clip.frames or (1, len(table))
        # Landmarks may have been taken from the whole video or from the part that is meant, which then is shorter.
        if end <= len(table) and (begin, end) != (1, len(table)):
            table = table[begin - 1 : end]
            n_cut += 1
        tables.append(table[:, columns])
    lengths = torch.tensor([len(table) for table in tables])
    return torch.from_numpy(np.concatenate(tables)), lengths, parts, n_cut


def read_clip(tree: Tree, clip: Clip, n_features: int) -> NDArray[np.float32]:
    """The frames of one recording, [time, features].

    Args:
        tree: Where its files are.
        clip: The recording.
        n_features: How many numbers a frame must have; 0 if that is not known yet.

    Raises:
        DataError: If a file is damaged, empty, or not of the shape that the others have.
    """
    shape = "a row of numbers" if clip.n_dimensions == 1 else "a table of [time, features]"
    tables = []
    for member in clip.files:
        read = read_take if member.endswith(SUFFIX) else read_npy
        values = read(tree.read(member), tree.place(member))
        if values.ndim != clip.n_dimensions:
            raise DataError(f"{tree.place(member)} is an array of shape {list(values.shape)}: it should be {shape}")
        if values.size == 0:
            raise DataError(f"{tree.place(member)} is empty: its shape is {list(values.shape)}")
        n_features = n_features or values.shape[-1]
        if values.shape[-1] != n_features:
            raise DataError(
                f"{tree.place(member)} has {values.shape[-1]:,} numbers a frame, others have {n_features:,}"
            )
        tables.append(np.atleast_2d(values))
    return np.concatenate(tables)


def _wanted_columns(n_features: int, wanted: Sequence[str]) -> tuple[tuple[str, ...] | None, NDArray[np.int64]]:
    """The parts of the body that are kept, and where in a frame they are; None and everything where that is unknown."""
    parts = parts_in_frame(n_features)
    if parts is None:
        return None, np.arange(n_features)
    for part in wanted:
        if part not in (*parts, VISIBILITY):
            raise DataError(f"data.landmarks names {part!r}: frames of {n_features:,} numbers hold {', '.join(parts)}")
    if not set(parts) & set(wanted):
        raise DataError(f"data.landmarks names no part of the body: frames of {n_features:,} hold {', '.join(parts)}")
    slices = part_slices(parts)
    # The shoulders, which everything is measured from, are in the pose.
    kept = tuple(part for part in parts if part == "pose" or part in wanted)
    return kept, np.concatenate([np.arange(n_features)[slices[part]] for part in kept])


def _hand_notes(table: Tensor, lengths: Tensor, parts: Sequence[str], source: Source) -> Iterator[str]:
    """How often a hand is not seen, and what is put there."""
    owner = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    for hand, where in part_slices(parts).items():
        if hand not in HANDS:
            continue
        seen = is_seen(table[:, where])
        n_never = int((torch.zeros(len(lengths)).index_add_(0, owner, seen.float()) == 0).sum())
        share = 1 - float(seen.float().mean())
        if share > 0:
            yield (
                f"the {hand.replace('_', ' ')} is not seen in {share:.1%} of the frames, and in {n_never:,} of "
                f"{len(lengths):,} recordings never (data.missing_hands is {source.missing_hands!r})"
            )
