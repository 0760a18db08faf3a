"""What a network is given of a recording: its channels by their names, at its rate, in windows as in its training."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.errors import DataError
from data.unlabelled import Unlabelled

from ..config.schema import LONGEST
from .classifier import Array
from .metadata import Facts

# As in ``data.recordings``: time stamps are never exact.
RATE_TOLERANCE = 0.1
HOPS_PER_WINDOW = 2
# Sequences of different lengths may be somewhat longer than those of the training and still be one movement.
LONGER_AT_MOST = 1.5
SHORTER_AT_MOST = 0.5


@dataclass(frozen=True)
class Wanted:
    """What the user says about the recordings.

    Attributes:
        sample_rate_hz: Steps a second, where the recordings do not tell; None for nothing said.
        resample: Whether to bring recordings of another rate to the network's.
    """

    sample_rate_hz: float | None = None
    resample: bool = False


class TooShortError(DataError):
    """A recording has fewer steps than any that the network has learned from."""


def fitted(one: Unlabelled, facts: Facts, wanted: Wanted) -> Array:
    """The steps of a recording as the network takes them, [steps, channels].

    Raises:
        DataError: If it has other channels, another rate, or too few steps.
    """
    columns = channel_places(one.channel_names, one.values.shape[1], facts.channel_names, one.place)
    in_order = columns == list(range(one.values.shape[1]))
    values = one.values if in_order else one.values[:, columns]
    rate = one.sample_rate_hz or wanted.sample_rate_hz
    if facts.resample_length is not None:
        values = stretched(values, np.linspace(0, len(values) - 1, facts.resample_length))
    elif facts.sample_rate_hz is not None and rate is not None:
        values = _at_rate(values, rate, facts.sample_rate_hz, one.place, wanted.resample)
    fewest = fewest_steps(facts)
    if len(values) < fewest:
        raise TooShortError(
            f"{one.place} is too short: it has {len(values)} steps, and the shortest sequence that the network has "
            f"learned from had {facts.lengths.shortest}; at least {fewest} are needed"
        )
    return np.ascontiguousarray(values, np.float32)


def channel_places(names: Sequence[str] | None, n_channels: int, wanted: Sequence[str], place: str) -> list[int]:
    """Which columns the network's channels are.

    Columns that are called like them are taken, whatever their order and whatever else there is; columns of other
    names are taken in their order, if there are as many.

    Raises:
        DataError: If it cannot be told.
    """
    if names is not None:
        plain = [_plain(name) for name in names]
        found = [plain.index(_plain(name)) if plain.count(_plain(name)) == 1 else None for name in wanted]
        if len(set(found)) == len(wanted) and None not in found:
            return [k for k in found if k is not None]
        missing = [name for name, k in zip(wanted, found, strict=True) if k is None]
        if 0 < len(missing) < len(wanted):
            raise DataError(f"{place} has no channel {_listed(missing)}; its channels are {_listed(names)}")
    if n_channels != len(wanted):
        raise DataError(f"{place} has {n_channels} channels; the network takes {len(wanted)}: {_listed(wanted)}")
    return list(range(n_channels))


def fewest_steps(facts: Facts) -> int:
    """Steps that a recording must have."""
    return max(math.ceil(SHORTER_AT_MOST * facts.lengths.shortest), 1)


def are_windows(facts: Facts) -> bool:
    """Whether the network has learned from windows of one length."""
    return facts.lengths.median == facts.lengths.longest


def windows(values: Array, facts: Facts) -> list[Array]:
    """A recording as it is, or cut into windows like those of the training.

    They overlap by half, or, of streams, as they were judged. What is left at the end and fills no window is left out,
    as in training.
    """
    n_steps = facts.lengths.longest
    if len(values) <= (n_steps if are_windows(facts) else LONGER_AT_MOST * n_steps):
        return [values]
    hop = max(n_steps // HOPS_PER_WINDOW, 1) if facts.decision is None else facts.decision.hop
    return [values[begin : begin + n_steps] for begin in range(0, len(values) - n_steps + 1, hop)]


def refuse_rate(rate: float, wanted: float, place: str) -> None:
    """Refuses another rate than the network's.

    Raises:
        DataError: If it differs by more than a tenth.
    """
    if abs(rate / wanted - 1) > RATE_TOLERANCE:
        raise DataError(
            f"{place} was measured at {rate:.4g} steps a second, and the network's data at {wanted:.4g}: the same "
            "movement looks slower or faster to it; --resample brings it to that rate"
        )


def _at_rate(values: Array, rate: float, wanted: float, place: str, resample: bool) -> Array:
    if not resample:
        refuse_rate(rate, wanted, place)
        return values
    ratio = rate / wanted
    if len(values) > LONGEST * ratio:
        raise DataError(f"{place} would have more than {LONGEST:,} steps at {wanted:.4g} a second")
    n_steps = math.floor((len(values) - 1) / ratio + 1e-9) + 1
    return stretched(values, np.arange(n_steps) * ratio)


def stretched(values: Array, places: Array) -> Array:
    """Linear interpolation at fractional steps; see ``data.resampling``."""
    before = np.clip(np.floor(places).astype(int), 0, len(values) - 1)
    after = np.minimum(before + 1, len(values) - 1)
    share = (places - before)[:, None].astype(np.float32)
    mixed: Array = values[before] + share * (values[after] - values[before])
    return mixed


def _plain(name: str) -> str:
    """A channel's name without its unit."""
    return re.split(r"[(\[]", name, maxsplit=1)[0].strip().lower() or name


def _listed(names: Sequence[str], at_most: int = 8) -> str:
    return ", ".join(map(repr, names[:at_most])) + (f", … ({len(names)} in all)" if len(names) > at_most else "")
