"""tune.training.memory: free pages between kept ones go back to the operating system."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
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


# Says how much more of the heap is resident at the end of an epoch of batches of 1 MB than after its first steps.
EPOCH = """
from pathlib import Path
import torch
from data.sequences import SequenceDataset
from models import build
from tune.training.fit import TrainingSettings, begin_fit
from tune.training.memory import share_one_heap
from tune.training.train import continue_fit

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))

share_one_heap()
torch.set_num_threads(1)
n = 32_768
rest = [tuple("ab"), tuple("uvwxyz")]
values = torch.randn(n * 4 + 200, 6)
dataset = SequenceDataset("d", "activity", values, torch.full((n,), 200), torch.arange(n) % 2, *rest,
                          starts=torch.arange(n) * 4)
settings = TrainingSettings(epochs=1, patience=1, min_delta=0.0, clip_norm=1.0, metric="accuracy", learning_rate=0.01,
                            batch_size=256, weight_decay=0.01, schedule="cosine", seed=5)
fit = begin_fit(build("gru", 6, 2, hidden_size=4, front_layers=1, front_channels=4, front_stride=8), n, settings)
seen = []
run = continue_fit(fit, lambda epoch: dataset, dataset.subset(torch.arange(99)), settings,
                   before_step=lambda: seen.append(resident()))
next(run)
print(len(seen), max(seen[8:]) - seen[8])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="heaps of others are not known")
def test_an_epoch_does_not_grow_with_its_steps() -> None:
    """Whatever small is kept of every step holds the heap open behind the batches that were freed."""
    shown = subprocess.run([sys.executable, "-c", EPOCH], check=True, capture_output=True, text=True).stdout
    n_steps, grown_kilobytes = map(int, shown.split())
    assert n_steps == 128
    # 2 to 4 MB alone and 10 beside other tests; 28 where a tensor of each step was kept.
    assert grown_kilobytes < 16_384
