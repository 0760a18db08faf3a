"""Successive halving in brackets: who goes on is decided by a bracket's own results, never by who came first.

Nine trials by their numbers are a bracket. All of them train for a ninth of the epochs, the best third of them for a
third, and the best third of those to the end (Jamieson & Talwalkar 2016, arXiv 1502.07943, with eta = 3). A decision
waits until every trial of the bracket has got there, unlike in ASHA (Li et al. 2020, arXiv 1810.05934), so that any
number of workers, in any order and interrupted at will, come to the same. They seldom wait for each other all the same:
the next bracket begins when all of this one have reached the first rung, and is drawn by what was known there. That is
also where the search may end, if nothing is to be gained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from optuna import Study
from optuna.pruners import BasePruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from .ended import ended_and_unfinished
from .gain import has_nothing_to_gain, why_nothing

N_IN_BRACKET = 9
ETA = 3
# The end of a search may be near where its best score lacks less than so many standard errors.
N_ERRORS_NEAR = 2
# Attribute of a trial: its lowest validation loss up to each rung, which tells apart what scores the same.
RUNG_LOSSES = "rung_losses"


def rungs_of(n_epochs: int) -> tuple[int, ...]:
    """Epochs after which a bracket decides, and the last one."""
    return tuple(sorted({math.ceil(n_epochs / ETA**2), math.ceil(n_epochs / ETA), n_epochs}))


@dataclass(frozen=True)
class Settled:
    """The first brackets of a study, in which nothing is left to be done, and two more have begun since.

    Attributes:
        n_trials: Of the study; the next one is the first that counts for another bracket.
        n_members: Of these, trials that count for brackets.
        n_failed: Of these, failed ones.
        best: Score of all of them.
    """

    n_trials: int = 0
    n_members: int = 0
    n_failed: int = 0
    best: float = -math.inf


class BracketPruner(BasePruner):
    """Marks a study whose trials come in brackets; ends no trial while it trains.

    Attributes:
        rungs: As ``rungs_of`` gives them.
        n_judged: Sequences whose share of correct predictions decides whether the search ends early; None if it never
            does.
        settled: What needs no second look.
    """

    def __init__(self, n_epochs: int, n_judged: int | None = None) -> None:
        self.rungs, self.n_judged = rungs_of(n_epochs), n_judged
        self.settled = Settled()

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Never: ``Leg`` says where a trial ends."""
        return False


@dataclass(frozen=True)
class Leg:
    """What is to be done with an unfinished trial.

    Attributes:
        until: The epoch to which it trains; None for its last one.
        is_pruned: Whether it ends there, since others go on.
        decision: Who goes on from there, in words.
    """

    until: int | None = None
    is_pruned: bool = False
    decision: str = ""


TO_THE_END = Leg()


@dataclass(frozen=True)
class Plan:
    """What is to be done in a study, whoever does it.

    Attributes:
        legs: Of the unfinished trials by number, the most urgent first; who is not in here waits for others.
        may_begin: Whether another trial may begin.
        more_to_come: Whether there will be more to do when somebody has ended a leg.
        why_ended: Why no more trials than these are begun, in words; empty if all that were asked for are.
    """

    legs: dict[int, Leg]
    may_begin: bool = True
    more_to_come: bool = False
    why_ended: str = ""


def plan_of(study: Study, n_trials: int) -> Plan:
    """What is to be done in a study that shall have so many finished trials; without brackets all that there is."""
    if isinstance(pruner := study.pruner, BracketPruner):
        trials, maximize = study.get_trials(deepcopy=False), study.direction == StudyDirection.MAXIMIZE
        known = pruner.settled if pruner.settled.n_members + 2 * N_IN_BRACKET <= n_trials else Settled()
        pruner.settled = settled = settle(trials, n_trials, pruner.rungs, known, maximize=maximize)
        rest = trials[settled.n_trials :]
        return plan(rest, n_trials, pruner.rungs, maximize=maximize, n_judged=pruner.n_judged, settled=settled)
    _, unfinished = ended_and_unfinished(study)
    return Plan({trial.number: TO_THE_END for trial in unfinished if trial.state == TrialState.RUNNING})


