"""Where the training runs."""

from __future__ import annotations

import math
import os

import torch

from ..config.settings import Settings
from ..core.errors import StudyError

# A process is worth its start, which costs about as much as a short trial, when several trials share it.
LEAST_TRIALS_A_WORKER = 4


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


def share_gpu(settings: Settings, device: torch.device) -> None:
    """Keeps this process to its part of the memory of its GPU, so that it fails by itself and not its neighbours."""
    if settings.machine.workers_per_gpu > 1 and device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(1 / settings.machine.workers_per_gpu, device.index)


def n_workers(settings: Settings) -> int:
    """How many processes train at once; with ``machine.workers`` 0 as many as the GPUs have places or else cores.

    Then there is one for every ``LEAST_TRIALS_A_WORKER`` trials at most, and one alone where several would make it
    another study: where what is drawn or pruned depends on who finishes first.
    """
    if settings.machine.workers:
        return settings.machine.workers
    if settings.pruner != "halving" and (settings.search.sampler, settings.pruner) != ("random", "none"):
        return 1
    useful = math.ceil(settings.search.trials / LEAST_TRIALS_A_WORKER)
    if settings.machine.device in ("auto", "cuda") and torch.cuda.is_available():
        return max(1, min(torch.cuda.device_count() * settings.machine.workers_per_gpu, useful))
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(n_cores // settings.machine.threads, useful))
