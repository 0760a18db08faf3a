"""The state of an interrupted trial on disk: whole, recognisably undamaged, and unable to run code when read."""

from __future__ import annotations

import hashlib
import io
import logging
import math
import os
import pickle
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
import torch.utils.serialization.config  # torch.save does, which is called in a thread.
from torch import Tensor

from ..core.failures import is_io_failure
from ..core.files import write_bytes
from ..core.remote import RemoteFile, tell_once

MAGIC = b"seqtune checkpoint 2\n"
LARGEST_SHARE = 0.03
_DIGEST_BYTES = 32
_TENSOR = "__tensor__"
_LOG = logging.getLogger(__name__)


class CheckpointWriter:
    """Stores the state of a trial between its epochs, after each of them or as often as agreed.

    Writing goes on beside the training of the next epoch. The context waits for it when it ends; if it ends with an
    exception, the last state that was kept is written first, so that whoever goes on loses the epoch under way, and no
    more.

    Args:
        path: Is written.
        every_seconds: Time between two writes; None for every epoch, as long as writing takes no more than
            ``LARGEST_SHARE`` of the time.
    """

    def __init__(self, path: Path | RemoteFile, every_seconds: float | None) -> None:
        self._path, self._every_seconds = path, every_seconds
        self._state: dict[str, Any] | None = None
        self._due = -math.inf if every_seconds is None else time.monotonic() + every_seconds
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: Future[float] | None = None

    def __enter__(self) -> CheckpointWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._wait()
            else:
                self.flush()
        finally:
            self._pool.shutdown()

    def keep(self, state: dict[str, Any]) -> None:
        """Takes a copy of the state, and begins to write it if it is time to.

        Raises:
            OSError: As ``flush``, of what was written before.
        """
        self._state = _pack(state)
        if self._writing is not None and self._writing.done():
            self._wait()
        if self._writing is None and time.monotonic() >= self._due:
            self._begin(self._state)

    def flush(self) -> None:
        """Writes the last state that was kept, if that has not been done, and waits until it is.

        Raises:
            OSError: If the disk is full or may not be written; whatever else fails costs the checkpoint only.
        """
        self._wait()
        if self._state is not None:
            self._begin(self._state)
            self._wait()

    def _begin(self, state: dict[str, Any]) -> None:
        self._writing = self._pool.submit(_timed_write, self._path, state)
        self._state = None

    def _wait(self) -> None:
        if self._writing is None:
            return
        writing, self._writing = self._writing, None
        seconds = 0.0
        try:
            seconds = writing.result()
        except OSError as error:
            if is_io_failure(error):
                raise
            tell_once(os.path.dirname(str(self._path)), "written", str(error.strerror))
        pause = seconds / LARGEST_SHARE if self._every_seconds is None else self._every_seconds
        self._due = time.monotonic() + pause


def load_checkpoint(
    path: Path | RemoteFile, device: torch.device | str = "cpu", owner: str | None = None
) -> dict[str, Any] | None:
    """The stored state; None if there is none, or it cannot be used, so that the trial has to start over.

    ``owner`` is what the state must say under "owner"; None is for a look at whatever it is.
    """
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        tell_once(os.path.dirname(str(path)), "read", str(error.strerror))
        return None
    head, content = stored[: len(MAGIC) + _DIGEST_BYTES], stored[len(MAGIC) + _DIGEST_BYTES :]
    state = None
    if head == MAGIC + hashlib.sha256(content).digest():
        with suppress(pickle.UnpicklingError, RuntimeError, EOFError):
            state = _unpack(torch.load(io.BytesIO(content), weights_only=True), torch.device(device))
    # Those of earlier versions do not say whose they are.
    if owner is None or (state is not None and state.get("owner", owner) == owner):
        return state
    _LOG.warning("warning: %s is damaged, or of another configuration: its trial starts over", path)
    return None


def drop_checkpoint(path: Path | RemoteFile) -> None:
    """Removes the state of what is done; one that stays does no harm."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _timed_write(path: Path | RemoteFile, packed: dict[str, Any]) -> float:
    """Writes; returns the seconds that it took."""
    began = time.monotonic()
    _write(path, packed)
    return time.monotonic() - began


def _write(path: Path | RemoteFile, packed: dict[str, Any]) -> None:
    """A flipped bit in a tensor loads without complaint, so a SHA-256 of the content goes in front."""
    buffer = io.BytesIO()
    torch.save(packed, buffer)
    content = buffer.getvalue()
    write_bytes(path, MAGIC + hashlib.sha256(content).digest() + content)


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
