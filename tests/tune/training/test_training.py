"""A fit that was interrupted ends with the very same bits; the best epoch's weights are kept, never the last's."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Literal

import pytest
import torch
from torch import Tensor

from data.sequences import SequenceDataset
from data.tensors.channels import prepare
from models import build
from tune.training.fit import EpochResult, Fit, TrainingSettings, begin_fit
from tune.training.metrics import Scores, score
from tune.training.train import NonFiniteLossError, continue_fit, predict

if TYPE_CHECKING:
    from tune.training.splits import Splits

CPU = torch.device("cpu")
Schedule = Literal["one_cycle", "cosine", "plateau"]
SCHEDULES: tuple[Schedule, ...] = ("one_cycle", "cosine", "plateau")
SETTINGS = TrainingSettings(
    epochs=4,
    patience=4,
    min_delta=0.0,
    clip_norm=1.0,
    metric="accuracy",
    learning_rate=0.02,
    batch_size=8,
    weight_decay=0.01,
    schedule="one_cycle",
    seed=5,
)


@pytest.fixture
def train(splits: Splits) -> SequenceDataset:
    return prepare(splits.folds[0].train, splits.normaliser(0, "none"), "global")


@pytest.fixture
def validation(splits: Splits) -> SequenceDataset:
    return prepare(splits.folds[0].validation, splits.normaliser(0, "none"), "global")


def fresh_fit(train: SequenceDataset, settings: TrainingSettings, **hyperparameters: Any) -> Fit:
    torch.manual_seed(1)
    network = {"hidden_size": 4, "dropout": 0.3, "front_layers": 1, "front_channels": 4, **hyperparameters}
    return begin_fit(build("gru", train.n_channels, train.n_classes, **network), len(train), settings)


def run_fit(
    fit: Fit, train: SequenceDataset, validation: SequenceDataset, settings: TrainingSettings, **options: Any
) -> Iterator[EpochResult]:
    """The epochs that are left, all on the same data."""
    return continue_fit(fit, lambda epoch: train, validation, settings, **options)


def finish(fit: Fit, train: SequenceDataset, validation: SequenceDataset, settings: TrainingSettings) -> Fit:
    for _ in run_fit(fit, train, validation, settings):
        pass
    return fit


def through_disk(state: dict[str, Any]) -> dict[str, Any]:
    stored = io.BytesIO()
    torch.save(state, stored)
    stored.seek(0)
    return torch.load(stored, weights_only=True)  # type: ignore[no-any-return]


def without_seconds(history: list[EpochResult]) -> list[dict[str, Any]]:
    return [{**asdict(result), "seconds": None} for result in history]


def same_bits(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


EVERYTHING_ON = replace(
    SETTINGS, label_smoothing=0.1, focal_gamma=1.0, confidence_penalty=0.1, mixup=0.4, weight_averaging=0.8
)
KINDS = [
    *(replace(SETTINGS, schedule=schedule) for schedule in SCHEDULES),
    EVERYTHING_ON,
    replace(EVERYTHING_ON, mixup_at="input"),
]


@pytest.mark.parametrize("n_epochs_before", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_fit_equals_an_uninterrupted_one(
    train: SequenceDataset, validation: SequenceDataset, kind: TrainingSettings, n_epochs_before: int
) -> None:
    whole = finish(fresh_fit(train, kind), train, validation, kind)

    begun = fresh_fit(train, kind)
    for _ in zip(range(n_epochs_before), run_fit(begun, train, validation, kind), strict=False):
        pass
    torch.rand(7)  # Another process has drawn other numbers.
    resumed = fresh_fit(train, kind)
    resumed.load_state_dict(through_disk(begun.state_dict()))
    finish(resumed, train, validation, kind)

    assert without_seconds(resumed.history) == without_seconds(whole.history)
    assert resumed.best_epoch == whole.best_epoch
    assert same_bits(resumed.model.state_dict(), whole.model.state_dict())
    assert same_bits(resumed.best_weights, whole.best_weights)


def test_an_epoch_that_was_given_up_leaves_no_trace(train: SequenceDataset, validation: SequenceDataset) -> None:
    whole = finish(fresh_fit(train, SETTINGS), train, validation, SETTINGS)
    begun = fresh_fit(train, SETTINGS)
    n_steps = 0

    def stop() -> None:
        nonlocal n_steps
        n_steps += 1
        if n_steps == 8:
            raise InterruptedError

    states = [through_disk(begun.state_dict())]
    run = run_fit(begun, train, validation, SETTINGS, before_step=stop)
    with suppress(InterruptedError):
        states.extend(through_disk(begun.state_dict()) for _ in run)
    assert n_steps == 8
    assert len(states) == 3
    resumed = fresh_fit(train, SETTINGS)
    resumed.load_state_dict(states[-1])
    finish(resumed, train, validation, SETTINGS)
    assert without_seconds(resumed.history) == without_seconds(whole.history)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "loss"])
def test_the_best_epochs_weights_are_restored_not_the_lasts(
    train: SequenceDataset, validation: SequenceDataset, metric: Literal["accuracy", "macro_f1", "loss"]
) -> None:
    """From its fifth epoch on the network is wiped before every step, so that its last epochs are not its best."""
    settings = replace(SETTINGS, metric=metric, epochs=6, patience=6, learning_rate=0.05, schedule="plateau")
    fit = fresh_fit(train, settings, hidden_size=8, dropout=0.0)

    def wipe() -> None:
        if len(fit.history) >= 4:
            with torch.no_grad():
                for parameter in fit.model.parameters():
                    parameter.zero_()

    for _ in run_fit(fit, train, validation, settings, before_step=wipe):
        pass
    values = [getattr(result.validation, metric) for result in fit.history]
    assert len(values) == 6
    assert getattr(fit.best.validation, metric) == (min(values) if metric == "loss" else max(values))
    assert fit.best_epoch <= 4
    assert score(predict(fit.model, validation, CPU), validation.labels) == fit.best.validation


def test_among_epochs_of_one_accuracy_the_surer_one_is_the_best(
    train: SequenceDataset, validation: SequenceDataset
) -> None:
    fit = finish(fresh_fit(train, replace(SETTINGS, epochs=8, patience=8)), train, validation, SETTINGS)
    highest = max(result.validation.accuracy for result in fit.history)
    losses = {r.epoch: r.validation.loss for r in fit.history if r.validation.accuracy == highest}
    assert fit.best_epoch == min(losses, key=lambda epoch: losses[epoch])


def test_patience_counts_epochs_without_improvement(train: SequenceDataset, validation: SequenceDataset) -> None:
    """No score gains 10 on the first epoch's, so the fit ends ``patience`` epochs after it."""
    settings = replace(SETTINGS, epochs=20, patience=3, min_delta=10.0)
    fit = finish(fresh_fit(train, settings), train, validation, settings)
    assert len(fit.history) == 1 + 3
    assert fit.stale_epochs == 3


