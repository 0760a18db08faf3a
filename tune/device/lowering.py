"""A network with the preparation of its channels as a program for a device, its memory planned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.tensors.channels import Normaliser, Preparation, derived_names
from data.tensors.triples import sensor_triples
from models import SequenceClassifier

from .layers import network_chain
from .maps import numbers
from .memory import place
from .program import Builder, Program, Scales, Struct, Weights


def program_for(
    network: SequenceClassifier,
    prepared: tuple[Preparation, Normaliser],
    channel_names: Sequence[str],
    longest: int,
    window: int,
    scales: Scales | None = None,
) -> Program:
    """What is computed on a device.

    Args:
        network: Any that ``layers.untranslated`` has nothing against; trained or not.
        prepared: How its channels are prepared, and the statistics of the training.
        channel_names: Of the measured channels.
        longest: Steps of the longest sequence that it is to be given.
        window: Steps of the window whose multiply-adds are counted.
        scales: Multiplies bytes, with these scales of the layers' inputs; None multiplies in floating point.
    """
    builder = Builder(longest, window, scales=scales)
    inputs = _prepared(*prepared, channel_names, builder)
    chain, logits = network_chain(network, builder)
    n_words = place(builder.buffers)
    return Program(
        preparation=inputs,
        chain=chain,
        logits=logits,
        n_words=n_words,
        sources=builder.sources,
        longest=longest,
        macs=builder.macs,
        precision="float32" if scales is None else "int8",
        most_inputs=builder.most_inputs,
    )


def _prepared(
    preparation: Preparation, normaliser: Normaliser, channel_names: Sequence[str], builder: Builder
) -> Struct:
    derived = preparation.derived_channels
    triples = sensor_triples(channel_names) if derived in ("magnitude", "both") else []
    n_channels = len(derived_names(tuple(channel_names), derived))
    by_instance = preparation.normalisation != "global"
    fields = {
        "mean": Weights(numbers(normaliser.mean)),
        "deviation": Weights(numbers(normaliser.deviation)),
        "n_measured": len(channel_names),
        "n_channels": n_channels,
        "differences": int(derived in ("differences", "both")),
        "triples": Weights(np.array([first for first, _, _ in triples], np.int16)) if triples else None,
        "n_triples": len(triples),
        "by_instance": int(by_instance),
        "globally": int(preparation.normalisation == "both"),
        "own": builder.buffer(2 * n_channels) if by_instance else None,
        "out": builder.buffer(n_channels * (2 if preparation.normalisation == "both" else 1)),
    }
    return Struct("preparation", fields)
