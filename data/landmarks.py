"""MediaPipe's body landmarks: which number of a frame is which coordinate of which point, and its mirror image.

C. Lugaresi et al., "MediaPipe: A framework for building perception pipelines", 2019, arXiv:1906.08172. The holistic
model gives 33 points of the body with a visibility, 468 points of the face and 21 points of each hand. Two ways of
laying them in a row are common and told apart by their number; what a frame of another length holds is not known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Part(NamedTuple):
    """A part of the body.

    Attributes:
        n_points: Number of points.
        coordinates: What a frame holds of each point.
    """

    n_points: int
    coordinates: tuple[str, ...]

    @property
    def n_features(self) -> int:
        """Numbers a frame."""
        return self.n_points * len(self.coordinates)


PARTS = {
    "pose": Part(33, ("x", "y", "z", "visibility")),
    "face": Part(468, ("x", "y", "z")),
    "left_hand": Part(21, ("x", "y", "z")),
    "right_hand": Part(21, ("x", "y", "z")),
}
HANDS = ("left_hand", "right_hand")
VISIBILITY = "visibility"
LEFT_SHOULDER, RIGHT_SHOULDER = 11, 12  # In the pose.
WRIST = 0  # In a hand; its depth is the origin of that hand's.

ROWS = (("pose", "left_hand", "right_hand"), ("pose", "face", "left_hand", "right_hand"))

# Left and right points of the body, in MediaPipe's numbers: eyes, ears, mouth, then from the shoulders to the feet.
POSE_PAIRS = ((1, 4), (2, 5), (3, 6), *((left, left + 1) for left in range(7, 33, 2)))
_POSE_PARTNER = {**dict(POSE_PAIRS), **{right: left for left, right in POSE_PAIRS}}
_HAND_PARTNER = dict(zip(HANDS, reversed(HANDS), strict=True))

# A copy that preprocessing derives keeps the name, with something around it.
CHANNEL = re.compile(r"\b(?P<part>pose|face|left_hand|right_hand) (?P<what>\d+ (?:x|y|z|visibility)|seen)\b")


class Mirror(NamedTuple):
    """How channels look in a mirror: channel ``c`` becomes ``sign[c] * values[:, source[c]]``."""

    source: Int[Tensor, " channels"]
    sign: Float[Tensor, " channels"]


def n_features_of(parts: Sequence[str]) -> int:
    """Numbers a frame of these parts."""
    return sum(PARTS[part].n_features for part in parts)


def parts_in_frame(n_features: int) -> tuple[str, ...] | None:
    """The parts, in their order, that a frame of so many numbers holds; None where that is not known."""
    return next((row for row in ROWS if n_features_of(row) == n_features), None)


def part_slices(parts: Sequence[str]) -> dict[str, slice]:
    """Where each part begins and ends in a frame that holds these parts one after the other."""
    slices, begin = {}, 0
    for part in parts:
        slices[part] = slice(begin, begin + PARTS[part].n_features)
        begin = slices[part].stop
    return slices


def channel_names(parts: Sequence[str]) -> tuple[str, ...]:
    """Names such as ``left_hand 4 x``, in the order in which the numbers lie in a frame."""
    return tuple(
        f"{part} {point} {coordinate}"
        for part in parts
        for point in range(PARTS[part].n_points)
        for coordinate in PARTS[part].coordinates
    )


def seen_channel(hand: str) -> str:
    """Name of the channel that is 1 where a hand is seen and 0 where it is not."""
    return f"{hand} seen"


def mirrored(names: Sequence[str]) -> Mirror | None:
    """The mirror image of landmarks whose x is measured from the middle of the body: left and right change places.

    Args:
        names: Channel names as made here; text around one (``by instance``, say) is kept.

    Returns:
        None where there is no mirror image: a channel is no landmark, or the one on the other side is not there, or
        the face is among them, since MediaPipe publishes no list of the left and right points of its face mesh.
    """
    position = {name: k for k, name in enumerate(names)}
    source, sign = [], []
    for name in names:
        match = CHANNEL.search(name)
        if match is None or match["part"] == "face":
            return None
        partner = name[: match.start()] + _partner(match["part"], match["what"]) + name[match.end() :]
        if partner not in position:
            return None
        source.append(position[partner])
        sign.append(-1.0 if match["what"].endswith(" x") else 1.0)
    return Mirror(torch.tensor(source), torch.tensor(sign)) if source else None


def _partner(part: str, what: str) -> str:
    if part in _HAND_PARTNER:
        return f"{_HAND_PARTNER[part]} {what}"
    point, coordinate = what.split(" ")
    return f"{part} {_POSE_PARTNER.get(int(point), int(point))} {coordinate}"
