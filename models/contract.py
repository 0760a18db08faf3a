"""What every architecture promises, tried on one of somebody's own; tests hold the registered ones to more."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pad
from torch.nn.modules.dropout import _DropoutNd

from .base import SequenceClassifier
from .masks import step_mask

N_CHANNELS, N_CLASSES = 3, 5
LENGTHS = (11, 4, 1, 7, 10)
TOLERANCE = 1e-4

Make = Callable[[], SequenceClassifier]


def broken_promises(
    architecture: type[SequenceClassifier], configurations: Sequence[Mapping[str, object]]
) -> dict[str, str]:
    """Tries a class in several configurations; returns, for each promise, how it is broken, or nothing.

    Args:
        architecture: Takes ``(n_channels, n_classes)`` and hyperparameters by keyword.
        configurations: Hyperparameters to try; empty ones are the constructor's defaults.
    """
    found = dict.fromkeys(PROMISES, "")
    for hyperparameters in configurations:

        def make(given: Mapping[str, object] = hyperparameters) -> SequenceClassifier:
            torch.manual_seed(0)
            return architecture(N_CHANNELS, N_CLASSES, **given)

        for promise, check in PROMISES.items():
            if found[promise]:
                continue
            try:
                broken = check(make)
            except Exception as error:  # Whatever a stranger's code raises.
                broken = f"fails with {type(error).__name__}: {' '.join(str(error).split())[:300]}"
            if broken:
                given = ", ".join(f"{name} = {value}" for name, value in hyperparameters.items())
                found[promise] = f"{broken} ({given or 'with its defaults'})"
    return found


def _batch(lengths: Sequence[int] = LENGTHS, filling: float = 0.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(len(lengths), max(lengths), N_CHANNELS, generator=generator)
    steps = torch.tensor(lengths)
    return values.masked_fill(~step_mask(steps, max(lengths)), filling), steps


def _differ(one: Tensor, other: Tensor) -> float:
    difference = (one - other).abs().max().item()
    return difference if difference > TOLERANCE or math.isnan(difference) else 0.0


def _shapes(make: Make) -> str:
    values, lengths = _batch()
    logits = make()(values, lengths)
    if logits.shape != (len(lengths), N_CLASSES):
        return f"gives {list(logits.shape)} for {len(lengths)} sequences and {N_CLASSES} classes"
    return "" if logits.isfinite().all() else "gives logits that are no numbers"


@torch.no_grad()
def _short(make: Make) -> str:
    for lengths in ([1], [1, 1, 1], [2, 1]):
        for is_training in (True, False):
            values, steps = _batch(lengths)
            if not make().train(is_training)(values, steps).isfinite().all():
                return f"gives logits that are no numbers for sequences of {lengths} steps"
    return ""


@torch.no_grad()
def _alone(make: Make) -> str:
    network = make().eval()
    values, lengths = _batch(filling=1e6)
    together = network(pad(values, (0, 0, 0, 4), value=-1e6), lengths)
    alone = [network(values[k : k + 1, : int(n)], lengths[k : k + 1]) for k, n in enumerate(lengths)]
    if difference := _differ(together, torch.cat(alone)):
        return (
            f"a sequence's logits differ by {difference:.2g} alone and among longer ones: mask what stands after its "
            "last step (models.step_mask) before whatever looks beyond one step, and pool over real steps only"
        )
    return ""


@torch.no_grad()
def _in_training(make: Make) -> str:
    def logits(filling: float, further: int, seed: int = 2) -> Tensor:
        values, lengths = _batch(filling=filling)
        network = make().train()
        for module in network.modules():
            if isinstance(module, _DropoutNd):
                module.eval()
        torch.manual_seed(seed)
        result: Tensor = network(pad(values, (0, 0, 0, further), value=filling), lengths)
        return result

    alone = logits(0.0, 0)
    # What draws for each step (dropout within attention, say) draws other numbers for more steps.
    is_random = not torch.equal(alone, logits(0.0, 0, seed=3))
    for filled, filling, further in (("large numbers", 1e6, 7), ("NaN", math.nan, 1)):
        if difference := _differ(logits(filling, 0 if is_random else further), alone):
            return (
                f"while it trains, {filled} in the padding change logits by {difference:.2g}: a norm over a batch must "
                "see real steps only (models.front.MaskedBatchNorm), and NaN times zero is NaN (masked_fill)"
            )
    return ""


def _gradients(make: Make) -> str:
    network = make().train()
    values, lengths = _batch()
    cross_entropy(network(values, lengths), torch.arange(len(lengths))).backward()  # type: ignore[no-untyped-call]
    named = dict(network.named_parameters())
    if without := [key for key, weight in named.items() if weight.grad is None]:
        return f"no gradient reaches {', '.join(without[:5])}: use it or leave it out"
    wrong = [key for key, weight in named.items() if weight.grad is not None and not weight.grad.isfinite().all()]
    return f"the gradient of {', '.join(wrong[:5])} is not finite" if wrong else ""


def _gradients_of_padding(make: Make) -> str:
    values, lengths = _batch(filling=1e6)
    values.requires_grad_()
    make()(values, lengths).square().sum().backward()
    real = step_mask(lengths, values.shape[1])
    if values.grad is None or not values.grad[real.expand_as(values)].count_nonzero():
        return "no gradient reaches its input: logits do not depend on it, or it is detached"
    return "a gradient reaches the padding" if values.grad.masked_fill(real, 0.0).count_nonzero() else ""


@torch.no_grad()
def _repeats(make: Make) -> str:
    values, lengths = _batch()
    network = make().eval()
    logits = network(values, lengths)
    if not torch.equal(logits, network(values, lengths)):
        return "what is random is not switched off outside training"
    return "" if torch.equal(logits, make().eval()(values, lengths)) else "the same seed gives other weights"


def _state(make: Make) -> str:
    network, other = make(), make()
    values, lengths = _batch()
    network(values, lengths)  # Moves what a norm remembers.
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight))
        other.load_state_dict(network.state_dict())
        if not torch.equal(network.eval()(values, lengths), other.eval()(values, lengths)):
            return "state_dict does not hold all that logits depend on: register it as a parameter or a buffer"
    return ""


PROMISES: dict[str, Callable[[Make], str]] = {
    "logits for every class": _shapes,
    "sequences of one step": _short,
    "padding and the rest of the batch change nothing": _alone,
    "padding changes nothing in training either": _in_training,
    "a gradient for every weight": _gradients,
    "no gradient from the padding": _gradients_of_padding,
    "the same seed, the same network": _repeats,
    "its state is all of it": _state,
}
