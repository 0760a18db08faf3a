"""Long recordings cut into windows of one length."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .errors import DataError
from .source import Source

# Half a window: a repetition that one window cuts in two is whole in the next.
WINDOW_SECONDS, HOPS_PER_WINDOW = 4.0, 2


class Windows(NamedTuple):
    """Windows as sequences.

    Attributes:
        values: All steps of all windows, one window after the other; of the recordings, where ``starts`` are given.
        lengths: Steps of each window.
        recordings: Which recording each window was cut from.
        starts: First step of each window in ``values``; None where these are windows one after the other.
    """

    values: Float[Tensor, "steps channels"]
    lengths: Int[Tensor, " windows"]
    recordings: Int[Tensor, " windows"]
    starts: Int[Tensor, " windows"] | None = None


def window_steps(window_seconds: float, sample_rate_hz: float) -> int:
    """Steps of a window.

    Raises:
        DataError: If it is not a positive length of at least two steps.
    """
    n_steps = window_seconds * sample_rate_hz
    if not (math.isfinite(n_steps) and round(n_steps) >= 2):
        raise DataError(
            f"window_seconds is {window_seconds}: at {sample_rate_hz:g} steps a second a window of at least two steps "
            f"needs {2 / sample_rate_hz:g} s or more"
        )
    return round(n_steps)


def steps_of(source: Source, sample_rate_hz: float) -> tuple[int, int]:
    """Steps of a window, and from one to the next: four seconds that overlap by half, unless the user says otherwise.

    Raises:
        DataError: As ``window_steps``.
    """
    seconds = WINDOW_SECONDS if source.window_seconds is None else source.window_seconds
    n_steps = window_steps(seconds, sample_rate_hz)
    if source.hop_seconds is None:
        return n_steps, n_steps // HOPS_PER_WINDOW
    return n_steps, max(round(source.hop_seconds * sample_rate_hz), 1)


def cut_windows(
    values: Float[Tensor, "steps channels"],
    lengths: Int[Tensor, " recordings"],
    *,
    n_steps: int,
    hop: int,
    streamed: bool = False,
) -> Windows:
    """Cuts every recording from its first step on; a window never reaches into the next recording.

    What is left at a recording's end and does not fill a window is dropped. A recording shorter than a window
    becomes one short window, so that no recording is lost.

    Args:
        values: All steps of all recordings, one recording after the other.
        lengths: Steps of each recording.
        n_steps: Steps of a window.
        hop: Steps from the start of one window to the start of the next.
        streamed: Whether to say where windows lie in the values instead of copying them.
    """
    n_windows = ((lengths - n_steps).clamp_min(0) // hop) + 1
    recordings = torch.repeat_interleave(torch.arange(len(lengths)), n_windows)
    first_window = n_windows.cumsum(0) - n_windows
    offsets = lengths.cumsum(0) - lengths
    starts = offsets[recordings] + hop * (torch.arange(len(recordings)) - first_window[recordings])
    window_lengths = lengths.clamp_max(n_steps)[recordings]
    if streamed:
        return Windows(values, window_lengths, recordings, starts)
    window_offsets = window_lengths.cumsum(0) - window_lengths
    steps = torch.arange(int(window_lengths.sum())) + torch.repeat_interleave(starts - window_offsets, window_lengths)
    return Windows(values[steps], window_lengths, recordings)
