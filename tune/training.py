"""Training of one network: good by default, one epoch at a time, resumable to the bit.

Everything random in an epoch is seeded from (seed, epoch), so the whole state of a fit between two epochs is its
network, optimiser, schedule and history: nothing of any generator needs to be stored.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from data.batches import ordered_batches, training_batches
from data.sequences import SequenceDataset

from .metrics import Scores, score
from .seeds import derive_seed

EVALUATION_BATCH_SIZE = 512
PLATEAU_FACTOR = 0.5


class NonFiniteLossError(ArithmeticError):
    """The training loss is no longer a finite number; going on cannot mend that."""


class _Schedule(Protocol):
    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Attributes:
        epochs: Passes over the training part.
        patience: Epochs without improvement after which the fit ends.
        min_delta: Gain in the metric that counts as improvement for ``patience``.
        clip_norm: Largest norm of the gradient (Pascanu et al. 2013, section 3.2).
        metric: Score that decides which epoch is the best: ``accuracy``, ``macro_f1`` or ``loss``.
        learning_rate: Of AdamW (Loshchilov & Hutter 2019); the peak of the schedule.
        batch_size: Sequences a step.
        weight_decay: Decoupled, of AdamW; on weight matrices, not on biases and norms.
        schedule: ``one_cycle`` (Smith 2018) and ``cosine`` (Loshchilov & Hutter 2017) change the rate every step and
            end near zero after ``epochs``; ``plateau`` halves it when the validation loss stops falling.
        seed: Decides the order of the batches and dropout.
    """

    epochs: int
    patience: int
    min_delta: float
    clip_norm: float
    metric: Literal["accuracy", "macro_f1", "loss"]
    learning_rate: float
    batch_size: int
    weight_decay: float
    schedule: Literal["one_cycle", "cosine", "plateau"]
    seed: int


@dataclass(frozen=True)
class EpochResult:
    """What one epoch came to.

    Attributes:
        epoch: Number of the epoch, from 1.
        train_loss: Mean cross-entropy over the epoch's steps, with dropout on.
        train_accuracy: Share of right answers over the epoch's steps, with dropout on.
        learning_rate: At the end of the epoch.
        gradient_norm: Mean norm before clipping.
        validation: Scores on the validation part after the epoch.
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
        optimizer: Its AdamW.
        schedule: Of the learning rate.
        history: One result for each finished epoch.
        best_epoch: Number of the best one so far, 0 before the first.
        best_weights: Weights after it.
        stale_epochs: Epochs since the last improvement by at least ``min_delta``.
    """

    model: nn.Module
    optimizer: Optimizer
    schedule: LRScheduler
    history: list[EpochResult] = field(default_factory=list)
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    stale_epochs: int = 0
    patience_score: float = -math.inf

    @property
    def best(self) -> EpochResult:
        """The best epoch's result."""
        return self.history[self.best_epoch - 1]

    def state_dict(self) -> dict[str, Any]:
        """The whole state, as tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
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
        self.history = [
            EpochResult(**{**result, "validation": Scores(**result["validation"])}) for result in state["history"]
        ]
        self.best_epoch = state["best_epoch"]
        self.best_weights = state["best_weights"]
        self.stale_epochs = state["stale_epochs"]
        self.patience_score = state["patience_score"]


def begin_fit(model: nn.Module, n_sequences: int, settings: TrainingSettings) -> Fit:
    """A fit before its first epoch, for a training part of ``n_sequences``."""
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
        patience = max(1, settings.patience // 3)
        schedule = ReduceLROnPlateau(optimizer, factor=PLATEAU_FACTOR, patience=patience)
    return Fit(model, optimizer, schedule)


def continue_fit(
    fit: Fit,
    train: SequenceDataset,
    validation: SequenceDataset,
    settings: TrainingSettings,
    *,
    device: torch.device,
    before_step: Callable[[], None] = lambda: None,
) -> Iterator[EpochResult]:
    """Trains from where ``fit`` stands to its last epoch or the end of its patience.

    Between two results ``fit`` is whole and can be stored. At the end the network carries the best epoch's weights.

    Args:
        fit: Is changed.
        train: The prepared training part.
        validation: The prepared validation part.
        settings: Of ``begin_fit``.
        device: Of the network.
        before_step: Called before every step; may raise to give up the epoch under way.

    Yields:
        One result an epoch.

    Raises:
        NonFiniteLossError: As soon as the loss is not finite.
    """
    while len(fit.history) < settings.epochs and fit.stale_epochs < settings.patience:
        yield _run_epoch(fit, train, validation, settings, device, before_step)
    fit.model.load_state_dict(fit.best_weights)


@torch.no_grad()
def predict(model: nn.Module, dataset: SequenceDataset, device: torch.device) -> Tensor:
    """Logits of every sequence, in the data set's order, on the CPU: [sequences, classes]."""
    model.eval()
    logits = torch.empty(len(dataset), dataset.n_classes)
    for rows, batch in ordered_batches(dataset, EVALUATION_BATCH_SIZE):
        values, lengths, _ = batch.to(device)
        logits[rows] = model(values, lengths).float().cpu()
    return logits


