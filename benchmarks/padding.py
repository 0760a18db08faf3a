"""What one recording of 9,318 steps among four hundred of 500 costs: an epoch of 64 a batch, and its evaluation.

PYTHONPATH=. .venv/bin/python benchmarks/padding.py
"""

from __future__ import annotations

import argparse
import resource
import time

import torch

from data.sequences import SequenceDataset
from models import build
from tune.training.fit import TrainingSettings, begin_fit
from tune.training.train import continue_fit

N_OTHERS, OTHER_LENGTH, N_CHANNELS, N_CLASSES = 400, 500, 6, 4
SETTINGS = TrainingSettings(
    epochs=1,
    patience=1,
    min_delta=0.0,
    clip_norm=1.0,
    metric="accuracy",
    learning_rate=5e-3,
    batch_size=64,
    weight_decay=0.01,
    schedule="plateau",
    seed=0,
    weight_averaging=0.97,
)


def dataset_with(longest: int) -> SequenceDataset:
    """Noise: sequences of one length, and one of another."""
    lengths = torch.tensor([OTHER_LENGTH] * N_OTHERS + [longest])
    generator = torch.Generator().manual_seed(0)
    return SequenceDataset(
        name="noise",
        kind="activity",
        values=torch.randn(int(lengths.sum()), N_CHANNELS, generator=generator),
        lengths=lengths,
        labels=torch.arange(len(lengths)) % N_CLASSES,
        class_names=tuple("abcd"),
        channel_names=tuple("uvwxyz"),
    )


def main() -> None:
    """Trains and prints processor time and peak memory."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--longest", type=int, default=9_318)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    dataset = dataset_with(given.longest)
    model = build("gru", N_CHANNELS, N_CLASSES, hidden_size=64, bidirectional=True, pooling="mean_max", front_layers=2)
    fit, began = begin_fit(model, len(dataset), SETTINGS), time.process_time()
    for _ in continue_fit(fit, lambda epoch: dataset, dataset, SETTINGS, prefetch=False):
        pass
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"longest {given.longest}: {time.process_time() - began:.1f} s of processor time, peak {peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
