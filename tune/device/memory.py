"""Where every buffer of a program lies: two that never live at the same time may share their place."""

from __future__ import annotations

from collections.abc import Sequence

from .program import Buffer


def place(buffers: Sequence[Buffer]) -> int:
    """Gives every buffer its offset, the largest first, each as far in front as it fits.

    Returns:
        Words that all of them take.
    """
    placed: list[Buffer] = []
    for one in sorted(buffers, key=lambda buffer: -buffer.words):
        beside = [other for other in placed if other.first <= one.last and one.first <= other.last]
        one.offset = 0
        for other in sorted(beside, key=lambda buffer: buffer.offset):
            if one.offset + one.words <= other.offset:
                break
            one.offset = max(one.offset, other.offset + other.words)
        placed.append(one)
    return max((one.offset + one.words for one in buffers), default=0)
