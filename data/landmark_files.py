"""Landmarks to be classified, as MediaPipe gave them: measured from the shoulders as those of the training were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from .landmarks import PARTS, VISIBILITY, parts_in_frame, seen_channel
from .layouts.clips import natural_order
from .published.shoulders import prepare_landmarks
from .unlabelled import Unlabelled, read_unlabelled


def read_landmarks(path: Path, wanted: Sequence[str], missing_hands: str) -> Iterator[Unlabelled]:
    """Every recording in a file, or in the files below a folder; frames in files of their own are one a folder.

    Args:
        path: File or folder.
        wanted: Channels of the network.
        missing_hands: What stood where a hand was not seen when the network was trained.

    Raises:
        DataError: If something cannot be read; the message names the file.
    """
    read = read_unlabelled(path, wanted)
    for folder, frames in groupby(read, lambda one: _folder_of_frame(one, len(wanted))):
        if folder is None:
            for one in frames:
                yield _measured(one, wanted, missing_hands)
            continue
        in_order = sorted(frames, key=lambda one: natural_order(one.place))
        whole = np.concatenate([one.values.reshape(1, -1) for one in in_order])
        yield _measured(Unlabelled(str(folder), whole, None, None), wanted, missing_hands)


def _folder_of_frame(one: Unlabelled, n_wanted: int) -> Path | None:
    """Where a frame lies that is a file of its own: a row of as many numbers as a frame has."""
    n_steps, n_channels = one.values.shape
    is_row = n_channels == 1 and (parts_in_frame(n_steps) is not None or n_steps == n_wanted)
    return Path(one.place).parent if is_row else None


def _measured(one: Unlabelled, wanted: Sequence[str], missing_hands: str) -> Unlabelled:
    n_features = one.values.shape[1]
    parts = parts_in_frame(n_features)
    if n_features == len(wanted) or parts is None or one.channel_names is not None:
        return one  # Measured already, or refused for what it is where the channels are looked at.
    kept = [part for part in PARTS if any(name.startswith(f"{part} ") for name in wanted)]
    if any(name.endswith(f" {VISIBILITY}") for name in wanted):
        kept.append(VISIBILITY)
    how = "mask" if any(seen_channel(part) in wanted for part in kept) else missing_hands
    values, names = prepare_landmarks(torch.from_numpy(one.values), torch.tensor([len(one.values)]), parts, kept, how)
    return Unlabelled(one.place, values.numpy(), names, one.sample_rate_hz)