def settle(
    trials: Sequence[FrozenTrial], n_trials: int, rungs: Sequence[int], known: Settled, *, maximize: bool
) -> Settled:
    """The brackets that need no second look, from those that are known; for the arguments see ``plan``."""
    members = members_of(trials[known.n_trials :], rungs)
    n_needed = 3 * N_IN_BRACKET
    while len(members) >= n_needed and known.n_members + n_needed <= n_trials:
        bracket = _Bracket(members[:N_IN_BRACKET], N_IN_BRACKET, rungs, maximize)
        if not bracket.is_finished or any(trial.state == TrialState.WAITING for trial in members[:n_needed]):
            break
        known = Settled(
            bracket.trials[-1].number + 1,
            known.n_members + N_IN_BRACKET,
            known.n_failed + sum(trial.state == TrialState.FAIL for trial in bracket.trials),
            max(known.best, bracket.best),
        )
        members = members[N_IN_BRACKET:]
    return known


def plan(
    trials: Sequence[FrozenTrial],
    n_trials: int,
    rungs: Sequence[int],
    *,
    maximize: bool,
    n_judged: int | None = None,
    settled: Settled = Settled(),
) -> Plan:
    """What is to be done; depends on nothing but its arguments.

    Args:
        trials: Of the study, by number; those after the settled ones.
        n_trials: Finished ones that it shall have; the last bracket has what is left of them.
        rungs: As ``rungs_of`` gives them.
        maximize: Whether a higher score is better.
        n_judged: See ``BracketPruner``.
        settled: See ``settle``.
    """
    members, n_trials = members_of(trials, rungs), n_trials - settled.n_members
    # One that fails after its first rung has had its place in a bracket; after all of them another one makes up for it.
    n_members = n_trials + settled.n_failed + sum(trial.state == TrialState.FAIL for trial in members)
    begun = [trial for trial in members[:n_members] if trial.state != TrialState.WAITING]
    brackets = [
        _Bracket(begun[first : min(first + size, end)], min(size, end - first), rungs, maximize)
        for start, end, size in ((0, n_trials, N_IN_BRACKET), (n_trials, n_members, 1))
        for first in range(start, min(end, len(begun)), size)
        if size > 1 or first == len(begun) - 1 or not begun[first].state.is_finished()
    ]
    is_due = not brackets or (brackets[-1].is_past_first_rung and all(one.is_finished for one in brackets[:-1]))
    why_ended = ""
    if brackets and n_judged is not None and brackets[-1].size > 1:
        last, begun_with = brackets[-1], [one.best_at_first_rung for one in brackets]
        finished = [one.best for one in brackets[:-1]]
        # Only where the end may be near do others wait for the one bracket before that is perhaps not finished.
        is_near = has_nothing_to_gain(max([settled.best, *finished[:-1], *begun_with]), n_judged, N_ERRORS_NEAR)
        last.is_held_up = is_near and not is_due
        best = max([settled.best, *finished, *begun_with])
        if is_due and has_nothing_to_gain(best, n_judged):
            last.is_called_off = is_near and begun_with[-1] <= max([settled.best, *finished])
            why_ended = why_nothing(best, n_judged) if last.is_called_off or len(begun) < n_trials else ""
    legs = {number: leg for bracket in brackets for number, leg in bracket.legs().items()}
    n_running = sum(trial.state == TrialState.RUNNING for trial in begun)
    is_open = len(begun) < n_members and not why_ended
    return Plan(
        dict(sorted(legs.items(), key=lambda one: not one[1].is_pruned)),
        is_open and (is_due or len(brackets[-1].trials) < brackets[-1].size),
        is_open or n_running > len(legs) or any(leg.until and not leg.is_pruned for leg in legs.values()),
        why_ended,
    )


def members_of(trials: Sequence[FrozenTrial], rungs: Sequence[int]) -> list[FrozenTrial]:
    """Trials that count for brackets: one that failed before it could be judged leaves its place to the next."""
    return [trial for trial in trials if not _has_dropped_out(trial, rungs[0])]


def known_at_begin(trials: Sequence[FrozenTrial], number: int, rungs: Sequence[int]) -> list[FrozenTrial]:
    """The trials that the bracket of a trial is drawn by, as they were when it began.

    Those of the bracket before it count as if they had been ended at their first rung, whatever has become of them
    since; those of the brackets before that one are finished.
    """
    before = members_of(trials[:number], rungs)
    n_before = len(before) // N_IN_BRACKET * N_IN_BRACKET
    n_finished = max(n_before - N_IN_BRACKET, 0)
    finished = [trial for trial in before[:n_finished] if trial.state != TrialState.FAIL]
    return [*finished, *(_ended_at(trial, rungs[0]) for trial in before[n_finished:n_before])]


def best_so_far(trial: FrozenTrial, epoch: float, sign: int) -> tuple[float, float]:
    """By what trials are ranked, the best first: the best score up to an epoch, and then the lowest loss."""
    scores = [sign * score for step, score in trial.intermediate_values.items() if step <= epoch]
    losses = [loss for step, loss in trial.user_attrs.get(RUNG_LOSSES, {}).items() if int(step) <= epoch]
    return -max(scores, default=-math.inf), min(losses, default=math.inf)


