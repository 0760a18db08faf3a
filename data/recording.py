"""A recording as it was found, before anything is made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRAIN, VALIDATION, TEST = 0, 1, 2
# As folders and columns call them.
PARTS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}
MAX_VALUES = 1 << 28
# What to do with what is more than memory in one file.
FILE_EACH = "write a CSV or Parquet file a recording, which may be more than memory together"
# How notes begin that a person should look at.
CHECK = "please check: "


@dataclass(frozen=True, eq=False)
class Recording:
    """One sequence as it was found.

    Attributes:
        place: How errors name it.
        label: Name of its class.
        values: Steps by channels, NaN where a value is missing.
        person: Who performed it; None where that is not known.
        part: ``TRAIN``, ``VALIDATION`` or ``TEST`` of the publisher's split; None without one.
        step_seconds: Median time between two steps; None where it is not known.
        take: What it was cut from, and others may have been: those of one take are never in two splits.
    """

    place: str
    label: str
    values: NDArray[np.float32]
    person: str | None = None
    part: int | None = None
    step_seconds: float | None = None
    take: str | None = None


@dataclass(frozen=True)
class Layout:
    """How recordings lie on disk.

    Attributes:
        name: Registered name of the data set.
        place: File or folder, as errors name it.
        channel_names: One name a channel.
        notes: What was understood and what was left out, in sentences.
        is_stream: Whether recordings are of a continuing movement and are cut into windows, however short.
    """

    name: str
    place: str
    channel_names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    is_stream: bool = False
