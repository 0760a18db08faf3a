"""Sequences in named arrays (NumPy, MATLAB), in the three ways in which people keep them.

``values`` [steps, channels], one sequence after the other, with ``lengths`` and ``labels``; ``X`` [sequences, time,
channels] padded, with ``lengths`` and ``y``; or ``X`` and ``y`` alone, where steps at either end that are NaN in every
channel are padding. ``X`` [sequences, time] has one channel. Labels may be one-hot, [sequences, classes]. Optional are
``groups`` (who performed it), ``channel_names``, ``class_names`` for labels that are numbers, and ``sample_rate_hz``.
Names are read in any case; ``X_train``, ``y_train``, ``X_test`` and ``y_test`` are a split.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..recording import CHECK, FILE_EACH, MAX_VALUES, TEST, TRAIN, VALIDATION, Layout, Recording
from .measured import LARGEST_WHOLE, Rounded, without_counters
from .tables import LARGEST

WHO = ("group", "person", "subject", "user", "participant", "signer")
NAMES = {
    "values": ("values", "x", "data", "sequences", "features"),
    "labels": ("labels", "label", "y", "targets", "target", "classes"),
    "lengths": ("lengths", "length", "n_steps"),
    "people": (
        *(
            "groups",
            "group",
            "people",
            "person",
            "persons",
            "subjects",
            "subject",
            "users",
            "user",
            "signers",
            "signer",
        ),
        *("participants", "participant", *(f"{who}_{one}" for who in WHO for one in ("id", "ids"))),
    ),
    "channel_names": ("channel_names", "channels", "feature_names"),
    "class_names": ("class_names", "label_names"),
    "sample_rate_hz": ("sample_rate_hz", "sample_rate", "sampling_rate", "fs"),
}
WANTED = "values [steps, channels] with lengths and labels, or X [sequences, time, channels] and y"
# Of three axes to the channels of several sensors; more steps than channels are usual.
MOST_CHANNELS_FIRST = 16
PARTS = {"train": TRAIN, "validation": VALIDATION, "valid": VALIDATION, "val": VALIDATION, "test": TEST}


def read_arrays(
    keys: Sequence[str], load: Callable[[str], NDArray[Any]], place: str, name: str, labelled: bool = True
) -> tuple[Layout, list[Recording]]:
    """Reads every sequence.

    Args:
        keys: Names of the arrays that are there.
        load: The array of a name; those of other names are not looked at.
        place: How errors name the file.
        name: Of the data set.
        labelled: Whether the class of every sequence must be there; else it is not looked at.

    Raises:
        DataError: If arrays are missing, or do not fit together.
    """
    recordings: list[Recording] = []
    notes: list[str] = []
    channels: tuple[str, ...] = ()
    for part, own in _by_part(keys).items():
        found = _keys(own, place, ("values", "labels") if labelled else ("values",))
        arrays = {what: load(key) for what, key in found.items()}
        names, how, cases = _recordings(arrays, place, part, labelled)
        if channels and len(names) != len(channels):
            raise DataError(f"{place}: {found['values']} has {len(names)} channels, and another part {len(channels)}")
        channels = names
        notes.append(f"{place} is read as {how}" if part is None else f"{found['values']} is read as {how}")
        _, n_steps, n_channels = arrays["values"].shape if arrays["values"].ndim == 3 else (0, 0, 0)
        if n_steps < n_channels and n_steps <= MOST_CHANNELS_FIRST and "time, channels" in how:
            notes.append(
                f"{CHECK}{place} has sequences of {n_steps} steps of {n_channels:,} channels: if these are {n_steps} "
                "channels, save np.swapaxes(X, 1, 2), or channel_names too"
            )
        width = arrays["values"].shape[1]
        if how.startswith("[") and arrays["values"].ndim == 2 and width <= MOST_CHANNELS_FIRST:
            notes.append(
                f"{CHECK}{place} has sequences of {width} steps of one channel: if each row is a step of {width} "
                "channels, write a table with a column 'label', or give lengths too"
            )
        unread = sorted(set(own.values()) - set(found.values()))
        if unread and labelled:
            notes.append(f"{CHECK}not read, since their names tell nothing: {', '.join(map(repr, unread[:6]))}")
        recordings += cases
    return Layout(name, place, channels, tuple(notes)), recordings


def are_arrays(keys: Sequence[str]) -> bool:
    """Whether names are those of sequences and their labels."""
    return any(
        all(any(key.lower() in NAMES[what] for key in own) for what in ("values", "labels"))
        for own in _by_part(keys).values()
    )


def _by_part(keys: Sequence[str]) -> dict[int | None, dict[str, str]]:
    """The keys of each part of a split by their names without it; what belongs to none belongs to all."""
    of_part: dict[int, dict[str, str]] = {}
    common: dict[str, str] = {}
    known = {one for names in NAMES.values() for one in names}
    for key in keys:
        part, plain = part_of(key)
        if part is not None and plain.lower() in known:
            of_part.setdefault(part, {})[plain] = key
        else:
            common[key] = key
    if TRAIN not in of_part or len(of_part) == 1:
        return {None: {key: key for key in keys}}
    return {part: {**common, **own} for part, own in sorted(of_part.items())}


def part_of(key: str) -> tuple[int | None, str]:
    """The part in ``X_train`` or ``test_y``, and the rest of the name."""
    for word, part in PARTS.items():
        if key.lower().endswith(word):
            return part, key[: -len(word)].rstrip("_-")
        if key.lower().startswith(word):
            return part, key[len(word) :].lstrip("_-")
    return None, key


def _recordings(
    arrays: Mapping[str, NDArray[Any]], place: str, part: int | None, labelled: bool
) -> tuple[tuple[str, ...], str, list[Recording]]:
    values, lengths = arrays["values"], arrays.get("lengths")
    labels = _texts(arrays, "labels", place) if labelled else None
    if values.dtype.kind not in "fiu" or values.ndim not in (2, 3):
        raise DataError(f"{place}: the values are {values.dtype} of shape {values.shape}: {WANTED}")
    if values.size > MAX_VALUES:
        raise DataError(
            f"{place} holds {values.size:,} values: at most {MAX_VALUES:,} are read; take fewer, or {FILE_EACH}"
        )
    if values.ndim == 2 and (lengths is None or (len(lengths) == len(values) and lengths.sum() != len(values))):
        values = values[:, :, None]
    axes = "time, channels"
    n_named = np.size(arrays.get("channel_names", ()))
    if values.ndim == 3 and n_named == values.shape[1] != values.shape[2]:
        axes, values = "channels, time", np.swapaxes(values, 1, 2)
    if values.shape[-1] == 0:
        raise DataError(f"{place}: the values have shape {values.shape}: there is no channel")
    with np.errstate(over="ignore", invalid="ignore"):
        wrong = np.argwhere(np.abs(values) > LARGEST)
    if len(wrong):
        raise DataError(f"{place}: the value at {wrong[0].tolist()} of {values.shape} is not finite, or too large")
    rounded = Rounded()
    if values.dtype != np.float32 and values.size and np.nanmax(values, initial=0) > LARGEST_WHOLE:
        rounded.look_at(values.reshape(-1, values.shape[-1]).astype(np.float64))
    values = values.astype(np.float32)
    if values.ndim == 2:
        tables = _consecutive(values, _whole(lengths, place), place)
        how = "one sequence after the other, with lengths"
    else:
        tables = _padded(values, None if lengths is None else _whole(lengths, place), place)
        how = f"[sequences, {axes}] = {[*arrays['values'].shape, 1][:3]}" + (
            "" if lengths is None else ", with lengths"
        )
    people = _texts(arrays, "people", place) if "people" in arrays else None
    for what, listed in (("labels", labels), ("people", people)):
        if listed is not None and len(listed) != len(tables):
            is_last = arrays["values"].ndim == 3 and len(listed) == arrays["values"].shape[-1]
            hint = "; if they are counted by the last axis, put it first" if is_last else ""
            raise DataError(f"{place} has {len(listed):,} {what} for {len(tables):,} sequences{hint}")
    rate = _rate(arrays, place)
    names = _channel_names(arrays, values.shape[-1], place)
    kept, notes = without_counters([(place, table) for table in tables], names, rounded)
    recordings = [
        Recording(
            place=f"{place}, sequence {k}",
            label="" if labels is None else labels[k],
            values=table[:, kept],
            person=None if people is None else people[k],
            part=part,
            step_seconds=None if rate is None else 1 / rate,
        )
        for k, table in enumerate(tables)
    ]
    return tuple(names[k] for k in kept), "; ".join((how, *notes)), recordings


def _keys(own: Mapping[str, str], place: str, needed: tuple[str, ...]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for what, names in NAMES.items():
        found = [key for plain, key in own.items() if plain.lower() in names]
        if len(found) > 1:
            raise DataError(f"{place}: {' and '.join(map(repr, found))} could each be the {what}: keep one of them")
        if found:
            keys[what] = found[0]
    missing = [what for what in needed if what not in keys]
    if missing:
        listed = ", ".join(map(repr, [*own.values()][:20])) or "nothing"
        raise DataError(f"{place} holds {listed}: the {missing[0]} are missing; {WANTED}")
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
