"""Losses against worked examples, and each switched off is plain cross-entropy."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from tune.training.losses import balanced_weights, classification_loss, mixing_weight, soft_targets

# Probabilities 1/2, 1/4, 1/4 and 1/4, 1/2, 1/4; the right classes are 0 and 2.
LOGITS = torch.tensor([[2.0, 1.0, 1.0], [1.0, 2.0, 1.0]]) * math.log(2)
LABELS = torch.tensor([0, 2])
HARD = soft_targets(LABELS, 3, 0.0)


def test_cross_entropy_by_hand() -> None:
    """-(ln 1/2 + ln 1/4) / 2 = 1.5 ln 2."""
    assert float(classification_loss(LOGITS, HARD)) == pytest.approx(1.5 * math.log(2))


def test_focal_loss_by_hand() -> None:
    """Gamma 2: (1/2)^2 ln 2 and (3/4)^2 2 ln 2, their mean (Lin et al. 2017, equation 4)."""
    expected = (0.25 + 2 * 0.5625) / 2 * math.log(2)
    assert float(classification_loss(LOGITS, HARD, focal_gamma=2.0)) == pytest.approx(expected)


def test_confidence_penalty_by_hand() -> None:
    """Both predictions have an entropy of 1/2 ln 2 + 2 (1/4) 2 ln 2 = 1.5 ln 2 (Pereyra et al. 2017, section 3)."""
    expected = 1.5 * math.log(2) - 0.1 * 1.5 * math.log(2)
    assert float(classification_loss(LOGITS, HARD, confidence_penalty=0.1)) == pytest.approx(expected)


def test_smoothed_labels_by_hand() -> None:
    """0.3 over three classes: 0.8 for the right one and 0.1 for the others (Szegedy et al. 2016, section 7)."""
    targets = soft_targets(LABELS, 3, 0.3)
    torch.testing.assert_close(targets, torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]))


@given(seed=st.integers(0, 10_000), smoothing=st.floats(0, 0.9))
def test_the_loss_is_torchs_own_where_torch_has_it(seed: int, smoothing: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits, labels = torch.randn(7, 5, generator=generator), torch.randint(5, (7,), generator=generator)
    ours = classification_loss(logits, soft_targets(labels, 5, smoothing))
    torch.testing.assert_close(ours, cross_entropy(logits, labels, label_smoothing=smoothing))


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 3.0])
def test_gradients_are_finite_even_when_the_network_is_certain(gamma: float) -> None:
    logits = torch.tensor([[200.0, 0.0, -200.0], [0.0, 0.0, 0.0]], requires_grad=True)
    classification_loss(logits, HARD, focal_gamma=gamma, confidence_penalty=0.1).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_what_is_right_already_counts_less_the_larger_gamma_is() -> None:
    sure = torch.tensor([[4.0, 0.0, 0.0]])
    losses = [float(classification_loss(sure, HARD[:1], focal_gamma=gamma)) for gamma in (0.0, 1.0, 2.0)]
    assert losses == sorted(losses, reverse=True)


def test_mixing_weights_are_of_the_beta_distribution_folded() -> None:
    torch.manual_seed(0)
    weights = torch.tensor([mixing_weight(1.0) for _ in range(2000)])
    assert float(weights.min()) >= 0.5
    # Beta(1, 1) is uniform; folded it is uniform on 1/2 to 1.
    assert float(weights.mean()) == pytest.approx(0.75, abs=0.01)


def test_balanced_weights_by_hand() -> None:
    """Three of one class and one of another: 4 / (2 * 3) and 4 / (2 * 1), a mean of 1 over the four."""
    labels = torch.tensor([0, 0, 0, 2])
    weights = balanced_weights(labels, 3)
    assert weights.tolist() == pytest.approx([2 / 3, 0, 2])
    assert float(weights[labels].mean()) == pytest.approx(1)
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    loss = classification_loss(logits, soft_targets(labels, 3, 0.0), class_weights=weights)
    assert float(loss) == pytest.approx(float(cross_entropy(logits, labels, weight=weights, reduction="sum") / 4))
