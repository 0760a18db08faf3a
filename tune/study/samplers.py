"""Which configuration comes next, and which trial is not worth finishing.

The measurements behind the defaults are in ``benchmarks/README.md``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, PercentilePruner
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from ..core.seeds import derive_seed
from .brackets import BracketPruner
from .ended import ended_and_unfinished
from .store import with_trials

N_STARTUP_TRIALS = 8
# TPE takes its time for every trial that it has seen, and takes at most 25 for good ones (``default_gamma``); of the
# others it gives the latest the most weight.
MOST_TO_LEARN_FROM, N_GOOD = 1000, 25
# A trial is judged against at least this many others, so that one good neighbour does not end it.
N_TRIALS_TO_COMPARE = 4

SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: TPESampler(n_startup_trials=N_STARTUP_TRIALS, seed=seed),
    "gp": lambda seed: GPSampler(n_startup_trials=N_STARTUP_TRIALS, seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
}


class PerTrialSampler(BaseSampler):
    """An Optuna sampler whose every draw depends on the study's seed, the trial's number and the finished trials only.

    A sampler seeded once repeats its first draws after every restart and in every further worker. This one makes a
    study that was interrupted any number of times equal to one that was not, even if it was killed between two
    parameters of one trial.

    Args:
        make: Gives the sampler for a seed.
        seed: The study's seed.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self._make = make
        self._seed = seed
        # It draws nothing, and remembers which parameters the trials before had in common.
        self._inferring = make(seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The parameters that are drawn jointly."""
        trials = study.get_trials(deepcopy=False)
        # All that were drawn alike have one dictionary of ranges: one of each says it all.
        each = {id(one.distributions): one for one in trials if one.state != TrialState.FAIL}
        some = with_trials(study, sorted(each.values(), key=lambda one: one.number))
        return self._inferring.infer_relative_search_space(some, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draws the joint parameters, or takes up the draw that was made before an interruption.

        A sampler that minds the running trials would otherwise keep away from the trial's own earlier draw.
        """
        drawn = _joint_draw(trial)
        return drawn or self._of(trial, "joint").sample_relative(learned_from(study, trial), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draws one parameter by itself."""
        sampler = self._of(trial, f"parameter {param_name}")
        if not isinstance(sampler, RandomSampler):
            study = learned_from(study, trial)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def _of(self, trial: FrozenTrial, purpose: str) -> BaseSampler:
        return self._make(derive_seed(self._seed, "sampler", trial.number, purpose))


def learned_from(study: Study, trial: FrozenTrial) -> Study:
    """The study with no more trials than the draw of this one is to learn from; with two objectives with all of them.

    By the trial's number, since to count those that have ended is to ask the database once more for every draw.
    """
    if trial.number < MOST_TO_LEARN_FROM or len(study.directions) > 1:
        return study
    ended, _ = ended_and_unfinished(study)
    if ended.counts[TrialState.COMPLETE] + ended.counts[TrialState.PRUNED] <= MOST_TO_LEARN_FROM:
        return study
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING))
    return with_trials(study, best_and_latest(trials, ended.ranked))


def best_and_latest(trials: Sequence[FrozenTrial], ranked: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Of these trials as many as a draw is to learn from, by number; ``ranked`` has the best of them first."""
    chosen = {trial.number: trial for trial in (*ranked[:N_GOOD], *trials[N_GOOD - MOST_TO_LEARN_FROM :])}
    return [chosen[number] for number in sorted(chosen)]


def _joint_draw(trial: FrozenTrial) -> dict[str, Any]:
    """What Optuna's TPE and GP samplers wrote down for other workers, in pieces, as soon as they had drawn it."""
    pieces = {name: piece for name, piece in trial.system_attrs.items() if ":relative_params:" in name}
    written = "".join(pieces[name] for name in sorted(pieces, key=lambda name: int(name.rpartition(":")[2])))
    return json.loads(written) if written else {}


def make_sampler(name: str, seed: int) -> BaseSampler:
    """The sampler of a study without brackets."""
    return PerTrialSampler(SAMPLERS[name], seed)


def warmup_epochs(n_epochs: int) -> int:
    """Before this epoch no trial is pruned."""
    return max(1, n_epochs // 4)


def make_pruner(name: str, n_epochs: int, n_judged: int | None = None) -> BasePruner:
    """The pruner of a study whose trials have ``n_epochs``; for ``n_judged`` see ``BracketPruner``.

    All trials of a study have the same length, so a schedule over that length is at the same phase in all of them;
    but in its first quarter, where the rate still climbs, scores say little about the end.
    """
    n_warmup_epochs = warmup_epochs(n_epochs)
    if name == "halving":
        return BracketPruner(n_epochs, n_judged)
    if name == "median":
        return MedianPruner(N_TRIALS_TO_COMPARE, n_warmup_epochs, n_min_trials=N_TRIALS_TO_COMPARE)
    if name == "quartile":
        return PercentilePruner(25.0, N_TRIALS_TO_COMPARE, n_warmup_epochs, n_min_trials=N_TRIALS_TO_COMPARE)
    if name == "hyperband":
        # "auto" would be guessed again by every process.
        return HyperbandPruner(min_resource=n_warmup_epochs, max_resource=n_epochs, reduction_factor=3)
    return NopPruner()


def n_finished(study: Study) -> int:
    """Trials that count towards the budget: complete or pruned."""
    ended, _ = ended_and_unfinished(study)
    return ended.counts[TrialState.COMPLETE] + ended.counts[TrialState.PRUNED]
