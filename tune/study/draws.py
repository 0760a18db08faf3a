"""What a trial of a bracket is drawn by: a model, the neighbourhood of what is good, or nothing at all.

A draw depends on the study's seed, the trial's number and what was known when its bracket began, and on neither the
number of workers nor their order.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from copy import copy
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
from .brackets import best_so_far, known_at_begin
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
        self._results: dict[int, FrozenTrial] = {}
        self._places: dict[int, tuple[FrozenTrial, tuple[float, ...]]] = {}

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
        known = known_at_begin(trials, trial.number, self._rungs)
        seed = derive_seed(self._seed, "draw", trial.number, *([attempt] if attempt else []))
        dice, chance = random.Random(seed), RandomSampler(seed)
        sampler, kind = self._make(seed), dice.random()
        given = [values for one in trials if (values := given_parameters(one))]
        if attempt == 0 and not known and 0 <= trial.number - len(given) < len(self._portfolio):
            return dict(self._portfolio[trial.number - len(given)])
        if isinstance(sampler, RandomSampler):
            return _asked(chance, study.direction, [], search_space)
        if known and kind < MODELLED:
            if len(known) > MOST_TO_LEARN_FROM:
                known = best_and_latest(known, nsmallest(N_GOOD, known, key=lambda one: self._place(one, study)))
            results = [self._result(trial, trials, study.direction) for trial in known]
            sampler.infer_relative_search_space = self._inferring.infer_relative_search_space  # type: ignore[method-assign]
            return _asked(sampler, study.direction, results, search_space)
        anywhere = _asked(chance, study.direction, [], search_space)
        if known and kind < MODELLED + NEAR_THE_BEST:
            ranked = nsmallest(N_BEST, known, key=lambda one: self._place(one, study))
            return _neighbour(dice.choice(ranked).params, anywhere, search_space, dice)
        if not known and given and kind < NEAR_THE_FIRST:
            return _neighbour(dice.choice([*given, *self._portfolio]), anywhere, search_space, dice)
        return anywhere

    def _result(self, trial: FrozenTrial, trials: Sequence[FrozenTrial], direction: StudyDirection) -> FrozenTrial:
        """What is known of a trial, made once of one that is finished, and as such known."""
        if not trial.state.is_finished() or trials[trial.number] is not trial:
            return _result_of(trial, direction, self._inferring)
        if trial.number not in self._results:
            self._results[trial.number] = _result_of(trial, direction, self._inferring)
        return self._results[trial.number]

    def _place(self, trial: FrozenTrial, study: Study) -> tuple[float, ...]:
        """See ``_place``; of one that is finished it is found once."""
        if (found := self._places.get(trial.number)) is None or found[0] is not trial:
            found = self._places[trial.number] = (trial, _place(trial, study))
        return found[1]

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
