"""How many processes a setting means."""

from __future__ import annotations

import os

import pytest
import torch

from tune.config.settings import resolve
from tune.training.devices import LEAST_TRIALS_A_WORKER, n_workers, share_gpu

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers(machine: dict[str, int | str], search: dict[str, object]) -> int:
    return n_workers(resolve({"machine": {"device": "cpu", **machine}, "search": search}))


@pytest.mark.parametrize("search", [{"trials": 1}, {"pruner": "median"}])
def test_a_number_is_taken_at_its_word(search: dict[str, object]) -> None:
    assert workers({"workers": 7, "threads": 2}, search) == 7


def test_by_itself_there_is_one_for_every_core() -> None:
    assert workers({}, {"trials": 1_000}) == CORES
    assert workers({"threads": 2}, {"trials": 1_000}) == max(1, CORES // 2)
    assert workers({"threads": 1_024}, {"trials": 1_000}) == 1


def test_several_share_a_gpu_and_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[tuple[float, int | None]] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda *given: parts.append(given))
    search: dict[str, object] = {"trials": 1_000}
    assert workers({"device": "cuda"}, search) == 2
    assert workers({"device": "cuda", "workers_per_gpu": 3}, search) == 6
    assert workers({"device": "cuda", "workers_per_gpu": 3, "workers": 5}, search) == 5
    assert workers({"workers_per_gpu": 3}, search) == CORES
    for per_gpu, device in ((1, "cuda"), (4, "cpu"), (4, "cuda"), (2, "cuda:1")):
        share_gpu(resolve({"machine": {"workers_per_gpu": per_gpu}}), torch.device(device))
    assert parts == [(0.25, None), (0.5, 1)]


def test_a_worker_has_trials_enough_to_be_worth_its_start() -> None:
    assert workers({}, {"trials": LEAST_TRIALS_A_WORKER}) == 1
    assert workers({}, {"trials": LEAST_TRIALS_A_WORKER + 1}) == min(CORES, 2)


@pytest.mark.parametrize(
    ("search", "alone"),
    [
        ({"pruner": "halving"}, False),
        ({"pruner": "none", "sampler": "random"}, False),
        ({"pruner": "median"}, True),
        ({"pruner": "none"}, True),
        ({"second_objective": "parameters"}, True),
        ({"second_objective": "parameters", "sampler": "random"}, False),
    ],
)
def test_several_only_where_the_study_stays_the_same(search: dict[str, object], alone: bool) -> None:
    assert workers({}, {"trials": 1_000, **search}) == (1 if alone else CORES)
