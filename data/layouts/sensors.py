"""Several sensors of one take in files of their own: found by their names, joined by time at a common rate.

``walk/2023-01-05/{Accelerometer,Gyroscope}.csv``, ``left.csv`` and ``right.csv`` in a take's folder, and
``wave/acc_01.csv`` beside ``wave/gyro_01.csv``. Axes in files of their own (``wave/01_x.csv``) are such sensors too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..recording import CHECK
from ..spool import kept
from .contents import Content, Contents
from .time_axis import Clock

WHAT = (
    r"acc|accel\w*|gyr|gyro|gyros\w*|mag|magnet\w*|gravity|orientation|rotation\w*|attitude|barometer|compass|"
    r"heart ?rate|ecg|emg|eda|ppg|bvp|imu"
)
WHERE = r"left|right|wrist|hand|arm|ankle|foot|leg|hip|waist|thigh|chest|back|head|phone|watch|pocket|shoe"
HOW = r"linear|total|user|raw|wrist|watch|motion|uncalibrated|sensor|data|\d"
# A take's folder holds nothing else.
WHOLE = re.compile(rf"({WHAT}|{WHERE}|{HOW})( ({WHAT}|{WHERE}|{HOW}))*", re.IGNORECASE | re.ASCII)
NAMED = re.compile(rf"\b({WHAT}|{WHERE})\b", re.IGNORECASE | re.ASCII)
BESIDE = re.compile(r"(?<![a-z])(acc|gyr|mag)(?:|el\w*?|o|os\w*?|net\w*?)(?![a-z])", re.IGNORECASE)
AXIS = re.compile(r"(?<![a-z])([xyz])(?![a-z])", re.IGNORECASE)
SIDE = re.compile(r"(?<![a-z])(left|right)(?![a-z])", re.IGNORECASE)
# What apps and people write beside recordings.
PASSED_OVER = re.compile(r"meta|meta[ _-]?data|annotations?|read[ _-]?me|licen[cs]e|about|info", re.IGNORECASE)
# A step of the common clock farther from a sensor's own than so many of its steps has no value.
FARTHEST_STEPS = 10
# Steps differ by rounding; a join of many rates takes the quickest.
ALIKE = 1e-6


def group_sensors(
    files: Sequence[Path], are_takes: bool = False
) -> tuple[dict[Path, dict[str, Path]] | None, list[str]]:
    """The files of each take by the sensor; None where files are recordings of their own; and notes.

    Args:
        files: Below the folder that the user named.
        are_takes: Whether the outermost folders are takes, and no classes or people.
    """
    takes = _axes(files)
    for path in [] if takes else files:
        stem = _spaced(path.stem)
        if (len(path.parts) > 2 or are_takes) and WHOLE.fullmatch(stem) and NAMED.search(stem):
            takes[path.parent][path.stem] = path
        elif (match := BESIDE.search(path.stem)) and (rest := _without(path.stem, match)):
            takes[path.parent / f"{rest}{path.suffix}"][match[1].lower()] = path
    if not any(len(sensors) > 1 for sensors in takes.values()):
        return None, _both_sides(files)
    everywhere = set.intersection(*map(set, takes.values()))
    seen = {sensor for sensors in takes.values() for sensor in sensors}
    if not everywhere:
        bare, other = next(
            (one, sensor) for one, sensors in takes.items() for sensor in sorted(seen) if sensor not in sensors
        )
        raise DataError(f"{bare} has no {other!r}, which others have: no sensor is there in every take")
    notes = [f"sensors of one take are joined by time: {', '.join(map(repr, sorted(everywhere)))}"]
    if everywhere < seen:
        lacking = {
            sensor: next(take for take, held in takes.items() if sensor not in held) for sensor in seen - everywhere
        }
        notes.append(
            CHECK
            + "not every take has every sensor, and these are left out: "
            + ", ".join(f"{one!r} (not in {take})" for one, take in sorted(lacking.items()))
        )
    n_beside = len(files) - sum(map(len, takes.values()))
    if n_beside:
        taken = {path for sensors in takes.values() for path in sensors.values()}
        beside = next(path for path in files if path not in taken)
        notes.append(f"{CHECK}{n_beside:,} tables beside the sensors are not read, such as {str(beside)!r}")
    return {take: {one: sensors[one] for one in sorted(everywhere)} for take, sensors in takes.items()}, notes


def _axes(files: Sequence[Path]) -> dict[Path, dict[str, Path]]:
    """The files of each take by their axes; nothing where not every take has a file for each of the same axes."""
    takes: dict[Path, dict[str, Path]] = defaultdict(dict)
    for path in files:
        if (match := AXIS.search(path.stem)) is None:
            return defaultdict(dict)
        rest, name = _without(path.stem, match), match[1].lower()
        if (sensor := BESIDE.search(rest)) is not None:
            rest, name = _without(rest, sensor), f"{sensor[1].lower()}_{name}"
        if not rest and len(path.parts) < 3:
            return defaultdict(dict)
        takes[path.parent / f"{rest}{path.suffix}" if rest else path.parent][name] = path
    alike = {frozenset(axes) for axes in takes.values()}
    several = {"x", "y"} <= {name[-1] for axes in takes.values() for name in axes}
    return takes if len(alike) == 1 and several else defaultdict(dict)


def _both_sides(files: Sequence[Path]) -> list[str]:
    """Says where every file has a twin of the other side, which may be another sensor or another performance."""
    of_side: dict[str, dict[str, Path]] = {"left": {}, "right": {}}
    for path in files:
        if (match := SIDE.search(path.stem)) and (rest := _without(path.stem, match)):
            of_side[match[1].lower()][str(path.parent / rest)] = path
    left, right = of_side.values()
    if not left or left.keys() != right.keys() or 2 * len(left) != len(files):
        return []
    twins = " and ".join(str(side[min(left)]) for side in (left, right))
    return [
        f"{CHECK}{twins} are read as two sequences, as are {len(left):,} pairs like them: if they were worn in "
        "one take, put them into a folder a take, called left and right"
    ]


def join_sensors(takes: Sequence[str], sensors: Mapping[str, Contents]) -> Contents:
    """The takes with the channels of all sensors, named after them, at the rate of the quickest.

    Args:
        takes: How errors name each take.
        sensors: What the files of each sensor hold, a file a take.

    Raises:
        DataError: If some of a take's sensors have a time column and others none, have none and differ in length, or
            were never measured at the same time.
    """
    timed = {name: contents.files[0].times is not None for name, contents in sensors.items()}
    units: dict[str, float] = {}
    steps: dict[str, float] = {}
    for name, contents in sensors.items():
        if not timed[name]:
            continue
        clock = contents.clock
        own = [clock.step(one.times, one.place, one.rows) for one in contents.files if one.times is not None]
        known = [step for step in own if step]
        if not known or (unit := clock.unit_seconds(known)) is None:
            raise DataError(f"{contents.files[0].place}: its time column tells no time: sensors are joined by time")
        units[name], steps[name] = unit, unit * float(np.median(known))
    if units and not all(timed.values()):
        bare = next(name for name, has_time in timed.items() if not has_time)
        raise DataError(f"{sensors[bare].files[0].place} has no time column, and other sensors have one: add it")
    files = []
    for k, take in enumerate(takes):
        parts = {name: contents.files[k] for name, contents in sensors.items()}
        files.append(_by_time(take, parts, units, steps) if units else _by_row(take, parts))
    first = next(iter(sensors.values()))
    rate = f" at {1 / min(steps.values()):.4g} steps a second" if steps else " row by row, since no column is a time"
    orders = {name: _axes_in_order(contents.channels) for name, contents in sensors.items()}
    flat, n_before = [], 0
    for name, contents in sensors.items():
        flat += [n_before + k for k in orders[name]]
        n_before += len(contents.channels)
    channels = [f"{name} {channel}" for name, contents in sensors.items() for channel in contents.channels]
    notes = list(dict.fromkeys(note for contents in sensors.values() for note in contents.notes))
    joined = [replace(one, values=kept(one.values[:, flat])) for one in files]
    clock = Clock("seconds") if units else first.clock
    return Contents(
        joined, tuple(channels[k] for k in flat), first.label, clock, first.rounded, [*notes, f"joined{rate}"]
    )


def _by_time(
    take: str, parts: Mapping[str, Content], units: Mapping[str, float], steps: Mapping[str, float]
) -> Content:
    times = {name: one.times * units[name] for name, one in parts.items() if one.times is not None}
    times = {name: own[~np.isnan(own)] for name, own in times.items()}
    start, end = max(own[0] for own in times.values()), min(own[-1] for own in times.values())
    step = min(steps.values())
    if end - start < step:
        spans = ", ".join(f"{name} from {own[0]:.10g} to {own[-1]:.10g} s" for name, own in times.items())
        raise DataError(f"{take}: its sensors were never measured at the same time: {spans}")
    # Relative to the beginning: seconds since 1970 leave double precision few digits.
    grid = start + step * np.arange(int((end - start) / step * (1 + ALIKE)) + 1)
    near = np.ones(len(grid), dtype=bool)
    tables = []
    for name, one in parts.items():
        own = times[name]
        values = one.values[~np.isnan(one.times)] if one.times is not None else one.values
        tables.append(np.stack([np.interp(grid, own, values[:, k]) for k in range(values.shape[1])], axis=1))
        after = np.searchsorted(own, grid).clip(1, len(own) - 1)
        near &= np.minimum(np.abs(own[after] - grid), np.abs(grid - own[after - 1])) <= FARTHEST_STEPS * steps[name]
    values = np.concatenate(tables, axis=1).astype(np.float32)[near]
    return _content(take, parts, values, (grid - grid[0])[near])


def _by_row(take: str, parts: Mapping[str, Content]) -> Content:
    lengths = {name: len(one.values) for name, one in parts.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {n:,}" for name, n in lengths.items())
        raise DataError(f"{take}: its sensors have no time column and differ in their rows ({listed}): add the time")
    return _content(take, parts, np.concatenate([one.values for one in parts.values()], axis=1), None)


def _content(
    take: str, parts: Mapping[str, Content], values: NDArray[np.float32], times: NDArray[np.float64] | None
) -> Content:
    labels = {label: row for one in parts.values() for label, row in (one.labels or {}).items()}
    person = next((one.person for one in parts.values() if one.person is not None), None)
    return Content(take, values, times, np.arange(1, len(values) + 1), (), labels, person)


def _axes_in_order(channels: Sequence[str]) -> list[int]:
    """Apps write z, y, x; what belongs together is found as x, y, z."""
    order = list(range(len(channels)))
    return sorted(order, key=lambda k: channels[k].lower()) if {c.lower() for c in channels} == set("xyz") else order


def _spaced(stem: str) -> str:
    return " ".join(re.findall(r"[A-Za-z]+|\d+", re.sub(r"([a-z])([A-Z])", r"\1 \2", stem)))


def _without(stem: str, match: re.Match[str]) -> str:
    return (stem[: match.start()] + stem[match.end() :]).strip(" _.-")
