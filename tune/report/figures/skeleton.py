"""Landmarks of a body as the figure that they are: bones at some moments of a sequence, along its time.

Which points MediaPipe joins: its POSE_CONNECTIONS (here from the hips up) and HAND_CONNECTIONS.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.transforms import Affine2D, ScaledTranslation

from data.landmarks import HANDS, PARTS

from .palette import LIGHT

N_MOMENTS = 3
_FINGERS = tuple((base, base + 1) for base in range(1, 20) if base % 4)
BONES = {
    "pose": (
        (0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10), (11, 12), (11, 13), (13, 15),
        (12, 14), (14, 16), (11, 23), (12, 24), (23, 24),
    ),
    **{hand: ((0, 1), (0, 5), (0, 17), (5, 9), (9, 13), (13, 17), *_FINGERS) for hand in HANDS},
}  # fmt: skip
COLOURS = {"pose": LIGHT.muted, "left_hand": LIGHT.complete, "right_hand": LIGHT.best}
KEY = "the left hand is blue, the right one orange"
# Sequences are measured in widths of the shoulders, from between them and downwards: from the head to the hips.
_TOP, _BOTTOM = -1.2, 1.7
# Of the unit, so that a figure is about as high as its panel.
_INCHES = 0.29


def has_bones(channel_names: Sequence[str]) -> bool:
    """Whether the channels are landmarks among which there are points to join."""
    return bool(_columns(channel_names))


def draw_skeletons(
    axes: Axes, sequence: Float[np.ndarray, "steps channels"], times: Float[np.ndarray, " steps"], names: Sequence[str]
) -> None:
    """Draws the figure at the middle of each of some equal parts of the time; a hand that is not seen is left out.

    The figures have one size in inches, whatever the scale of the axes.
    """
    n_moments = min(N_MOMENTS, len(sequence))
    moments = [int((2 * k + 1) * len(sequence) / (2 * n_moments)) for k in range(n_moments)]
    axes.set_xlim(times[0], times[-1] if len(times) > 1 else 1.0)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    for part, (x, y) in _columns(names).items():
        bones = np.array(BONES[part])
        for moment in moments:
            points = np.stack([sequence[moment, x], sequence[moment, y]], axis=1)
            if not points.any():
                continue
            points[:, 1] = (_TOP + _BOTTOM) / 2 - points[:, 1]
            size = Affine2D().scale(_INCHES) + axes.figure.dpi_scale_trans
            # Any transform will do; matplotlib's stubs ask for an affine one.
            place = ScaledTranslation(float(times[moment]), 0.5, axes.get_xaxis_transform())  # type: ignore[arg-type]
            joined = LineCollection(
                list(points[bones]), colors=COLOURS[part], linewidths=1.2 if part == "pose" else 0.8,
                transform=size + place, capstyle="round",
            )  # fmt: skip
            axes.add_collection(joined, autolim=False)


def _columns(names: Sequence[str]) -> dict[str, tuple[list[int], list[int]]]:
    """Where x and y of the points of each part are; parts of which one is missing are left out."""
    place = {name: k for k, name in enumerate(names)}
    found = {}
    for part in BONES:
        wanted = [[f"{part} {point} {axis}" for point in range(PARTS[part].n_points)] for axis in "xy"]
        if all(name in place for axis in wanted for name in axis):
            found[part] = ([place[name] for name in wanted[0]], [place[name] for name in wanted[1]])
    return found
