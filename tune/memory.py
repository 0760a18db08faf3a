"""Memory that a finished trial has freed goes back to the operating system.

Each trial's tensors have other sizes, so what one has freed lies in pieces that the next cannot use. glibc gives back
by itself only what is free at the end of its heap (mallopt(3), M_TRIM_THRESHOLD): a process grows from trial to trial
although nothing in it is kept.
"""

from __future__ import annotations

import ctypes
import sys


def return_free_memory() -> None:
    """Gives all free pages of the heap back (malloc_trim(3)); takes milliseconds, and does nothing without glibc."""
    if sys.platform == "linux":
        # musl, the C library of Alpine, has no such function.
        malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if malloc_trim is not None:
            malloc_trim(ctypes.c_size_t(0))