def test_small_gains_add_up_to_an_improvement(train: SequenceDataset, validation: SequenceDataset) -> None:
    """The reference for ``min_delta`` is the last improvement, not the last epoch."""
    settings = replace(SETTINGS, metric="loss", epochs=12, patience=4, min_delta=0.02, learning_rate=3e-3)
    fit = finish(fresh_fit(train, settings), train, validation, settings)
    reference, stale = fit.history[0].validation.loss, 0
    for result in fit.history[1:]:
        improved = result.validation.loss < reference - 0.02
        reference, stale = (result.validation.loss, 0) if improved else (reference, stale + 1)
    assert fit.stale_epochs == stale


def test_a_fit_is_the_same_whatever_was_drawn_before(train: SequenceDataset, validation: SequenceDataset) -> None:
    one = finish(fresh_fit(train, SETTINGS), train, validation, SETTINGS)
    begun = fresh_fit(train, SETTINGS)
    torch.manual_seed(999)
    other = finish(begun, train, validation, SETTINGS)
    assert without_seconds(one.history) == without_seconds(other.history)
    another = finish(fresh_fit(train, SETTINGS), train, validation, replace(SETTINGS, seed=6))
    assert without_seconds(one.history) != without_seconds(another.history)


def test_the_toy_is_learned(train: SequenceDataset, validation: SequenceDataset) -> None:
    settings = replace(SETTINGS, epochs=12, patience=12, learning_rate=0.05)
    fit = finish(fresh_fit(train, settings, hidden_size=8, dropout=0.0), train, validation, settings)
    assert fit.best.validation.accuracy > 0.8
    assert fit.history[-1].train_loss < fit.history[0].train_loss


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_loss_that_is_not_finite_ends_the_fit(
    train: SequenceDataset, validation: SequenceDataset, value: float
) -> None:
    values = train.values.clone()
    values[0] = value
    fit = fresh_fit(train, SETTINGS)
    with pytest.raises(NonFiniteLossError, match="training loss became nan in epoch 1"):
        finish(fit, replace(train, values=values), validation, SETTINGS)
    assert fit.history == []


