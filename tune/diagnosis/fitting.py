"""A brief training of a network that is only there to be looked at."""

from __future__ import annotations

from dataclasses import replace

import torch

from data.sequences import SequenceDataset
from models import SequenceClassifier

from ..training.fit import TrainingSettings, begin_fit
from ..training.train import NonFiniteLossError, continue_fit, predict

# Where it is not known how the network was trained: what works for most of our data.
USUAL = TrainingSettings(
    epochs=6,
    patience=6,
    min_delta=0.0,
    clip_norm=1.0,
    metric="loss",
    learning_rate=5e-3,
    batch_size=64,
    weight_decay=1e-2,
    schedule="one_cycle",
    seed=0,
)


def brief_fit(
    network: SequenceClassifier,
    train: SequenceDataset,
    judged: SequenceDataset,
    settings: TrainingSettings | None,
    *,
    n_epochs: int,
    seed: int,
) -> tuple[SequenceClassifier, float] | None:
    """Trains for a few epochs to their end; the network and its accuracy, or None where the loss became no number.

    Args:
        network: Is changed.
        train: Prepared.
        judged: Prepared; chooses nothing.
        settings: How; the usual where that is None.
        n_epochs: Passes over ``train``.
        seed: Of the batches and of dropout.
    """
    brief = replace(settings or USUAL, epochs=n_epochs, patience=n_epochs, metric="loss", seed=seed)
    # The mean of the weights lags behind by more steps than a brief training has.
    brief = replace(brief, weight_averaging=0.0)
    fit = begin_fit(network, len(train), brief)
    try:
        # What is watched is the training set, so that the judged one chooses no epoch.
        for _ in continue_fit(fit, lambda epoch: train, train, brief):
            pass
    except NonFiniteLossError:
        return None
    right = predict(network, judged, torch.device("cpu")).argmax(dim=1) == judged.labels
    return network.eval(), float(right.double().mean())
