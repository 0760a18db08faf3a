"""Folders as Edge Impulse exports them: ``training/label.id.json`` and ``testing/``, in its acquisition format.

https://docs.edgeimpulse.com/tools/specifications/data-acquisition/json-cbor: ``payload`` has ``interval_ms``,
``sensors`` with a name each, and ``values``, a row a step. CSV files in these folders are read by ``class_folders``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..formats.regular import read_regular
from ..formats.tables import LARGEST
from ..recording import MAX_VALUES, TEST, TRAIN, Layout, Recording
from .clips import natural_order
from .people import people_in_names

FOLDERS = {"training": TRAIN, "testing": TEST}
MOST_BYTES = 64 << 20


def files_in(root: Path) -> list[tuple[int, Path]]:
    """The JSON files of training and testing, in the natural order of their names; none where the layout is another.

    Raises:
        DataError: If a folder cannot be looked into.
    """
    try:
        found = [
            (part, one)
            for folder, part in FOLDERS.items()
            if (root / folder).is_dir()
            for one in (root / folder).iterdir()
            if one.suffix.lower() == ".json" and not one.name.startswith(".") and one.is_file()
        ]
    except OSError as error:
        raise DataError(f"{root} cannot be looked into: {error.strerror}") from error
    return sorted(found, key=lambda item: (item[0], natural_order(item[1].name)))


def read_edge_impulse(root: Path, name: str) -> tuple[Layout, list[Recording]]:
    """Reads every recording; the class is what a file's name begins with, up to the first point.

    Raises:
        DataError: If a file is not in the format, or has other sensors; the message names it.
    """
    found = files_in(root)
    people, about_people = people_in_names([path.stem for _, path in found])
    recordings: list[Recording] = []
    channels: tuple[str, ...] = ()
    for k, (part, path) in enumerate(found):
        names, values, step = _payload(path)
        if channels and names != channels:
            raise DataError(f"{path} has the sensors {', '.join(names)}, and {found[0][1]} {', '.join(channels)}")
        channels = names
        person = None if people is None else people[k]
        recordings.append(Recording(str(path), path.name.partition(".")[0], values, person, part, step))
        if sum(one.values.size for one in recordings) > MAX_VALUES:
            raise DataError(f"{root} holds more than {MAX_VALUES:,} values: take fewer files")
    # What lies in one of the folders alone is no split.
    if len({part for part, _ in found}) == 1:
        recordings = [
            Recording(one.place, one.label, one.values, one.person, None, one.step_seconds) for one in recordings
        ]
    notes = (f"{root} is read as an export of Edge Impulse, with training and testing as the split", *about_people)
    return Layout(name, str(root), channels, notes), recordings


def _payload(path: Path) -> tuple[tuple[str, ...], np.ndarray[Any, np.dtype[np.float32]], float | None]:
    """Names of the sensors, values [steps, sensors], and seconds between steps."""
    try:
        content = json.loads(read_regular(path, MOST_BYTES))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    payload = content.get("payload") if isinstance(content, Mapping) else None
    if not isinstance(payload, Mapping) or not {"sensors", "values"} <= set(payload):
        raise DataError(f"{path} has no payload with sensors and values, as Edge Impulse writes them")
    sensors, interval = payload["sensors"], payload.get("interval_ms")
    if not isinstance(sensors, list) or not all(isinstance(one, Mapping) and one.get("name") for one in sensors):
        raise DataError(f"{path}: payload.sensors must be a list of sensors with a name each")
    try:
        values = np.array(payload["values"], dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"{path}: payload.values are not rows of {len(sensors)} numbers") from error
    if values.ndim == 1 and len(sensors) == 1:
        values = values[:, None]
    if values.ndim != 2 or not values.size or values.shape[1] != len(sensors):
        raise DataError(f"{path}: payload.values has the shape {list(values.shape)} for {len(sensors)} sensors")
    if (np.abs(values) > LARGEST).any():
        raise DataError(f"{path}: payload.values holds a number that is not finite, or too large")
    is_rate = isinstance(interval, int | float) and 0 < interval < float("inf")
    names = tuple(str(one["name"]) for one in sensors)
    return names, values.astype(np.float32), float(interval) / 1000 if is_rate and interval else None
