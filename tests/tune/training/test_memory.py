"""tune.training.memory: free pages between kept ones go back to the operating system."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest
import torch

from tune.training.memory import return_free_memory

PIECE_BYTES = 64 * 1024  # Under glibc's threshold for a mapping of its own: it lies in the heap.
N_PIECES = 1024


def resident_bytes() -> int:
    """Resident size of this process (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has malloc_trim")
def test_pages_between_kept_pieces_are_returned() -> None:
    pieces = [torch.ones(PIECE_BYTES, dtype=torch.uint8) for _ in range(N_PIECES)]
    kept = pieces[::8]
    del pieces
    before = resident_bytes()
    return_free_memory()
    assert before - resident_bytes() > PIECE_BYTES * N_PIECES // 2
    assert all(bool((piece == 1).all()) for piece in kept)


def test_nothing_happens_where_nothing_is_free() -> None:
    for _ in range(3):
        return_free_memory()
