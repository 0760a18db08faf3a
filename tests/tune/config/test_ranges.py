"""Ranges as people write them become distributions, and back again; every mistake names its place and its rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from tune.config.ranges import from_plain, to_plain
from tune.config.spaces import LIMITS, ODD, SHARED, SPACES
from tune.core.problems import Problem

HIDDEN = SPACES["gru"]["hidden_size"]
EVERYTHING: dict[str, BaseDistribution] = {**SHARED}
for _space in SPACES.values():
    EVERYTHING |= _space


def rules(name: str, written: Any) -> dict[str, str]:
    with pytest.raises(ExceptionGroup) as caught:
        from_plain(name, name, EVERYTHING[name], written)
    found: dict[str, str] = {}
    for problem in caught.value.exceptions:
        assert isinstance(problem, Problem)
        found[problem.path] = problem.rule
    return found


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_every_built_in_range_is_its_own_round_trip(name: str) -> None:
    assert from_plain(name, name, EVERYTHING[name], to_plain(EVERYTHING[name])) == EVERYTHING[name]


@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        ("hidden_size", {"high": 32}, IntDistribution(16, 32, log=True)),
        ("hidden_size", {"low": 8, "high": 64, "log": False, "step": 8}, IntDistribution(8, 64, step=8)),
        ("hidden_size", [32, 64], CategoricalDistribution([32, 64])),
        ("hidden_size", 64, 64),
        ("hidden_size", {"low": 64, "high": 64}, 64),
        ("hidden_size", [64], 64),
        ("learning_rate", 1, 1.0),
        ("learning_rate", {"low": 0.001}, FloatDistribution(0.001, 3e-2, log=True)),
        ("dropout", [0, 0.5], CategoricalDistribution([0.0, 0.5])),
        ("batch_size", {"low": 16, "high": 64}, IntDistribution(16, 64)),
        ("front_kernel_size", {"low": 3, "high": 5}, IntDistribution(3, 5, step=2)),
        ("bidirectional", True, True),
        ("pooling", ["max", "mean"], CategoricalDistribution(["max", "mean"])),
        ("schedule", "plateau", "plateau"),
    ],
)
def test_each_notation_is_read(name: str, written: Any, read: Any) -> None:
    assert from_plain(name, name, EVERYTHING[name], written) == read


@pytest.mark.parametrize(
    ("name", "written", "path", "rule"),
    [
        ("hidden_size", {"lo": 3}, "hidden_size.lo", "no such key of a range"),
        ("hidden_size", {"low": 64, "high": 32}, "hidden_size", "low (64) must not be above high (32)"),
        ("hidden_size", {"low": 300}, "hidden_size", "low (300) must not be above high (128)"),
        ("hidden_size", {"low": 0}, "hidden_size.low", "must be 1 to 4096"),
        ("hidden_size", {"low": 16.5}, "hidden_size.low", "must be a whole number"),
        ("hidden_size", {"low": True}, "hidden_size.low", "must be a whole number"),
        ("hidden_size", {"low": None}, "hidden_size.low", "must be a whole number"),
        ("hidden_size", {"log": "yes"}, "hidden_size.log", "must be true or false"),
        ("hidden_size", {"step": 2}, "hidden_size", "a logarithmic range has no step"),
        ("hidden_size", {"step": 0, "log": False}, "hidden_size.step", "must be a whole number above 0"),
        ("hidden_size", 10**30, "hidden_size", "must be 1 to 4096"),
        ("hidden_size", "64", "hidden_size", "must be a whole number"),
        ("hidden_size", [], "hidden_size", "a choice needs at least one value"),
        ("hidden_size", [64, 64], "hidden_size", "a choice names each value once"),
        ("hidden_size", [64, [64]], "hidden_size[1]", "must be a whole number"),
        ("hidden_size", None, "hidden_size", "must be a whole number"),
        ("learning_rate", float("nan"), "learning_rate", "must be a number"),
        ("learning_rate", {"low": 0.0}, "learning_rate.low", "must be 1e-07 to 10"),
        ("weight_decay", {"low": 0.0}, "weight_decay.low", "a logarithmic range begins above 0"),
        ("dropout", {"step": -0.1}, "dropout.step", "must be a number above 0"),
        ("batch_size", {"low": 16}, "batch_size", "a range needs 'high'"),
        ("front_kernel_size", 4, "front_kernel_size", "must be odd"),
        ("front_kernel_size", {"step": 1}, "front_kernel_size.step", "must be even"),
        ("pooling", {"low": 1, "high": 2}, "pooling", "pooling is a choice, not a range"),
        ("pooling", "middle", "pooling", "must be one of 'last', 'mean', 'max', 'mean_max', 'attention'"),
        ("bidirectional", 1, "bidirectional", "must be one of false, true"),
    ],
)
def test_each_mistake_is_told_with_its_place(name: str, written: Any, path: str, rule: str) -> None:
    found = rules(name, written)
    assert found.keys() == {path}
    assert found[path].startswith(rule)


numbers = st.integers() | st.floats() | st.booleans() | st.none() | st.text(max_size=3)
anything = (
    numbers
    | st.lists(numbers | st.lists(numbers), max_size=4)
    | st.dictionaries(st.sampled_from(["low", "high", "log", "step", "x"]), numbers | st.lists(numbers), max_size=4)
)


@given(name=st.sampled_from(sorted(EVERYTHING)), written=anything)
def test_whatever_is_written_is_used_or_refused_in_words(name: str, written: Any) -> None:
    read: Any = None
    try:
        read = from_plain(name, name, EVERYTHING[name], written)
    except* Problem:
        pass
    if not isinstance(read, BaseDistribution):
        return
    assert not read.single()
    assert from_plain(name, name, EVERYTHING[name], to_plain(read)) == read
    if name in LIMITS and isinstance(read, IntDistribution | FloatDistribution):
        low, high = LIMITS[name]
        assert low <= read.low <= read.high <= high
    if name in ODD and isinstance(read, IntDistribution):
        assert read.low % 2 == 1
        assert read.step % 2 == 0
