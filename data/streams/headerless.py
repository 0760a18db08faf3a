"""Files of well-known data sets without a header, known by how many columns they have."""

from __future__ import annotations

from typing import NamedTuple

from .null_class import NULL


class Published(NamedTuple):
    """A data set's files.

    Attributes:
        title: Of the data set.
        columns: One name a column.
        left_out: Columns that are no measurement, or not of use.
        class_names: What its numbers stand for.
        rate_hz: Steps a second, where no column tells.
    """

    title: str
    columns: tuple[str, ...]
    left_out: frozenset[str]
    class_names: dict[str, str]
    rate_hz: float | None = None


def _axes(*sensors: str) -> tuple[str, ...]:
    return tuple(f"{sensor}_{axis}" for sensor in sensors for axis in "xyz")


def _named(first: int, *names: str) -> dict[str, str]:
    return {str(number): name for number, name in enumerate(names, first)}


# Reiss & Stricker 2012; its readme calls the orientation invalid.
_IMU = ("temperature", *_axes("acc16", "acc6", "gyro", "mag"), *(f"orientation_{k}" for k in range(1, 5)))
_PAMAP2_COLUMNS = (
    *("time_s", "label", "heart_rate"),
    *(f"{place}_{name}" for place in ("hand", "chest", "ankle") for name in _IMU),
)
PAMAP2 = Published(
    "PAMAP2",
    _PAMAP2_COLUMNS,
    frozenset(name for name in _PAMAP2_COLUMNS if "orientation" in name),
    {
        **_named(0, NULL, "lying", "sitting", "standing", "walking", "running", "cycling", "Nordic walking"),
        **_named(9, "watching TV", "computer work", "car driving", "ascending stairs", "descending stairs"),
        **_named(16, "vacuum cleaning", "ironing", "folding laundry", "house cleaning", "playing soccer"),
        "24": "rope jumping",
    },
)
# Banos et al. 2014.
MHEALTH = Published(
    "mHealth",
    (
        *_axes("chest_acc"),
        *("ecg_1", "ecg_2"),
        *_axes(*(f"{place}_{sensor}" for place in ("ankle", "arm") for sensor in ("acc", "gyro", "mag"))),
        "label",
    ),
    frozenset(),
    _named(
        0,
        *(NULL, "standing still", "sitting", "lying down", "walking", "climbing stairs", "waist bends forward"),
        *("frontal elevation of arms", "knees bending", "cycling", "jogging", "running", "jump front and back"),
    ),
    rate_hz=50.0,
)
# Roggen et al. 2010; of its seven columns of labels the gestures of both arms.
_OTHER_LABELS = ("locomotion", "high_level", *(f"low_level_{k}" for k in range(1, 5)))
OPPORTUNITY = Published(
    "Opportunity",
    ("time_ms", *(f"channel_{k}" for k in range(2, 244)), *_OTHER_LABELS, "label"),
    frozenset(_OTHER_LABELS),
    {
        "0": NULL,
        **{"406516": "open door 1", "406517": "open door 2", "404516": "close door 1", "404517": "close door 2"},
        **{"406520": "open fridge", "404520": "close fridge", "406505": "open dishwasher"},
        **{"404505": "close dishwasher", "406519": "open drawer 1", "404519": "close drawer 1"},
        **{"406511": "open drawer 2", "404511": "close drawer 2", "406508": "open drawer 3"},
        **{"404508": "close drawer 3", "408512": "clean table", "407521": "drink from cup", "405506": "toggle switch"},
    },
)
BY_WIDTH = {len(one.columns): one for one in (PAMAP2, MHEALTH, OPPORTUNITY)}
