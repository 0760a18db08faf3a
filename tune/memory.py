"""Memory that a finished trial has freed goes back to the operating system.

Each trial's tensors have other sizes, so what one has freed lies in pieces that the next cannot use. glibc gives back
by itself only what is free at the end of its heap (mallopt(3), M_TRIM_THRESHOLD): a process grows from trial to trial
although nothing in it is kept.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

# Giving back takes up to 20 ms. A process that is hardly larger than when it did so last has little to give.
WORTHWHILE_GROWTH = 1.05


class FreedMemory:
    """What trials have freed and this process still holds."""

    def __init__(self) -> None:
        self._n_pages_after_last = 0

    def give_back(self) -> None:
        """Gives all free pages of the heap back (malloc_trim(3)) if the process has grown; only glibc can do that."""
        if sys.platform != "linux" or resident_pages() < WORTHWHILE_GROWTH * self._n_pages_after_last:
            return
        # musl, the C library of Alpine, has no such function.
        malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if malloc_trim is not None:
            malloc_trim(ctypes.c_size_t(0))
        self._n_pages_after_last = resident_pages()


def resident_pages() -> int:
    """Pages of this process that are in memory (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1])