def _run_epoch(
    fit: Fit,
    train: SequenceDataset,
    validation: SequenceDataset,
    settings: TrainingSettings,
    device: torch.device,
    before_step: Callable[[], None],
) -> EpochResult:
    started = time.perf_counter()
    epoch = len(fit.history) + 1
    torch.manual_seed(derive_seed(settings.seed, "epoch", epoch))
    fit.model.train()
    loss_sum, n_right, norms = 0.0, 0, []
    for batch in training_batches(train, settings.batch_size, seed=settings.seed, epoch=epoch):
        before_step()
        values, lengths, labels = batch.to(device)
        logits = fit.model(values, lengths)
        loss = cross_entropy(logits, labels)
        loss_value = loss.item()
        if not math.isfinite(loss_value):
            raise NonFiniteLossError(f"the training loss became {loss_value} in epoch {epoch}")
        fit.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norms.append(nn.utils.clip_grad_norm_(fit.model.parameters(), settings.clip_norm, foreach=True))
        fit.optimizer.step()
        if not isinstance(fit.schedule, ReduceLROnPlateau):
            fit.schedule.step()
        loss_sum += loss_value * len(labels)
        n_right += int((logits.argmax(dim=1) == labels).sum())
    scores = score(predict(fit.model, validation, device), validation.labels)
    if not math.isfinite(scores.loss):
        raise NonFiniteLossError(f"the validation loss became {scores.loss} in epoch {epoch}")
    if isinstance(fit.schedule, ReduceLROnPlateau):
        fit.schedule.step(scores.loss)
    result = EpochResult(
        epoch=epoch,
        train_loss=loss_sum / len(train),
        train_accuracy=n_right / len(train),
        learning_rate=fit.optimizer.param_groups[0]["lr"],
        gradient_norm=float(torch.stack(norms).mean()),
        validation=scores,
        seconds=time.perf_counter() - started,
    )
    _remember(fit, result, settings)
    return result


def _remember(fit: Fit, result: EpochResult, settings: TrainingSettings) -> None:
    """Notes the epoch, keeps its weights if it is the best, and counts towards the end of the patience."""
    fit.history.append(result)
    # On a small validation part many epochs have the same accuracy: the loss tells the surer one.
    if fit.best_epoch == 0 or _rank(result, settings.metric) > _rank(fit.best, settings.metric):
        fit.best_epoch = result.epoch
        fit.best_weights = {name: weight.detach().clone() for name, weight in fit.model.state_dict().items()}
    gained = _rank(result, settings.metric)[0]
    if gained > fit.patience_score + settings.min_delta or len(fit.history) == 1:
        fit.patience_score, fit.stale_epochs = gained, 0
    else:
        fit.stale_epochs += 1


def _rank(result: EpochResult, metric: str) -> tuple[float, float]:
    """Higher is better: the metric, then the loss."""
    loss = result.validation.loss
    return (-loss if metric == "loss" else float(getattr(result.validation, metric)), -loss)
