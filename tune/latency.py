"""How long a network takes for one sequence."""

from __future__ import annotations

import time
from statistics import median

import torch

from data.sequences import SequenceDataset
from models import SequenceClassifier

from .training import predict

N_WARM_UPS, N_TIMES = 5, 30


def latency_ms(network: SequenceClassifier, prepared: SequenceDataset) -> float:
    """Median milliseconds on this CPU, one thread, for one sequence of median length by itself.

    Args:
        network: Is moved to the CPU.
        prepared: Sequences as the network is given them.
    """
    row = int(prepared.lengths.argsort()[(len(prepared) - 1) // 2])
    one = prepared.subset(torch.tensor([row]))
    cpu, n_threads, seconds = torch.device("cpu"), torch.get_num_threads(), []
    torch.set_num_threads(1)
    try:
        network = network.to(cpu)
        for _ in range(N_WARM_UPS + N_TIMES):
            began = time.perf_counter()
            predict(network, one, cpu)
            seconds.append(time.perf_counter() - began)
    finally:
        torch.set_num_threads(n_threads)
    return 1000 * median(seconds[N_WARM_UPS:])
