"""Where in their streams windows lie, and what happened there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Timeline:
    """The windows of streams in time; a stream here is a stretch without a gap.

    Attributes:
        streams: Of each window.
        starts: Of each window, in seconds from its stream's begin.
        events: Of every stream, whatever windows are left: stream, class, begin and end in seconds. What lies between
            is the null class, which has none.
        at_changes: Whether windows were cut where the label changes, which nobody knows beforehand.
    """

    streams: Int[Tensor, " windows"]
    starts: Float[Tensor, " windows"]
    events: Float[NDArray[np.float64], "events 4"]
    at_changes: bool

    def subset(self, rows: Int[Tensor, " chosen"]) -> Timeline:
        """That of the windows at ``rows``."""
        return replace(self, streams=self.streams[rows], starts=self.starts[rows])
