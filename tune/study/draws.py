"""What a trial of a bracket is drawn by: a model, the neighbourhood of what is good, or nothing at all.

A draw depends on the study's seed, the trial's number and what was known when its bracket began, and on neither the
number of workers nor their order.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import partial
from heapq import nsmallest
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ..config.initial import nearest
from ..config.spaces import Scalar, Space
from ..core.seeds import derive_seed
from .brackets import N_IN_BRACKET, best_so_far, known_at_begin, members_of
from .samplers import MOST_TO_LEARN_FROM, N_GOOD, best_and_latest
from .store import given_parameters, study_in_memory

# Shares of the draws. PriorBand (Mallik et al. 2023, arXiv 2306.12370) leaves half of those of the first rung to chance
# and draws the rest around what people believe in and the best so far; BOHB (Falkner et al. 2018, arXiv 1807.01774)
# leaves a third to chance beside its model. Before there are results nothing can be modelled.
MODELLED, NEAR_THE_BEST = 0.5, 0.3
NEAR_THE_FIRST = 0.5
N_BEST = 3
# What is over a cap costs nothing but a trial of those asked for.
MOST_DRAWS = 100
# Of PriorBand too: each hyperparameter moves with this probability, by this much of its range (standard deviation).
SHARE_MOVED, DEVIATION = 0.5, 0.25


class BracketSampler(BaseSampler):
    """Draws the trials of a bracket by what is known of the brackets before.

    Args:
        make: Gives the sampler that models, for a seed.
        seed: The study's seed.
        space: What is searched.
        rungs: As ``rungs_of`` gives them.
        portfolio: Configurations that the first bracket has after those that were lined up.

    Attributes:
        allows: Whether a configuration may be trained; others are drawn again. None where all may.
    """

    allows: Callable[[dict[str, Scalar]], bool] | None = None

    def __init__(
        self,
        make: Callable[[int], BaseSampler],
        seed: int,
        space: Space,
        rungs: Sequence[int],
        portfolio: Sequence[dict[str, Scalar]] = (),
    ) -> None:
        self._make, self._seed, self._space, self._rungs = make, seed, space, rungs
        self._portfolio = portfolio
        # It draws nothing, and remembers which parameters the results before had in common.
        self._inferring = make(seed)
        # Of the brackets that are finished, which are looked at once, and for which trial that was last.
        self._settled: list[FrozenTrial] = []
        self._best: list[FrozenTrial] = []
        self._n_settled = self._drawn_last = 0

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All of it: what the others were drawn from is the same."""
        return self._space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """A whole configuration, for a trial that has none."""
        if trial.params.keys() >= search_space.keys():
            return {}
        draws = (self._draw(study, trial, search_space, attempt) for attempt in range(MOST_DRAWS))
        first = next(draws)
        if self.allows is None or self.allows(first):
            return first
        return next(filter(self.allows, draws), first)

    def _draw(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution], attempt: int
    ) -> dict[str, Any]:
        trials = study.get_trials(deepcopy=False)
        known, best = self._known(study, trials, trial.number)
        seed = derive_seed(self._seed, "draw", trial.number, *([attempt] if attempt else []))
        dice, chance = random.Random(seed), RandomSampler(seed)
        sampler, kind = self._make(seed), dice.random()
        given = [] if known else [values for one in trials if (values := given_parameters(one))]
        if attempt == 0 and not known and 0 <= trial.number - len(given) < len(self._portfolio):
            return dict(self._portfolio[trial.number - len(given)])
        if isinstance(sampler, RandomSampler):
            return _asked(chance, study.direction, [], search_space)
        if known and kind < MODELLED:
            if len(known) > MOST_TO_LEARN_FROM:
                known = best_and_latest(known, best)
            results = [_result_of(one, study.direction, self._inferring) for one in known]
            sampler.infer_relative_search_space = self._inferring.infer_relative_search_space  # type: ignore[method-assign]
            return _asked(sampler, study.direction, results, search_space)
        anywhere = _asked(chance, study.direction, [], search_space)
        if known and kind < MODELLED + NEAR_THE_BEST:
            return _neighbour(dice.choice(best[:N_BEST]).params, anywhere, search_space, dice)
        if not known and given and kind < NEAR_THE_FIRST:
            return _neighbour(dice.choice([*given, *self._portfolio]), anywhere, search_space, dice)
        return anywhere

    def _known(
        self, study: Study, trials: Sequence[FrozenTrial], number: int
    ) -> tuple[list[FrozenTrial], list[FrozenTrial]]:
        """What ``known_at_begin`` gives, and the best of it first."""
        if number < self._drawn_last:  # A trial that was interrupted before it was drawn.
            self._settled, self._best, self._n_settled = [], [], 0
        self._drawn_last, n_before, place = number, len(self._settled), partial(_place, study=study)
        members = members_of(trials[self._n_settled : number], self._rungs)
        for first in range(0, len(members) - 2 * N_IN_BRACKET + 1, N_IN_BRACKET):
            bracket = members[first : first + N_IN_BRACKET]
            if not all(one.state.is_finished() for one in bracket):
                break
            self._n_settled = bracket[-1].number + 1
            self._settled += (one for one in bracket if one.state != TrialState.FAIL)
        self._best = nsmallest(N_GOOD, [*self._best, *self._settled[n_before:]], key=place)
        rest = known_at_begin(trials[self._n_settled :], number - self._n_settled, self._rungs)
        return [*self._settled, *rest], nsmallest(N_GOOD, [*self._best, *rest], key=place)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draws a parameter that is not searched; there is none."""
        return RandomSampler(derive_seed(self._seed, "draw", trial.number, param_name)).sample_independent(
            study, trial, param_name, param_distribution
        )


def _asked(
    sampler: BaseSampler, direction: StudyDirection, results: Sequence[FrozenTrial], space: Space
) -> dict[str, Scalar]:
    """What a sampler draws in a study with these results."""
    study = study_in_memory(direction, results)
    study.sampler = sampler
    return study.ask(dict(space)).params


def _result_of(trial: FrozenTrial, direction: StudyDirection, sampler: BaseSampler) -> FrozenTrial:
    """What a sampler is told of a trial.

    TPE ranks trials that were ended early by how far they came and then by their score. To the others, which pass them
    over, they are trials that came to no more.
    """
    value = trial.value if trial.state == TrialState.COMPLETE else None
    if value is None and trial.intermediate_values and not isinstance(sampler, TPESampler):
        best = max if direction == StudyDirection.MAXIMIZE else min
        value = best(trial.intermediate_values.values())
    result = copy(trial)
    result.state, result.value = TrialState.PRUNED if value is None else TrialState.COMPLETE, value
    return result


def _place(trial: FrozenTrial, study: Study) -> tuple[float, ...]:
    """To sort by, the best first: complete ones, then who came furthest, and of these who scored best."""
    n_epochs = math.inf if trial.state == TrialState.COMPLETE else max(trial.intermediate_values, default=0)
    sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
    return (-n_epochs, *best_so_far(trial, math.inf, sign), trial.number)


def _neighbour(
    near: Mapping[str, Scalar], anywhere: Mapping[str, Scalar], space: Space, dice: random.Random
) -> dict[str, Scalar]:
    """A configuration of which some values have moved, numbers not far; what ``near`` lacks is as ``anywhere``."""
    moved = {}
    for name, distribution in space.items():
        moved[name] = anywhere[name]
        if name not in near:
            continue
        if dice.random() >= SHARE_MOVED:
            moved[name] = near[name]
        elif isinstance(distribution, IntDistribution | FloatDistribution):
            found = nearest(distribution, _moved(distribution, float(near[name]), dice.gauss(0, DEVIATION)))
            moved[name] = near[name] if found is None else found
    return moved


def _moved(distribution: IntDistribution | FloatDistribution, value: float, share: float) -> float:
    """A value moved by a share of its range, on a logarithmic scale where it is drawn on one."""
    low, high = distribution.low, distribution.high
    moved = value * (high / low) ** share if distribution.log else value + share * (high - low)
    return round(moved) if isinstance(distribution, IntDistribution) else moved
