"""Forty sequences and four hundred thousand get a training that suits them; what somebody gives is what they get."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune.config.budget import (
    EPOCHS,
    LEAST_EPOCHS,
    LEAST_STEPS,
    MOST_EPOCHS,
    MOST_STEPS,
    SMALLEST_BATCH,
    STEPS_PER_EPOCH,
    epochs_for,
    sized,
)
from tune.config.settings import Settings, resolve
from tune.config.spaces import SHARED, SPACES

sizes = st.integers(1, 10_000_000)


def budget(n_sequences: int, *layers: dict[str, Any]) -> Settings:
    settings, _ = sized(resolve(*layers), n_sequences)
    return settings


def batch_sizes(settings: Settings) -> list[Any]:
    written = settings.space["shared"]["batch_size"]
    return written if isinstance(written, list) else [written]


@given(n_sequences=sizes, batch_size=st.integers(2, 4_096))
def test_there_are_enough_steps_and_not_too_many(n_sequences: int, batch_size: int) -> None:
    epochs, steps_per_epoch = epochs_for(n_sequences, batch_size), -(-n_sequences // batch_size)
    assert LEAST_EPOCHS <= epochs <= MOST_EPOCHS
    assert epochs * steps_per_epoch >= LEAST_STEPS or epochs == MOST_EPOCHS
    assert (epochs - 1) * steps_per_epoch < MOST_STEPS or epochs == LEAST_EPOCHS
    if LEAST_STEPS <= EPOCHS * steps_per_epoch <= MOST_STEPS:
        assert epochs == EPOCHS


@given(fewer=sizes, more=sizes)
def test_more_sequences_never_get_more_epochs_or_smaller_batches(fewer: int, more: int) -> None:
    small, large = budget(min(fewer, more)), budget(max(fewer, more))
    assert small.training.epochs >= large.training.epochs
    assert small.training.patience >= large.training.patience
    assert max(batch_sizes(small)) <= max(batch_sizes(large))


@given(n_sequences=sizes)
def test_batches_leave_an_epoch_its_steps_and_batch_norm_its_sequences(n_sequences: int) -> None:
    for size in batch_sizes(budget(n_sequences)):
        assert size >= SMALLEST_BATCH
        assert size == SMALLEST_BATCH or -(-n_sequences // size) >= STEPS_PER_EPOCH - 1
        assert size <= max(SHARED["batch_size"].choices)  # type: ignore[attr-defined]


@given(n_sequences=sizes)
def test_the_sized_settings_are_settings_and_stay_as_they_are(n_sequences: int) -> None:
    settings = budget(n_sequences)
    assert resolve(settings.model_dump(mode="json")) == settings
    assert sized(settings, 77)[0].training == settings.training


@pytest.mark.parametrize("n_sequences", [40, 2_000, 400_000])
def test_what_is_given_is_kept(n_sequences: int) -> None:
    given_epochs = budget(n_sequences, {"training": {"epochs": 7}})
    assert (given_epochs.training.epochs, given_epochs.training.patience) == (7, 3)
    assert budget(n_sequences, {"training": {"patience": 9}}).training.patience == 9
    for written in (48, [16, 256], {"low": 16, "high": 64}):
        settings = budget(n_sequences, {"space": {"shared": {"batch_size": written}}})
        assert settings.space["shared"]["batch_size"] == written
    assert sized(resolve({"training": {"epochs": 7}}), n_sequences)[1] == []


@pytest.mark.parametrize(
    ("n_sequences", "epochs", "batches"),
    [(32, 75, [8]), (160, 38, [20]), (1_618, 12, [32, 64, 128]), (5_902, 12, [32, 64, 128]), (400_000, 3, None)],
)
def test_what_data_sets_of_some_sizes_get(n_sequences: int, epochs: int, batches: list[int] | None) -> None:
    settings, said = sized(resolve(), n_sequences)
    assert settings.training.epochs == epochs
    assert settings.training.patience == max(1, epochs // 2)
    assert batch_sizes(settings) == (batches or [32, 64, 128])
    assert f"up to {epochs} epochs" in said[0]


@pytest.mark.parametrize("architecture", SPACES)
def test_every_architecture_gets_a_budget(architecture: str) -> None:
    settings = budget(40, {"architecture": architecture})
    assert settings.training.epochs > 0
    assert settings.training.patience > 0
