"""How long a network takes for one sequence on this machine's processor."""

from __future__ import annotations

import time
from statistics import median

import torch

from models import SequenceClassifier

_N_WARMUP, _N_LEAST, _N_MOST, _SECONDS = 5, 20, 200, 0.5


@torch.inference_mode()
def latency_ms(network: SequenceClassifier, n_steps: int, n_channels: int) -> float:
    """The median time of one sequence in milliseconds: by itself, on one thread of the CPU.

    The time depends on the sizes of the network and not on what it has learned, so that it may be taken before there
    is anything to train.

    Args:
        network: On the CPU.
        n_steps: Length of the sequence.
        n_channels: Channels that the network takes.
    """
    n_threads, was_training = torch.get_num_threads(), network.training
    values, lengths = torch.zeros(1, n_steps, n_channels), torch.tensor([n_steps])
    seconds: list[float] = []
    torch.set_num_threads(1)
    network.eval()
    try:
        for _ in range(_N_WARMUP):
            network(values, lengths)
        deadline = time.perf_counter() + _SECONDS
        while len(seconds) < _N_LEAST or (len(seconds) < _N_MOST and time.perf_counter() < deadline):
            began = time.perf_counter()
            network(values, lengths)
            seconds.append(time.perf_counter() - began)
    finally:
        network.train(was_training)
        torch.set_num_threads(n_threads)
    return 1000 * median(seconds)
