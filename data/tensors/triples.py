"""Which channels are the three axes of one sensor, told by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A unit in brackets may follow, and a copy may say how it was derived after a comma.
AXIS = re.compile(r"(?P<sensor>.*?)(?P<axis>[xyzXYZ])(?P<rest>\s*(?:\([^(]*\))?)")


def sensor_triples(channel_names: Sequence[str]) -> list[tuple[int, int, int]]:
    """Positions of x, y and z of every sensor whose three axes stand side by side, as in ``ax (g), ay (g), az (g)``."""
    found = []
    k = 0
    while k + 2 < len(channel_names):
        matches = [AXIS.fullmatch(name) for name in channel_names[k : k + 3]]
        parts = [(m["sensor"], m["rest"]) for m in matches if m is not None]
        axes = "".join(m["axis"] for m in matches if m is not None)
        if len(parts) == 3 and len(set(parts)) == 1 and axes.lower() == "xyz":
            found.append((k, k + 1, k + 2))
            k += 3
        else:
            k += 1
    return found