def _ended_at(trial: FrozenTrial, epoch: int) -> FrozenTrial:
    losses = {step: loss for step, loss in trial.user_attrs.get(RUNG_LOSSES, {}).items() if int(step) <= epoch}
    ended = create_trial(
        state=TrialState.PRUNED,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs={RUNG_LOSSES: losses},
        intermediate_values={step: score for step, score in trial.intermediate_values.items() if step <= epoch},
        constraints=trial.constraints,
    )
    ended.number = trial.number
    return ended


@dataclass
class _Bracket:
    """The trials of a bracket that have begun, and what is to be done with them.

    Attributes:
        trials: By number; those that did not drop out.
        size: Trials that it will have.
        rungs: As ``rungs_of`` gives them.
        maximize: Whether a higher score is better.
        is_held_up: Whether nobody goes on from the first rung before the brackets before are finished.
        is_called_off: Whether nobody goes on from there at all.
    """

    trials: Sequence[FrozenTrial]
    size: int
    rungs: Sequence[int]
    maximize: bool
    is_held_up: bool = False
    is_called_off: bool = False

    def legs(self) -> dict[int, Leg]:
        """Of the unfinished trials that do not wait."""
        legs: dict[int, Leg] = {}
        left, is_decided = list(self.trials), len(self.trials) == self.size
        for epoch in self.rungs[:-1]:
            left = [trial for trial in left if not _has_dropped_out(trial, epoch)]
            if is_decided and len(left) == 1:
                break
            arrived = [trial for trial in left if _has_reached(trial, epoch)]
            is_decided = is_decided and len(arrived) == len(left) and not self.is_held_up
            ranked = sorted(arrived, key=lambda trial: (*best_so_far(trial, epoch, self._sign), trial.number))
            n_best = 0 if self.is_called_off else max(1, len(left) // ETA)
            best = {trial.number for trial in ranked[:n_best]} if is_decided else set()
            # Who is further went on before the study was given more trials.
            best |= {trial.number for trial in arrived if max(trial.intermediate_values, default=0) > epoch}
            decision = self._in_words([trial.number for trial in left])
            for trial in left:
                if trial.state == TrialState.RUNNING and epoch not in trial.intermediate_values:
                    legs[trial.number] = Leg(epoch, decision=decision)
                elif trial.state == TrialState.RUNNING and is_decided and trial.number not in best:
                    legs[trial.number] = Leg(epoch, is_pruned=True)
            left = [trial for trial in arrived if trial.number in best]
        return legs | {trial.number: TO_THE_END for trial in left if trial.state == TrialState.RUNNING}

    @property
    def is_past_first_rung(self) -> bool:
        """Whether all of them are there, or further."""
        return len(self.trials) == self.size and all(_has_reached(trial, self.rungs[0]) for trial in self.trials)

    @property
    def best(self) -> float:
        """The best score of all of them."""
        return self._best_until(math.inf)

    @property
    def best_at_first_rung(self) -> float:
        """The best score up to there."""
        return self._best_until(self.rungs[0])

    def _best_until(self, epoch: float) -> float:
        judged = [trial for trial in self.trials if trial.state != TrialState.FAIL]
        return max((-best_so_far(trial, epoch, self._sign)[0] for trial in judged), default=-math.inf)

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to be done."""
        return len(self.trials) == self.size and all(trial.state.is_finished() for trial in self.trials)

    @property
    def _sign(self) -> int:
        return 1 if self.maximize else -1

    def _in_words(self, numbers: Sequence[int]) -> str:
        n_missing = self.size - len(self.trials)
        n_best = max(1, (len(numbers) + n_missing) // ETA)
        last = numbers[-1] + n_missing if numbers else 0
        is_row = len(numbers) + n_missing == last - numbers[0] + 1 if numbers else False
        who = f"{numbers[0]} to {last}" if is_row else ", ".join(map(str, numbers))
        return f"the best of trials {who} goes on" if n_best == 1 else f"the {n_best} best of trials {who} go on"


def _has_reached(trial: FrozenTrial, epoch: int) -> bool:
    """Whether an epoch is behind a trial, or it came to its end before."""
    return trial.state.is_finished() or epoch in trial.intermediate_values


def _has_dropped_out(trial: FrozenTrial, epoch: int) -> bool:
    """Whether a trial failed before it could be judged at an epoch."""
    return trial.state == TrialState.FAIL and epoch not in trial.intermediate_values
