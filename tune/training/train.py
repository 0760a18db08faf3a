"""Training of one network: good by default, one epoch at a time, resumable to the bit.

Everything random in an epoch is seeded from (seed, epoch), so the whole state of a fit between two epochs is its
network, optimiser, schedule and history: nothing of any generator needs to be stored.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from statistics import fmean

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from data.sequences import SequenceDataset
from data.tensors.batches import Batch, ordered_batches, training_batches
from models import SequenceClassifier

from ..core.seeds import derive_seed
from .fit import EpochResult, Fit, TrainingSettings
from .losses import balanced_weights, classification_loss, mixing_weight, soft_targets
from .metrics import score
from .prefetch import made_ahead

EVALUATION_BATCH_SIZE = 512


class NonFiniteLossError(ArithmeticError):
    """The training loss is no longer a finite number; going on cannot mend that."""


def continue_fit(
    fit: Fit,
    train: Callable[[int], SequenceDataset],
    validation: SequenceDataset,
    settings: TrainingSettings,
    *,
    before_step: Callable[[], None] = lambda: None,
    prefetch: bool = True,
) -> Iterator[EpochResult]:
    """Trains from where ``fit`` stands to its last epoch or the end of its patience.

    Between two results ``fit`` is whole and can be stored. At the end the network carries the best epoch's weights.

    Args:
        fit: Is changed.
        train: The prepared training set as it is in an epoch, which it is called with; must depend on nothing else.
        validation: The prepared validation set.
        settings: Of ``begin_fit``.
        before_step: Called before every step; may raise to give up the epoch under way.
        prefetch: Whether to make the next epoch's batches in the meantime, for memory that holds one more epoch.

    Yields:
        One result an epoch.

    Raises:
        NonFiniteLossError: As soon as the loss is not finite.
    """

    def batches_of(epoch: int) -> tuple[Tensor, Generator[Batch, None, None]]:
        dataset, balanced = train(epoch), settings.class_balance == "sampler"
        made = training_batches(dataset, settings.batch_size, seed=settings.seed, epoch=epoch, balanced=balanced)
        if dataset.starts is None:
            listed = list(made)
            return dataset.labels, (batch for batch in listed)
        # Of more than memory a batch is made in the meantime, not an epoch.
        return dataset.labels, made_ahead(lambda _: next(made), range(-(-len(dataset) // settings.batch_size)))

    epochs = range(len(fit.history) + 1, settings.epochs + 1)
    with closing(made_ahead(batches_of, epochs) if prefetch else (batches_of(epoch) for epoch in epochs)) as made:
        # Asked in this order: what nobody waits for shall not be made.
        while fit.stale_epochs < settings.patience and (batches := next(made, None)) is not None:
            with closing(batches[1]):
                result = _run_epoch(fit, *batches, validation, settings, before_step)
            yield result
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
    labels: Tensor,
    batches: Iterable[Batch],
    validation: SequenceDataset,
    settings: TrainingSettings,
    before_step: Callable[[], None],
) -> EpochResult:
    started, device = time.perf_counter(), fit.device
    epoch = len(fit.history) + 1
    torch.manual_seed(derive_seed(settings.seed, "epoch", epoch))
    fit.model.train()
    loss_sum, n_right, norms = 0.0, 0, []
    # Walking through the modules for their parameters in every step would take longer than the optimiser does.
    parameters = list(fit.model.parameters())
    weights = None
    if settings.class_balance == "weights":
        weights = balanced_weights(labels, fit.model.n_classes).to(device)
    for batch in batches:
        before_step()
        loss, n_right_in_batch, norm = _train_step(fit, parameters, batch, settings, weights)
        if not math.isfinite(loss):
            raise NonFiniteLossError(f"the training loss became {loss} in epoch {epoch}")
        loss_sum += loss * len(batch.labels)
        n_right += n_right_in_batch
        norms.append(norm.item())
    scores = score(predict(fit.judged, validation, device), validation.labels)
    if not math.isfinite(scores.loss):
        raise NonFiniteLossError(f"the validation loss became {scores.loss} in epoch {epoch}")
    if isinstance(fit.schedule, ReduceLROnPlateau):
        fit.schedule.step(scores.loss)
    result = EpochResult(
        epoch=epoch,
        train_loss=loss_sum / len(labels),
        train_accuracy=n_right / len(labels),
        learning_rate=fit.optimizer.param_groups[0]["lr"],
        gradient_norm=float(torch.tensor(norms).mean()),
        validation=scores,
        seconds=time.perf_counter() - started,
    )
    fit.history.append(result)
    if not fit.is_one_of_several:
        remember([fit], settings)
    return result


def _train_step(
    fit: Fit, parameters: list[nn.Parameter], batch: Batch, settings: TrainingSettings, class_weights: Tensor | None
) -> tuple[float, int, Tensor]:
    """One step on one batch: its loss, how many of it were right, and the gradient's norm.

    A loss that is not finite moves nothing. The gradients of a batch's pieces add up to that of the whole.
    """
    for parameter in parameters:
        parameter.grad = None
    loss_value, n_right = 0.0, 0
    for piece in (piece.to(fit.device) for piece in batch.pieces()):
        logits, targets = _forward(fit.model, piece, settings)
        loss = classification_loss(
            logits,
            targets,
            focal_gamma=settings.focal_gamma,
            confidence_penalty=settings.confidence_penalty,
            class_weights=class_weights,
        )
        loss = loss * (len(piece.labels) / len(batch.labels))
        loss_value += loss.item()
        n_right += int((logits.argmax(dim=1) == piece.labels).sum())
        if not math.isfinite(loss_value):
            return loss_value, n_right, loss.detach()
        loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(parameters, settings.clip_norm, foreach=True)
    fit.optimizer.step()
    if fit.average is not None:
        fit.average.update_parameters(fit.model)
    if not isinstance(fit.schedule, ReduceLROnPlateau):
        fit.schedule.step()
    return loss_value, n_right, norm


def _forward(model: SequenceClassifier, batch: Batch, settings: TrainingSettings) -> tuple[Tensor, Tensor]:
    """Logits and what they are trained towards, both mixed with those of other sequences of the batch if asked for."""
    values, lengths, labels = batch
    targets = soft_targets(labels, model.n_classes, settings.label_smoothing)
    if not settings.mixup:
        return model(values, lengths), targets
    share = mixing_weight(settings.mixup)
    partner = torch.randperm(len(labels)).to(labels.device)
    targets = torch.lerp(targets[partner], targets, share)
    if settings.mixup_at == "input":
        return model(torch.lerp(values[partner], values, share), lengths), targets
    embedding = model.embed(values, lengths)
    return model.head(torch.lerp(embedding[partner], embedding, share)), targets


def remember(fits: Sequence[Fit], settings: TrainingSettings) -> None:
    """Keeps the weights of the last epoch if it is the best by the mean over the fits, and counts their patience.

    One epoch for all: were each fold of a small set judged after its own best epoch, the mean of their scores would be
    that of the luckiest epochs (Varma & Simon 2006: what is chosen by a score must not be judged by it).
    """
    result = fits[0].history[-1]
    # On a small validation set many epochs have the same accuracy: the loss tells the surer one.
    is_best = fits[0].best_epoch == 0 or (
        _rank([fit.history[-1] for fit in fits], settings.metric) > _rank([fit.best for fit in fits], settings.metric)
    )
    gained, _ = _rank([fit.history[-1] for fit in fits], settings.metric)
    for fit in fits:
        if is_best:
            fit.best_epoch = result.epoch
            fit.best_weights = {name: weight.detach().clone() for name, weight in fit.judged.state_dict().items()}
        if gained > fit.patience_score + settings.min_delta or len(fit.history) == 1:
            fit.patience_score, fit.stale_epochs = gained, 0
        else:
            fit.stale_epochs += 1


def _rank(results: Sequence[EpochResult], metric: str) -> tuple[float, float]:
    """Higher is better: the mean of the metric, then that of the loss."""
    loss = fmean(result.validation.loss for result in results)
    scores = [float(getattr(result.validation, metric)) for result in results]
    return (-loss if metric == "loss" else fmean(scores), -loss)
