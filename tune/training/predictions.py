"""Which sequences a trial classified correctly, kept in its record as a few hundred characters.

A comparison of configurations pairs them sequence by sequence; scores alone do not tell on whom two networks differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from data.tensors.channels import Preparation

from .fit import Fit
from .metrics import score
from .splits import Splits
from .train import predict


def answers(
    fits: Sequence[Fit], splits: Splits, part: str, preparation: Preparation, device: torch.device
) -> dict[str, Any]:
    """What each fold's network says of its own ``validation`` or ``test`` part, as plain JSON values."""
    scores, right = [], []
    for fold, fit in enumerate(fits):
        judged = splits.prepared(fold, part, preparation)
        logits = predict(fit.model, judged, device)
        scores.append(asdict(score(logits, judged.labels)))
        right.append(pack((logits.argmax(dim=1) == judged.labels).numpy()))
    return {"part": part, "scores": scores, "right": right}


def pack(right: NDArray[np.bool_]) -> str:
    """Yes or no for each sequence, as hexadecimal digits."""
    return bytes(np.packbits(right)).hex()


def unpack(packed: str, n_sequences: int) -> NDArray[np.bool_]:
    """What ``pack`` was given.

    Raises:
        ValueError: If it was another number of sequences.
    """
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(packed), dtype=np.uint8))
    if not n_sequences <= len(bits) < n_sequences + 8:
        raise ValueError(f"{len(packed)} digits cannot be {n_sequences} answers")
    return bits[:n_sequences].astype(bool)
