"""Memory that a finished trial has freed goes back to the operating system.

Each trial's tensors have other sizes, so what one has freed lies in pieces that the next cannot use. glibc gives back
by itself only what is free at the end of its heap (mallopt(3), M_TRIM_THRESHOLD): a process grows from trial to trial
although nothing in it is kept.
"""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8


def return_free_memory() -> None:
    """Gives all free pages of the heap back (malloc_trim(3)); takes milliseconds, and does nothing without glibc."""
    _call("malloc_trim", ctypes.c_size_t(0))


def share_one_heap() -> None:
    """Has all threads of this process allocate from one heap (mallopt(3), M_ARENA_MAX); nothing without glibc.

    Batches are made and checkpoints written by threads of their own, and what lies free in one thread's heap is of no
    use to another's.
    """
    _call("mallopt", _M_ARENA_MAX, 1)


def _call(name: str, *arguments: int | ctypes.c_size_t) -> None:
    """Calls a function of the C library; musl, that of Alpine, has none of these."""
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*arguments)
