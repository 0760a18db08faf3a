"""Landmarks as a signer has them: measured from between the shoulders, and whole although hands get lost.

Nothing here is fitted: a sequence comes out the same whatever other sequences there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..landmarks import (
    HANDS,
    LEFT_SHOULDER,
    PARTS,
    RIGHT_SHOULDER,
    VISIBILITY,
    WRIST,
    channel_names,
    n_features_of,
    part_slices,
    seen_channel,
)

MISSING_HANDS = ("interpolate", "mask", "zeros")

# MediaPipe measures in widths and heights of the image. Shoulders nearer than this are no shoulders.
SMALLEST_DISTANCE = 1e-3
# Where the shoulders of a signer who fills the image are, for sequences in which they are never seen.
USUAL_ORIGIN = (0.5, 0.5, 0.0)
USUAL_DISTANCE = 0.3


def prepare_landmarks(
    values: Float[Tensor, "steps features"],
    lengths: Int[Tensor, " sequences"],
    parts: Sequence[str],
    wanted: Sequence[str],
    missing_hands: str,
) -> tuple[Float[Tensor, "steps channels"], tuple[str, ...]]:
    """Measures landmarks from the shoulders and treats what was not seen (all zeros) as missing.

    The origin is the middle between the shoulders of each frame, the unit the mean distance of the shoulders, across
    and down the image, in the sequence. MediaPipe measures the depth of a hand from its wrist and that of the face from
    its middle; these are only scaled. A frame without a body takes the shoulders of the frames around it.

    Args:
        values: All frames of all sequences, as MediaPipe gives them.
        lengths: Frames of each sequence.
        parts: What a frame holds, in this order; the pose must be among it.
        wanted: The parts to return; they keep the order of ``parts``. With ``visibility``, how surely each point of the
            body is seen is returned too: it is no place, and hardly changes while somebody is in the image.
        missing_hands: ``interpolate`` draws a line between the frames around a gap and holds the nearest one at the
            ends; ``mask`` sets zero and adds a channel a hand, 1 where it is seen; ``zeros`` sets zero. A hand that is
            never seen in a sequence is zero in any case. Body and face are always interpolated.

    Returns:
        The channels and their names.

    Raises:
        ValueError: If ``missing_hands`` is none of ``MISSING_HANDS``.
    """
    if missing_hands not in MISSING_HANDS:
        raise ValueError(f"missing_hands is {missing_hands!r}; it must be one of {', '.join(MISSING_HANDS)}")
    slices = part_slices(parts)
    origin, unit = _shoulders(values[:, slices["pose"]], lengths)
    kept = tuple(part for part in parts if part in wanted)
    hands = tuple(hand for hand in HANDS if hand in kept) if missing_hands == "mask" else ()
    result = values.new_empty(len(values), n_features_of(kept) + len(hands))
    for part, where in part_slices(kept).items():
        measured = values[:, slices[part]]
        seen = is_seen(measured)
        points = measured.reshape(len(values), PARTS[part].n_points, -1).clone()
        n_shifted = 3 if part == "pose" else 2
        points[:, :, :n_shifted] -= origin[:, None, :n_shifted]
        points[:, :, :3] /= unit[:, None, None]
        if part in HANDS:
            # Rounding errors around the origin of depth, which a normaliser would blow up.
            points[:, WRIST, 2] = 0.0
        if part not in HANDS or missing_hands == "interpolate":
            result[:, where] = fill_unseen(points.flatten(1), seen, lengths)
        else:
            result[:, where] = points.flatten(1).where(seen[:, None], 0.0)
    for column, hand in enumerate(hands, start=n_features_of(kept)):
        result[:, column] = is_seen(values[:, slices[hand]])
    names = (*channel_names(kept), *map(seen_channel, hands))
    if VISIBILITY in wanted:
        return result, names
    places = [k for k, name in enumerate(names) if not name.endswith(f" {VISIBILITY}")]
    return result[:, places], tuple(names[k] for k in places)


def is_seen(part: Float[Tensor, "steps features"]) -> Bool[Tensor, " steps"]:
    """The frames in which a part of the body was found: those that are not all zeros."""
    return part.ne(0).any(dim=1)


def fill_unseen(
    values: Float[Tensor, "steps channels"], seen: Bool[Tensor, " steps"], lengths: Int[Tensor, " sequences"]
) -> Float[Tensor, "steps channels"]:
    """Interpolates the frames that are not seen, each sequence by itself.

    Between two seen frames on a line, before the first and after the last as there, and zero where none is seen.
    """
    step = torch.arange(len(values))
    ends = lengths.cumsum(0)
    first = torch.repeat_interleave(ends - lengths, lengths)
    last = torch.repeat_interleave(ends - 1, lengths)
    before = step.where(seen, -1).cummax(0).values
    after = step.where(seen, len(values)).flip(0).cummin(0).values.flip(0)
    is_before, is_after = before >= first, after <= last
    begin = before.where(is_before, after).where(is_before | is_after, step)
    end = after.where(is_after, before).where(is_before | is_after, step)
    share = (step - begin) / (end - begin).clamp_min(1)
    filled = torch.lerp(values[begin], values[end], share[:, None].to(values.dtype))
    return filled.where((is_before | is_after)[:, None], 0.0)


def _shoulders(
    pose: Float[Tensor, "steps features"], lengths: Int[Tensor, " sequences"]
) -> tuple[Float[Tensor, "steps 3"], Float[Tensor, " steps"]]:
    """The point between the shoulders in each frame, and their distance in the frame's sequence."""
    points = pose.reshape(len(pose), PARTS["pose"].n_points, -1)
    left, right = points[:, LEFT_SHOULDER, :3], points[:, RIGHT_SHOULDER, :3]
    distance = (left - right)[:, :2].norm(dim=1)
    seen = distance > SMALLEST_DISTANCE
    owner = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    n_seen = torch.zeros(len(lengths)).index_add_(0, owner, seen.float())
    total = torch.zeros(len(lengths)).index_add_(0, owner, distance.where(seen, 0.0))
    ever = (n_seen > 0)[owner]
    origin = fill_unseen((left + right) / 2, seen, lengths)
    origin = origin.where(ever[:, None], torch.tensor(USUAL_ORIGIN))
    return origin, (total / n_seen.clamp_min(1))[owner].where(ever, USUAL_DISTANCE)
