"""The ``.ts`` files of the time-series archive (UEA, UCR; timeseriesclassification.com).

A. Bagnall et al., "The UEA multivariate time series classification archive, 2018", arXiv:1811.00075. A header of
``@`` lines, then a case a line: its channels between colons, the values of one between commas, the class at the end.
Cases may differ in length; ``?`` and ``NaN`` are missing values. ``Name_TRAIN.ts`` and ``Name_TEST.ts`` are the
official split.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..formats.delimited import lines_of, parse_numbers
from ..recording import MAX_VALUES, TEST, TRAIN, Layout, Recording

PART = re.compile(r"_(train|test)$", re.IGNORECASE)
PARTS = {"train": TRAIN, "test": TEST}
# A whole sequence stands on a line.
LONGEST_CASE = 16 << 20
TRUTH = {"true": True, "false": False}


def find_pair(path: Path) -> dict[int | None, Path]:
    """The file, and its other half if it is one of two, by the part of the split.

    Raises:
        DataError: If a folder cannot be looked into.
    """
    found = PART.search(path.stem)
    if found is None:
        return {None: path}
    stem = path.stem[: found.start()].lower()
    try:
        beside = [
            one
            for one in sorted(path.parent.iterdir())
            if one.suffix.lower() == path.suffix.lower() and PART.search(one.stem)
        ]
    except OSError as error:
        raise DataError(f"{path.parent} cannot be looked into: {error.strerror}") from error
    pair: dict[int | None, Path] = {}
    for one in beside:
        match = PART.search(one.stem)
        if match is not None and one.stem[: match.start()].lower() == stem:
            pair[PARTS[match[1].lower()]] = one
    # A half that stands alone is all there is.
    return pair if len(pair) == 2 else {None: path}


def read_ts(path: Path, name: str) -> tuple[Layout, list[Recording]]:
    """Reads a file, together with its other half.

    Raises:
        DataError: If a line cannot be used; the message names it.
    """
    return read_pair(path, name, _cases)


def read_pair(
    path: Path, name: str, cases: Callable[[Path, int | None], Iterable[Recording]]
) -> tuple[Layout, list[Recording]]:
    """Reads a file of the archive, together with its other half.

    Args:
        path: The file.
        name: Of the data set.
        cases: Reads one file, of a part of the split.

    Raises:
        DataError: If they do not fit together, or as ``cases`` does.
    """
    pair = find_pair(path)
    recordings: list[Recording] = []
    n_channels = 0
    for part, file in sorted(pair.items(), key=lambda item: item[0] or 0):
        for recording in cases(file, part):
            if recordings and recording.values.shape[1] != n_channels:
                raise DataError(
                    f"{recording.place} has {recording.values.shape[1]} channels, and {recordings[0].place} has "
                    f"{n_channels}"
                )
            n_channels = recording.values.shape[1]
            recordings.append(recording)
        if sum(one.values.size for one in recordings) > MAX_VALUES:
            raise DataError(f"{file} holds more than {MAX_VALUES:,} values")
    if None in pair:
        notes = [f"{path} is read as cases of the time-series archive"]
        if PART.search(path.stem):
            notes.append("its other half (_TRAIN or _TEST) does not lie beside it: there is no official split")
    else:
        notes = [f"{pair[TRAIN]} and {pair[TEST].name} are read as the parts of the archive's official split"]
    channels = tuple(f"channel_{k + 1}" for k in range(n_channels))
    return Layout(name, str(path), channels, tuple(notes)), recordings


def _cases(path: Path, part: int | None) -> Iterator[Recording]:
    classes: list[str] | None = None
    in_data = False
    for number, line in _lines(path):
        place = f"{path}, line {number}"
        if in_data:
            yield _case(line, place, classes, part)
        elif line.lower() == "@data":
            if classes is None:
                raise DataError(f"{place}: no line '@classLabel true ...' stands above: the cases have no class")
            in_data = True
        elif line.startswith("@"):
            classes = _header(line, place, classes)
        else:
            raise DataError(f"{place}: {line[:40]!r} stands above '@data' and does not begin with '@'")
    if not in_data:
        raise DataError(f"{path} has no line '@data': it is no file of the time-series archive")


def _header(line: str, place: str, classes: list[str] | None) -> list[str] | None:
    key, *words = line.split()
    key = key.lower()
    if key == "@timestamps" and _truth(words, place):
        raise DataError(f"{place}: values with time stamps are not read: write the file without them")
    if key == "@targetlabel" and _truth(words, place):
        raise DataError(f"{place}: the targets are numbers to predict, not classes")
    if key == "@classlabel":
        if not _truth(words, place):
            raise DataError(f"{place}: the cases have no class")
        if len(set(words[1:])) != len(words) - 1:
            raise DataError(f"{place} names a class twice")
        return words[1:]
    return classes


def _truth(words: list[str], place: str) -> bool:
    if not words or words[0].lower() not in TRUTH:
        raise DataError(f"{place}: 'true' or 'false' is missing")
    return TRUTH[words[0].lower()]


def _case(line: str, place: str, classes: list[str] | None, part: int | None) -> Recording:
    *channels, label = line.split(":")
    label = label.strip()
    if not channels:
        raise DataError(f"{place} is no case: channels and, behind the last colon, the class are expected")
    if line.startswith("("):
        raise DataError(f"{place}: values with time stamps are not read: write the file without them")
    if not label or (classes and label not in classes):
        raise DataError(
            f"{place}: {label[:40]!r} is none of the classes {', '.join(classes or [])}: correct what stands behind "
            "the last colon, or the line '@classLabel'"
        )
    columns = [_values(channel, place, f"channel_{k + 1}") for k, channel in enumerate(channels)]
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise DataError(f"{place}: the channels have {min(lengths)} to {max(lengths)} values: they must have as many")
    return Recording(place, label, np.stack(columns, axis=1).astype(np.float32), part=part)


def _values(channel: str, place: str, name: str) -> NDArray[np.float64]:
    cells = [cell.strip() for cell in channel.split(",")]
    if cells == [""]:
        raise DataError(f"{place}: {name} has no value: write a ? for every one that is missing")
    return parse_numbers(cells, place, name, 1)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines with something on them, and their numbers."""
    for number, raw in enumerate(lines_of(path, str(path), LONGEST_CASE), start=1):
        line = raw.strip()
        if line and not line.startswith(("#", "%")):
            yield number, line
