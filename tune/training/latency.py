"""How long a network takes for one sequence on this machine's processor."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import torch

from models import SequenceClassifier

_N_WARMUP, _N_LEAST, _N_MOST, _SECONDS = 5, 20, 200, 0.5


@torch.inference_mode()
def latency_ms(network: SequenceClassifier, n_steps: int, n_channels: int) -> float:
    """The median time of one sequence in milliseconds: by itself, on one thread of the CPU.

    The time depends on the sizes of the network and not on what it has learned, so that it may be taken before there
    is anything to train.
    """
    values, lengths = torch.zeros(1, n_steps, n_channels), torch.tensor([n_steps])
    was_training, seconds = network.training, list[float]()
    network.eval()
    with one_thread():
        for _ in range(_N_WARMUP):
            network(values, lengths)
        deadline = time.perf_counter() + _SECONDS
        while len(seconds) < _N_LEAST or (len(seconds) < _N_MOST and time.perf_counter() < deadline):
            began = time.perf_counter()
            network(values, lengths)
            seconds.append(time.perf_counter() - began)
    network.train(was_training)
    return 1000 * median(seconds)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
