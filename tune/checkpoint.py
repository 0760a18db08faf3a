"""The state of an interrupted trial on disk: whole, recognisably undamaged, and unable to run code when read."""

from __future__ import annotations

import hashlib
import io
import math
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .files import write_bytes

MAGIC = b"seqtune checkpoint 2\n"
_DIGEST_BYTES = 32
_TENSOR = "__tensor__"


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Stores tensors and plain values.

    A flipped bit in a tensor loads without complaint, so a SHA-256 of the content goes in front.

    Raises:
        OSError: If it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(_pack(state), buffer)
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
        packed: dict[str, Any] = torch.load(io.BytesIO(content), weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        return None
    return _unpack(packed, torch.device(device))


def _pack(state: dict[str, Any]) -> dict[str, Any]:
    """The state with all tensors of a type laid end to end, since each one that torch stores by itself takes its time.

    With a hundred small tensors, as a network and its optimiser have, storing takes a third of the time.
    """
    rows: dict[torch.dtype, list[Tensor]] = {}

    def place(value: Any) -> Any:
        if isinstance(value, Tensor):
            rows.setdefault(value.dtype, []).append(value.detach().flatten().cpu())
            return {_TENSOR: (str(value.dtype), tuple(value.shape))}
        if isinstance(value, dict):
            return {key: place(inner) for key, inner in value.items()}
        return [place(inner) for inner in value] if isinstance(value, list) else value

    structure = place(state)
    return {"structure": structure, "tensors": {str(dtype): torch.cat(row) for dtype, row in rows.items()}}


def _unpack(packed: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """The state that ``_pack`` was given; dictionaries keep their order, so tensors come in the order they went."""
    left: dict[str, Tensor] = packed["tensors"]

    def fetch(value: Any) -> Any:
        if isinstance(value, dict) and _TENSOR in value:
            dtype, shape = value[_TENSOR]
            mine, left[dtype] = left[dtype].tensor_split([math.prod(shape)])
            return mine.view(shape).to(device, copy=True)
        if isinstance(value, dict):
            return {key: fetch(inner) for key, inner in value.items()}
        return [fetch(inner) for inner in value] if isinstance(value, list) else value

    state: dict[str, Any] = fetch(packed["structure"])
    return state
