"""Where the training runs."""

from __future__ import annotations

import torch

from ..core.errors import StudyError


def choose_device(wanted: str) -> torch.device:
    """The device that a setting means; ``auto`` is the fastest there is.

    Raises:
        StudyError: If it is not there.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(wanted)
    there = {"cpu": True, "mps": torch.backends.mps.is_available()}.get(
        device.type, torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    )
    if not there:
        raise StudyError(f"this machine has no device {wanted!r}: use --device auto or --device cpu")
    return device
