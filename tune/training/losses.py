"""What training minimises: cross-entropy and the ways to keep it from growing too sure of itself."""

from __future__ import annotations

import random

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import log_softmax, one_hot


def soft_targets(
    labels: Int[Tensor, " batch"], n_classes: int, label_smoothing: float
) -> Float[Tensor, "batch classes"]:
    """The distribution that each sequence is trained towards.

    Args:
        labels: Class of each sequence.
        n_classes: Number of classes.
        label_smoothing: Share that is spread evenly over all classes, the right one too (Szegedy et al. 2016,
            section 7); 0 leaves all of it on the right one.
    """
    return one_hot(labels, n_classes) * (1 - label_smoothing) + label_smoothing / n_classes


def classification_loss(
    logits: Float[Tensor, "batch classes"],
    targets: Float[Tensor, "batch classes"],
    *,
    focal_gamma: float = 0.0,
    confidence_penalty: float = 0.0,
    class_weights: Float[Tensor, " classes"] | None = None,
) -> Float[Tensor, ""]:
    """Mean loss of a batch: cross-entropy, focal if asked for, less a reward for staying unsure.

    Args:
        logits: Of the network.
        targets: A distribution for each sequence.
        focal_gamma: Each class's term is multiplied by (1 - p) ** gamma, so that what is right already counts less
            (Lin et al. 2017, equation 4, here for distributions as targets); 0 is cross-entropy.
        confidence_penalty: Weight of the entropy of the prediction, which is subtracted (Pereyra et al. 2017,
            section 3); 0 leaves it out.
        class_weights: What each class's term is multiplied by; None for 1.
    """
    log_probabilities = log_softmax(logits, dim=1)
    terms = targets * log_probabilities
    if class_weights is not None:
        terms = terms * class_weights
    if focal_gamma:
        # The slope of x ** gamma at 0 is infinite below gamma = 1; a probability of exactly 1 does occur in float32.
        terms = terms * (1 - log_probabilities.exp()).clamp_min(1e-6) ** focal_gamma
    loss = -terms.sum(dim=1).mean()
    if confidence_penalty:
        entropy = -(log_probabilities.exp() * log_probabilities).sum(dim=1).mean()
        loss = loss - confidence_penalty * entropy
    return loss


def balanced_weights(labels: Int[Tensor, " sequences"], n_classes: int) -> Float[Tensor, " classes"]:
    """Weights inversely to how often classes occur, with a mean over the sequences of 1; 0 for those that do not."""
    counts = torch.bincount(labels, minlength=n_classes)
    n_there = (counts > 0).sum()
    return torch.where(counts > 0, len(labels) / (n_there * counts.clamp_min(1)), 0.0)


def mixing_weight(alpha: float) -> float:
    """A draw from Beta(alpha, alpha) folded to at least one half (Zhang et al. 2018), seeded by torch's generator.

    Folded, the first sequence of a pair outweighs the second, so that its length is the mixture's.
    """
    # torch's own distribution takes ten times as long for a single number.
    share = random.Random(int(torch.randint(2**62, ()))).betavariate(alpha, alpha)
    return max(share, 1 - share)
