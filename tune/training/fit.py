"""What is in training: its settings, its state between two epochs, and what each epoch came to."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel

from models import SequenceClassifier

from .adamw import AdamW
from .metrics import Scores

PLATEAU_FACTOR = 0.5


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Attributes:
        patience: Epochs without improvement after which the fit ends.
        min_delta: Gain in the metric that counts as improvement for ``patience``.
        clip_norm: Largest norm of the gradient (Pascanu et al. 2013, section 3.2).
        metric: Score that decides which epoch is the best, a key of ``metrics.METRIC_LABELS``.
        learning_rate: Of AdamW (Loshchilov & Hutter 2019); the peak of the schedule.
        weight_decay: Decoupled, of AdamW; on weight matrices, not on biases and norms.
        schedule: ``one_cycle`` (Smith 2018) and ``cosine`` (Loshchilov & Hutter 2017) change the rate every step and
            end near zero after ``epochs``; ``plateau`` halves it when the validation loss stops falling.
        seed: Decides the order of the batches, dropout and what is mixed.
        label_smoothing: As in ``losses.soft_targets``.
        focal_gamma: As in ``losses.classification_loss``.
        confidence_penalty: As in ``losses.classification_loss``.
        mixup: Both parameters of the beta distribution that two sequences and their labels are mixed by (Zhang et al.
            2018); 0 mixes nothing.
        mixup_at: Where: at the ``input``, or at the ``embedding`` that the head is given (Verma et al. 2019).
        weight_averaging: Decay a step of the running mean of the weights, which is what is judged and kept (Polyak &
            Juditsky 1992, exponential form, without a share for the start); 0 keeps the weights themselves.
        class_balance: What makes up for uneven classes: ``weights`` in the loss (King & Zeng 2001), inversely to how
            often a class occurs, or a ``sampler`` that draws each class equally often; ``none``.
        plateau_patience: Epochs without a lower validation loss that ``plateau`` lets pass; None for a third of
            ``patience``.
    """

    epochs: int
    patience: int
    min_delta: float
    clip_norm: float
    metric: Literal["accuracy", "balanced_accuracy", "macro_f1", "loss"]
    learning_rate: float
    batch_size: int
    weight_decay: float
    schedule: Literal["one_cycle", "cosine", "plateau"]
    seed: int
    label_smoothing: float = 0.0
    focal_gamma: float = 0.0
    confidence_penalty: float = 0.0
    mixup: float = 0.0
    mixup_at: Literal["input", "embedding"] = "embedding"
    weight_averaging: float = 0.0
    class_balance: Literal["none", "weights", "sampler"] = "none"
    plateau_patience: int | None = None


@dataclass(frozen=True)
class EpochResult:
    """What one epoch came to.

    Attributes:
        train_loss: Mean of what was minimised over the epoch's steps, with dropout and everything else on; of what is
            solved, of training sequences left out.
        train_accuracy: Accuracy over the epoch's steps, as trained; of mixed sequences, of the larger; of
            what is solved, of training sequences left out.
        learning_rate: At the end of the epoch; zero where there are no steps.
        gradient_norm: Mean norm before clipping; zero where there are no steps.
        seconds: Wall time of the epoch.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    learning_rate: float
    gradient_norm: float
    validation: Scores
    seconds: float


@dataclass(eq=False)
class Fit:
    """A network in training: everything that has to survive an interruption.

    Attributes:
        model: The network, with the weights of the last finished epoch.
        average: The running mean of the network's weights; None where they are not averaged.
        best_epoch: Number of the best one so far, 0 before the first.
        best_weights: Weights after it.
        stale_epochs: Epochs since the last improvement by at least ``min_delta``.
        is_one_of_several: Whether ``train.remember`` is called with all fits of a trial, which share their best epoch.
    """

    model: SequenceClassifier
    optimizer: Optimizer
    schedule: LRScheduler
    average: AveragedModel | None = None
    history: list[EpochResult] = field(default_factory=list)
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    stale_epochs: int = 0
    patience_score: float = -math.inf
    is_one_of_several: bool = False

    @property
    def best(self) -> EpochResult:
        """The best epoch's result."""
        return self.history[self.best_epoch - 1]

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.model.parameters()).device

    @property
    def judged(self) -> nn.Module:
        """The network that is judged: with averaged weights where they are averaged."""
        return self.model if self.average is None else self.average.module

    def state_dict(self) -> dict[str, Any]:
        """The whole state, as tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "history": [asdict(result) for result in self.history],
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
            "stale_epochs": self.stale_epochs,
            "patience_score": self.patience_score,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes up a state that ``state_dict`` gave for a fit of the same settings."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.history = [
            EpochResult(**{**result, "validation": Scores(**result["validation"])}) for result in state["history"]
        ]
        self.best_epoch = state["best_epoch"]
        self.best_weights = state["best_weights"]
        self.stale_epochs = state["stale_epochs"]
        self.patience_score = state["patience_score"]


def begin_fit(model: SequenceClassifier, n_sequences: int, settings: TrainingSettings) -> Fit:
    """A fit before its first epoch, for a training set of ``n_sequences``."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    others = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
    optimizer = AdamW(
        groups,
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    n_steps = settings.epochs * -(-n_sequences // settings.batch_size)
    schedule: LRScheduler
    if settings.schedule == "one_cycle":
        schedule = OneCycleLR(optimizer, settings.learning_rate, total_steps=n_steps + 1)
    elif settings.schedule == "cosine":
        schedule = CosineAnnealingLR(optimizer, T_max=n_steps)
    else:
        # Two bad epochs are noise more often than a plateau; a third of the patience keeps room for several halvings.
        wanted = settings.plateau_patience
        patience = max(1, settings.patience // 3) if wanted is None else wanted
        schedule = ReduceLROnPlateau(optimizer, factor=PLATEAU_FACTOR, patience=patience)
    average = None
    if settings.weight_averaging:
        # What batch norm has measured belongs to the weights it was measured with: averaged like them.
        mean = partial(_update_means, settings.weight_averaging)
        average = AveragedModel(model, multi_avg_fn=mean, use_buffers=True)
    return Fit(model, optimizer, schedule, average)


@torch.no_grad()
def _update_means(decay: float, means: list[Tensor], current: list[Tensor], n_averaged: Tensor) -> None:
    """Exponential means of what has been seen, each step's share in them divided by the sum of all shares.

    The correction is Adam's (Kingma & Ba 2015, section 3): at 0.97, the first of twelve steps had 71% of the mean.
    """
    share = (1 - decay) / (1 - math.pow(decay, int(n_averaged) + 1))
    if means[0].is_floating_point():
        torch._foreach_lerp_(means, current, share)
    else:  # Batch norm counts its batches, and reads the count nowhere.
        for mean, value in zip(means, current, strict=True):
            mean.copy_(value)
