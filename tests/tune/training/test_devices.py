"""How many processes a setting means."""

from __future__ import annotations

import os

import pytest

from tune.config.settings import resolve
from tune.training.devices import LEAST_TRIALS_A_WORKER, n_workers

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers(machine: dict[str, int], search: dict[str, object]) -> int:
    return n_workers(resolve({"machine": {"device": "cpu", **machine}, "search": search}))


@pytest.mark.parametrize("search", [{"trials": 1}, {"pruner": "median"}])
def test_a_number_is_taken_at_its_word(search: dict[str, object]) -> None:
    assert workers({"workers": 7, "threads": 2}, search) == 7


def test_by_itself_there_is_one_for_every_core() -> None:
    assert workers({}, {"trials": 1_000}) == CORES
    assert workers({"threads": 2}, {"trials": 1_000}) == max(1, CORES // 2)
    assert workers({"threads": 1_024}, {"trials": 1_000}) == 1


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
