"""Networks as they come out of a folder, without one: untrained, of any architecture and preparation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from data.sequences import SequenceDataset
from data.tensors.channels import Preparation, derived_names, joint_preparation, n_prepared_channels
from models import build
from models.ensemble import ENSEMBLE
from tune.training.model_folder import ModelDescription, StoredModel

CHANNELS = ("heat", "ax (g)", "ay (g)", "az (g)")
CLASSES = ("wave", "circle", "nod", "rest", "tap")
LENGTHS = (11, 4, 1, 7, 10)


def measured(lengths: tuple[int, ...] = LENGTHS, seed: int = 1) -> SequenceDataset:
    """Random sequences of four channels, three of which are the axes of one sensor."""
    generator = torch.Generator().manual_seed(seed)
    scale, level = torch.tensor([1.0, 2.0, 0.5, 3.0]), torch.tensor([20.0, 0.0, 1.0, -9.81])
    return SequenceDataset(
        name="toy",
        kind="gesture",
        values=torch.randn(sum(lengths), len(CHANNELS), generator=generator) * scale + level,
        lengths=torch.tensor(lengths),
        labels=torch.arange(len(lengths)) % len(CLASSES),
        class_names=CLASSES,
        channel_names=CHANNELS,
        sample_rate_hz=10.0,
    )


def stored_model(
    architecture: str = "gru",
    hyperparameters: dict[str, Any] | None = None,
    preparation: Preparation | None = None,
    **changes: Any,
) -> StoredModel:
    """An untrained network whose norms have statistics of their own, so that a test can see them at work."""
    preparation = preparation or Preparation()
    torch.manual_seed(0)
    names = derived_names(CHANNELS, preparation.derived_channels)
    network = build(
        architecture, n_prepared_channels(CHANNELS, preparation), len(CLASSES), **(hyperparameters or {})
    ).eval()
    for name, buffer in network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.5, 1.5)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
    description = {
        "format": "seqtune model 1",
        "architecture": architecture,
        "hyperparameters": hyperparameters or {},
        "preparation": {
            "normalisation": preparation.normalisation,
            "derived_channels": preparation.derived_channels,
        },
        "normaliser": {
            "mean": [0.5 * k for k in range(len(names))],
            "deviation": [1.0 + 0.1 * k for k in range(len(names))],
        },
        "channel_names": CHANNELS,
        "class_names": CLASSES,
        "temperature": 1.7,
        "sample_rate_hz": 10.0,
        "kind": "gesture",
        "data": {"dataset": "toy", "window_seconds": 4.0},
        "lengths": {"shortest": 2, "median": 8, "longest": 12},
        "scores": {},
        "study": "toy-gru",
        "trial": 3,
        "weights_sha256": "0" * 64,
        "versions": {},
        **changes,
    }
    return StoredModel(ModelDescription.model_validate(description), network)


def stored_ensemble() -> StoredModel:
    """Two networks of one kind and MiniRocket, whose preparations have a few channels in common."""
    how = (Preparation("instance", "magnitude"), Preparation("instance", "magnitude"), Preparation("both", "none"))
    whole = joint_preparation(how)
    kinds = (("gru", {"hidden_size": 6}), ("gru", {"hidden_size": 6}), ("minirocket", {"n_features": 84}))
    members = [
        {"architecture": name, "hyperparameters": arguments, "preparation": asdict(own), "share": share}
        for (name, arguments), own, share in zip(kinds, how, (0.25, 0.25, 0.5), strict=True)
    ]
    # Of one network everything is right but what several are made of.
    plain = stored_model(preparation=whole).description.model_dump()
    changes = {"architecture": ENSEMBLE, "hyperparameters": {}, "members": members}
    description = ModelDescription.model_validate({**plain, **changes})
    torch.manual_seed(2)
    return StoredModel(description, description.built().eval())