def test_a_validation_loss_that_is_not_finite_ends_the_fit(train: SequenceDataset, validation: SequenceDataset) -> None:
    values = torch.full_like(validation.values, torch.nan)
    with pytest.raises(NonFiniteLossError, match="validation loss became nan in epoch 1"):
        finish(fresh_fit(train, SETTINGS), train, replace(validation, values=values), SETTINGS)


def test_the_rate_follows_its_schedule(train: SequenceDataset, validation: SequenceDataset) -> None:
    rates = {}
    for schedule in SCHEDULES:
        settings = replace(SETTINGS, schedule=schedule, epochs=6, patience=6)
        fit = finish(fresh_fit(train, settings), train, validation, settings)
        rates[schedule] = [result.learning_rate for result in fit.history]
    peak = SETTINGS.learning_rate
    assert rates["one_cycle"][0] < max(rates["one_cycle"]) <= peak
    assert rates["one_cycle"][-1] < 0.1 * peak
    assert rates["cosine"] == sorted(rates["cosine"], reverse=True)
    assert rates["cosine"][-1] == pytest.approx(0.0, abs=1e-9)
    assert set(rates["plateau"]) <= {peak / 2**k for k in range(7)}


def test_weights_decay_but_biases_and_norms_do_not(train: SequenceDataset) -> None:
    fit = fresh_fit(train, SETTINGS)
    decaying, others = fit.optimizer.param_groups
    assert decaying["weight_decay"] == SETTINGS.weight_decay
    assert others["weight_decay"] == 0.0
    assert all(parameter.ndim >= 2 for parameter in decaying["params"])
    assert all(parameter.ndim < 2 for parameter in others["params"])
    n_parameters = sum(1 for _ in fit.model.parameters())
    assert len(decaying["params"]) + len(others["params"]) == n_parameters


def test_predictions_come_in_the_data_sets_order(train: SequenceDataset) -> None:
    fit = fresh_fit(train, SETTINGS)
    together = predict(fit.model, train, CPU)
    alone = torch.cat([predict(fit.model, train.subset(torch.tensor([row])), CPU) for row in range(len(train))])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_a_result_survives_the_disk() -> None:
    result = EpochResult(1, 0.5, 0.75, 1e-3, 2.0, Scores(0.5, 0.25, 1.5), 0.125)
    stored = through_disk({"result": asdict(result)})["result"]
    assert EpochResult(**{**stored, "validation": Scores(**stored["validation"])}) == result


def test_the_average_forgets_where_it_began() -> None:
    """After any number of steps it is the exponential mean of those steps, and the shares add up to one."""
    torch.manual_seed(0)
    model = build("gru", 2, 3, hidden_size=2, front_layers=1, front_channels=4)
    fit = begin_fit(model, 8, replace(SETTINGS, weight_averaging=0.9))
    assert fit.average is not None
    name, weight = next(iter(model.named_parameters()))
    steps: list[float] = []
    for n in range(1, 31):
        with torch.no_grad():
            weight.fill_(float(n))
        steps.append(float(n))
        fit.average.update_parameters(model)
        shares = [0.9 ** (n - k) for k in range(1, n + 1)]
        expected = sum(s * v for s, v in zip(shares, steps, strict=True)) / sum(shares)
        mean = dict(fit.average.module.named_parameters())[name]
        torch.testing.assert_close(mean, torch.full_like(mean, expected), rtol=1e-5, atol=1e-5)


def test_a_batch_in_pieces_has_the_gradient_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without dropout and batch norm, which look at what is in a piece, both trainings are the same."""
    lengths = torch.tensor([3] * 14 + [90, 4])
    giant = SequenceDataset(
        name="giant",
        kind="gesture",
        values=torch.randn(int(lengths.sum()), 2, generator=torch.Generator().manual_seed(0)),
        lengths=lengths,
        labels=torch.arange(16) % 3,
        class_names=("a", "b", "c"),
        channel_names=("one", "other"),
    )
    settings = replace(SETTINGS, batch_size=16, epochs=3, learning_rate=1e-3)
    plain = {"dropout": 0.0, "front_layers": 0}
    pieces = finish(fresh_fit(giant, settings, **plain), giant, giant, settings)
    monkeypatch.setattr("data.tensors.batches.MOST_PADDING", 1_000)
    whole = finish(fresh_fit(giant, settings, **plain), giant, giant, settings)
    for one, other in zip(pieces.history, whole.history, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-4)
        assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=1e-3)
        assert one.train_accuracy == other.train_accuracy
    for name, weight in pieces.model.state_dict().items():
        torch.testing.assert_close(weight, whole.model.state_dict()[name], rtol=1e-3, atol=1e-4)
