"""Sequences in one NumPy archive (``numpy.savez``), in the three ways in which people keep them.

``values`` [steps, channels], one sequence after the other, with ``lengths`` and ``labels``; ``X`` [sequences, time,
channels] padded, with ``lengths`` and ``y``; or ``X`` and ``y`` alone, where steps at either end that are NaN in every
channel are padding. ``X`` [sequences, time] has one channel. Labels may be one-hot, [sequences, classes]. Optional are
``groups`` (who performed it), ``channel_names``, ``class_names`` for labels that are numbers, and ``sample_rate_hz``.
Names are read in any case.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .archive import DAMAGE as ZIP_DAMAGE
from .archive import open_binary, refuse_members
from .errors import DataError
from .npy import DAMAGE as NPY_DAMAGE
from .recording import MAX_VALUES, Layout, Recording
from .tables import LARGEST

NAMES = {
    "values": ("values", "x", "data", "sequences", "features"),
    "labels": ("labels", "label", "y", "targets", "target", "classes"),
    "lengths": ("lengths", "length", "n_steps"),
    "people": ("groups", "group", "people", "person", "persons", "subjects", "subject", "users", "user", "signers"),
    "channel_names": ("channel_names", "channels", "feature_names"),
    "class_names": ("class_names", "label_names"),
    "sample_rate_hz": ("sample_rate_hz", "sample_rate", "sampling_rate", "fs"),
}
MAX_BYTES = 8 * MAX_VALUES
MOST_ARRAYS = 100_000
DAMAGE = (*ZIP_DAMAGE, *NPY_DAMAGE)
WANTED = "values [steps, channels] with lengths and labels, or X [sequences, time, channels] and y"


def read_npz(path: Path, name: str, labelled: bool = True) -> tuple[Layout, list[Recording]]:
    """Reads every sequence.

    Args:
        path: The archive.
        name: Of the data set.
        labelled: Whether the class of every sequence must be there; else it is not looked at.

    Raises:
        DataError: If the archive is damaged, holds Python objects, or its arrays do not fit together.
    """
    place = str(path)
    arrays = _arrays(path, ("values", "labels") if labelled else ("values",))
    values, lengths = arrays["values"], arrays.get("lengths")
    labels = _texts(arrays, "labels", place) if labelled else None
    if values.dtype.kind not in "fiu" or values.ndim not in (2, 3):
        raise DataError(f"{place}: the values are {values.dtype} of shape {values.shape}: {WANTED}")
    if values.size > MAX_VALUES:
        raise DataError(f"{place} holds {values.size:,} values: at most {MAX_VALUES:,} are read; take fewer")
    if values.ndim == 2 and (lengths is None or (len(lengths) == len(values) and lengths.sum() != len(values))):
        values = values[:, :, None]
    if values.shape[-1] == 0:
        raise DataError(f"{place}: the values have shape {values.shape}: there is no channel")
    with np.errstate(over="ignore", invalid="ignore"):
        wrong = np.argwhere(np.abs(values) > LARGEST)
    if len(wrong):
        raise DataError(f"{place}: the value at {wrong[0].tolist()} of {values.shape} is not finite, or too large")
    values = values.astype(np.float32)
    if values.ndim == 2:
        tables = _consecutive(values, _whole(lengths, place), place)
        how = "one sequence after the other, with lengths"
    else:
        tables = _padded(values, None if lengths is None else _whole(lengths, place), place)
        how = f"[sequences, time, channels] = {list(values.shape)}" + ("" if lengths is None else ", with lengths")
    people = _texts(arrays, "people", place) if "people" in arrays else None
    for what, listed in (("labels", labels), ("people", people)):
        if listed is not None and len(listed) != len(tables):
            raise DataError(f"{place} has {len(listed):,} {what} for {len(tables):,} sequences")
    rate = _rate(arrays, place)
    recordings = [
        Recording(
            place=f"{place}, sequence {k}",
            label="" if labels is None else labels[k],
            values=table,
            person=None if people is None else people[k],
            step_seconds=None if rate is None else 1 / rate,
        )
        for k, table in enumerate(tables)
    ]
    names = _channel_names(arrays, values.shape[-1], place)
    return Layout(name, place, names, (f"{place} is read as {how}",)), recordings


def _arrays(path: Path, needed: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """The arrays by what they are; those of other names are not looked at."""
    try:
        with open_binary(path) as file:
            refuse_members(file, str(path), MOST_ARRAYS)
            n_bytes = sum(member.file_size for member in zipfile.ZipFile(file).infolist())
            if n_bytes > MAX_BYTES:
                raise DataError(f"{path} unpacks to {n_bytes:,} bytes: at most {MAX_BYTES:,} are read")
            file.seek(0)
            archive = np.load(file, allow_pickle=False)
            return {what: _array(archive, key, path) for what, key in _keys(archive.files, path, needed).items()}
    except DataError:
        raise
    except DAMAGE as error:
        raise DataError(f"{path} cannot be read as a NumPy archive: {error}; save plain arrays: {WANTED}") from error


def _array(archive: Mapping[str, NDArray[Any]], key: str, path: Path) -> NDArray[Any]:
    try:
        array = archive[key]
        if not isinstance(array, np.ndarray):
            raise ValueError(f"{key!r} is no array")
        return array
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise DataError(
            f"{path}: {key!r} holds Python objects, which could run code and are not read: save text as "
            f"{key}.astype(str), and sequences of different lengths as values [steps, channels] with lengths"
        ) from error


def _keys(files: list[str], path: Path, needed: tuple[str, ...]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for what, names in NAMES.items():
        found = [key for key in files if key.lower() in names]
        if len(found) > 1:
            raise DataError(f"{path}: {' and '.join(map(repr, found))} could each be the {what}: keep one of them")
        if found:
            keys[what] = found[0]
    missing = [what for what in needed if what not in keys]
    if missing:
        raise DataError(
            f"{path} holds {', '.join(map(repr, files[:20])) or 'nothing'}: the {missing[0]} are missing; {WANTED}"
            + ("; join the parts into one X and one y" if any("train" in key.lower() for key in files) else "")
        )
    return keys


def _texts(arrays: Mapping[str, NDArray[Any]], what: str, place: str) -> list[str]:
    array = _flat(arrays[what]) if what == "labels" else arrays[what]
    if array.ndim != 1 or array.dtype.kind not in "iufUSb" or (array.dtype.kind == "f" and (array % 1).any()):
        raise DataError(
            f"{place}: the {what} are {array.dtype} of shape {array.shape}: one whole number or text a sequence"
        )
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind == "f":
        array = array.astype(np.int64)
    texts = [str(one) for one in array.tolist()]
    if what == "labels" and "class_names" in arrays and array.dtype.kind in "iu":
        names = [str(one) for one in np.ravel(arrays["class_names"]).tolist()]
        outside = next((text for text in texts if not 0 <= int(text) < len(names)), None)
        if outside is not None:
            raise DataError(f"{place}: label {outside} has no name among the {len(names)} class names")
        return [names[int(text)] for text in texts]
    return texts


def _flat(labels: NDArray[Any]) -> NDArray[Any]:
    """Labels in one column, or one-hot, as a row of them; any others as they are."""
    if labels.ndim != 2:
        return labels
    if labels.shape[1] == 1:
        return labels[:, 0]
    one_hot = labels.dtype.kind in "biuf" and np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()
    return labels.argmax(axis=1) if one_hot else labels


def _whole(lengths: NDArray[Any] | None, place: str) -> NDArray[np.int64]:
    if lengths is None or lengths.ndim != 1 or lengths.dtype.kind not in "iuf" or (lengths % 1 != 0).any():
        raise DataError(f"{place}: the lengths must be whole numbers, one a sequence")
    if len(lengths) and lengths.min() < 1:
        raise DataError(f"{place}: sequence {int(lengths.argmin())} has the length {lengths.min()}: take it out")
    return lengths.astype(np.int64)


def _consecutive(values: NDArray[np.float32], lengths: NDArray[np.int64], place: str) -> list[NDArray[np.float32]]:
    if lengths.sum() != len(values):
        raise DataError(f"{place}: the lengths sum to {lengths.sum():,}, and there are {len(values):,} steps")
    return np.split(values, lengths.cumsum()[:-1])


def _padded(values: NDArray[np.float32], lengths: NDArray[np.int64] | None, place: str) -> list[NDArray[np.float32]]:
    if lengths is None:
        return list(values)
    if len(lengths) != len(values) or (len(lengths) and lengths.max() > values.shape[1]):
        raise DataError(
            f"{place}: {len(lengths):,} lengths up to {lengths.max(initial=0):,} do not fit values of shape "
            f"{values.shape}"
        )
    return [table[:length] for table, length in zip(values, lengths.tolist(), strict=True)]


def _channel_names(arrays: Mapping[str, NDArray[Any]], n_channels: int, place: str) -> tuple[str, ...]:
    if "channel_names" not in arrays or arrays["channel_names"].dtype.kind not in "US":
        return tuple(f"channel_{k + 1}" for k in range(n_channels))
    names = tuple(str(name) for name in np.ravel(arrays["channel_names"]).tolist())
    if len(names) != n_channels or len(set(names)) != n_channels:
        raise DataError(f"{place}: {len(names)} channel names ({len(set(names))} different) for {n_channels} channels")
    return names


def _rate(arrays: Mapping[str, NDArray[Any]], place: str) -> float | None:
    if "sample_rate_hz" not in arrays:
        return None
    rate = arrays["sample_rate_hz"]
    if rate.size != 1 or rate.dtype.kind not in "fiu" or not 0 < float(rate.ravel()[0]) < float("inf"):
        raise DataError(f"{place}: the sample rate must be one number above 0")
    return float(rate.ravel()[0])
