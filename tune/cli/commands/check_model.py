"""``check-model``: whether a network of one's own can be tuned, and what it lacks, in words."""

from __future__ import annotations

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from models import architecture
from models.contract import broken_promises

from ...config.own_network import network_layer
from ...config.settings import resolve
from ...config.spaces import Scalar, own_space
from ...core.terminal import say

BROKEN = 1


def check_model_command(written: str) -> int:
    """Says what a class promises and does not keep; returns the exit code."""
    name = resolve(network_layer(written)).architecture
    space = own_space(name)
    found = broken_promises(architecture(name), configurations(space))
    say(f"{name}: {len(space)} hyperparameters, tried at the ends of their ranges")
    for promise, broken in found.items():
        say(f"  no   {promise}: {broken}" if broken else f"  yes  {promise}")
    if any(found.values()):
        say("A score that it is tuned by would not be what it is worth: mend it first.")
        return BROKEN
    say(f"It can be tuned: ./run_tuning.sh --model {written}")
    return 0


def configurations(space: dict[str, BaseDistribution]) -> list[dict[str, Scalar]]:
    """The constructor's defaults, both ends of all ranges at once, and every choice by itself."""
    ends = [{key: _ends(one)[which] for key, one in space.items()} for which in (0, -1)]
    return [{}, *ends, *({key: choice} for key, one in space.items() for choice in _choices(one))]


def _ends(distribution: BaseDistribution) -> list[Scalar]:
    if isinstance(distribution, IntDistribution | FloatDistribution):
        return [distribution.low, distribution.high]
    return _choices(distribution)


def _choices(distribution: BaseDistribution) -> list[Scalar]:
    if not isinstance(distribution, CategoricalDistribution):
        return []
    return [choice for choice in distribution.choices if choice is not None]
