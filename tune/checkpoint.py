"""The state of an interrupted trial on disk: whole, recognisably undamaged, and unable to run code when read."""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import torch

from .files import write_bytes

MAGIC = b"seqtune checkpoint 1\n"
_DIGEST_BYTES = 32


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Stores tensors and plain values.

    A flipped bit in a tensor loads without complaint, so a SHA-256 of the content goes in front.

    Raises:
        OSError: If it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    write_bytes(path, MAGIC + hashlib.sha256(content).digest() + content)


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """The stored state; None if there is none, or it is damaged, so that the trial has to start over."""
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return None
    head, content = stored[: len(MAGIC) + _DIGEST_BYTES], stored[len(MAGIC) + _DIGEST_BYTES :]
    if head != MAGIC + hashlib.sha256(content).digest():
        return None
    try:
        state: dict[str, Any] = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        return None
    return state
