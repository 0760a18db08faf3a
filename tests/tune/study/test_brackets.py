"""Any number of workers, in any order and with any accidents, decide and draw the same in a study of brackets."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState, create_trial

from tune.study.brackets import (
    N_IN_BRACKET,
    RUNG_LOSSES,
    Leg,
    Plan,
    best_so_far,
    known_at_begin,
    members_of,
    plan,
    rungs_of,
)


@dataclass
class Curve:
    """What becomes of a trial when it is trained: decided by its number alone, as by a seed.

    Attributes:
        scores: After each epoch; fewer than all where its patience ends it.
        fails_in: The epoch that raises an error; None for none.
        diverges_in: The epoch that comes to no finite loss; None for none.
    """

    scores: list[float]
    fails_in: int | None
    diverges_in: int | None


def curve(seed: int, number: int, n_epochs: int, share_of_trouble: float) -> Curve:
    dice = random.Random(f"{seed} {number}")
    n_trained = dice.randint(1, n_epochs) if dice.random() < share_of_trouble else n_epochs
    # Few values, so that there are ties.
    scores = [dice.randint(0, 4) / 4 for _ in range(n_trained)]
    fails = dice.randint(1, n_epochs) if dice.random() < share_of_trouble / 2 else None
    diverges = dice.randint(1, n_epochs) if dice.random() < share_of_trouble / 2 else None
    return Curve(scores, fails, diverges)


@dataclass
class Replay:
    """A study whose trials are curves: the very decisions, and no training."""

    n_trials: int
    n_epochs: int
    seed: int = 0
    share_of_trouble: float = 0.0
    n_judged: int | None = None
    improves: bool = False
    trials: list[FrozenTrial] = field(default_factory=list)
    draws: dict[int, Any] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)

    @property
    def rungs(self) -> tuple[int, ...]:
        return rungs_of(self.n_epochs)

    def plan(self) -> Plan:
        return plan(self.trials, self.n_trials, self.rungs, maximize=True, n_judged=self.n_judged)

    def lease(self) -> tuple[int, Leg] | None:
        """As ``leases.lease_trial``."""
        while True:
            now = self.plan()
            for number, leg in now.legs.items():
                if number not in self.held:
                    self.held.add(number)
                    return number, leg
            taken = [one for one in self.trials if one.state != TrialState.FAIL]
            if not now.may_begin or len(taken) >= self.n_trials:
                return None
            number = len(self.trials)
            self.draws[number] = [
                (one.number, best_so_far(one, self.n_epochs, 1), sorted(one.intermediate_values), one.state)
                for one in known_at_begin(self.trials, number, self.rungs)
            ]
            self.trials.append(create_trial(state=TrialState.RUNNING))
            self.trials[-1].number = number

    def advance(self, number: int, leg: Leg, epoch: int) -> bool:
        """Trains for one epoch, the first that is not done; True when the leg has ended."""
        trial, known = self.trials[number], curve(self.seed, number, self.n_epochs, self.share_of_trouble)
        if epoch > len(known.scores):
            self._end(trial, TrialState.COMPLETE)
            return True
        if epoch > (leg.until or self.n_epochs):
            if leg.is_pruned:
                self._end(trial, TrialState.PRUNED)
            elif leg.until is None:
                self._end(trial, TrialState.COMPLETE)
            self.held.discard(number)
            return True
        if epoch in (known.fails_in, known.diverges_in):
            self._end(trial, TrialState.FAIL if epoch == known.fails_in else TrialState.PRUNED)
            return True
        if epoch in self.rungs:
            trial.user_attrs.setdefault(RUNG_LOSSES, {}).setdefault(str(epoch), 1 - max(known.scores[:epoch]) / 2)
        score = known.scores[epoch - 1]
        trial.intermediate_values.setdefault(epoch, score / 2 + number / 1_000 if self.improves else score)
        return False

    def _end(self, trial: FrozenTrial, state: TrialState) -> None:
        trial.state = state
        self.held.discard(trial.number)

    def outcome(self) -> list[Any]:
        return [
            (one.number, one.state, dict(sorted(one.intermediate_values.items())), self.draws[one.number])
            for one in self.trials
        ]


def replayed(replay: Replay, n_workers: int, dice: random.Random, share_of_accidents: float = 0.0) -> Replay:
    """Lets workers step at random, be killed at random, and lose what they had done since an epoch at random."""
    at_work: list[tuple[int, Leg, int] | None] = [None] * n_workers
    for _ in range(200_000):
        worker = dice.randrange(n_workers)
        work = at_work[worker]
        if work is None:
            claimed = replay.lease()
            if claimed is None:
                if not replay.held:
                    return replay
                continue
            # A checkpoint has all reported epochs, or fewer, or is not there.
            n_reported = len(replay.trials[claimed[0]].intermediate_values)
            n_done = dice.randint(0, n_reported) if dice.random() < share_of_accidents else n_reported
            at_work[worker] = (*claimed, n_done)
        elif dice.random() < share_of_accidents:
            replay.held.discard(work[0])
            at_work[worker] = None
        else:
            number, leg, n_done = work
            at_work[worker] = None if replay.advance(number, leg, n_done + 1) else (number, leg, n_done + 1)
    raise AssertionError("the study never ends")


@given(
    n_trials=st.integers(1, 40),
    n_epochs=st.integers(1, 30),
    seed=st.integers(0, 1_000),
    n_workers=st.integers(1, 12),
    order=st.integers(0, 1_000),
    trouble=st.sampled_from([0.0, 0.4]),
    n_judged=st.sampled_from([None, 1, 20, 100_000]),
)
def test_any_order_of_workers_and_accidents_comes_to_the_same(
    n_trials: int, n_epochs: int, seed: int, n_workers: int, order: int, trouble: float, n_judged: int | None
) -> None:
    alone = replayed(Replay(n_trials, n_epochs, seed, trouble, n_judged), 1, random.Random(0))
    finished = [one for one in alone.trials if one.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    assert len(finished) == n_trials or (alone.plan().why_ended and len(finished) % N_IN_BRACKET == 0)
    assert not alone.plan().more_to_come
    assert not alone.plan().legs
    together = replayed(Replay(n_trials, n_epochs, seed, trouble, n_judged), n_workers, random.Random(order), 0.1)
    if any(one.state == TrialState.FAIL and one.intermediate_values for one in alone.trials):
        # What fails late is made up for, whenever that becomes known; nothing is lost, and nothing waits for ever.
        done = [one for one in together.trials if one.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        assert len(done) == n_trials or together.plan().why_ended
    else:
        assert together.outcome() == alone.outcome()


@given(seed=st.integers(0, 1_000), n_epochs=st.integers(3, 40))
def test_a_bracket_ends_two_thirds_at_each_rung(seed: int, n_epochs: int) -> None:
    replay = replayed(Replay(2 * N_IN_BRACKET, n_epochs, seed), 1, random.Random(0))
    rungs = rungs_of(n_epochs)
    for first in (0, N_IN_BRACKET):
        bracket = replay.trials[first : first + N_IN_BRACKET]
        ended = sorted(max(one.intermediate_values) for one in bracket)
        expected = [rungs[0]] * 6 + [rungs[-2]] * 2 + [n_epochs] if len(rungs) > 2 else [rungs[0]] * 6 + [n_epochs] * 3
        assert ended == expected
        # Nobody who was sent home had a better score than one who went on.
        for rung, further in pairwise(rungs):
            there = [one for one in bracket if max(one.intermediate_values) >= rung]
            home = [
                max(one.intermediate_values[k] for k in range(1, rung + 1))
                for one in there
                if further not in one.intermediate_values
            ]
            on = [
                max(one.intermediate_values[k] for k in range(1, rung + 1))
                for one in there
                if further in one.intermediate_values
            ]
            assert min(on) >= max(home)


def test_a_draw_knows_the_brackets_before_and_of_the_last_one_its_first_rung() -> None:
    replay = replayed(Replay(3 * N_IN_BRACKET, 12), 1, random.Random(0))
    for number, known in replay.draws.items():
        bracket = number // N_IN_BRACKET
        assert [one for one, *_ in known] == list(range(N_IN_BRACKET * bracket))
        longest = [max(steps) for _, _, steps, _ in known]
        assert max(longest[-N_IN_BRACKET:], default=2) == 2
        assert max(longest[:-N_IN_BRACKET], default=12) == 12


@pytest.mark.parametrize(("n_epochs", "rungs"), [(1, (1,)), (2, (1, 2)), (3, (1, 3)), (9, (1, 3, 9)), (12, (2, 4, 12))])
def test_rungs(n_epochs: int, rungs: tuple[int, ...]) -> None:
    assert rungs_of(n_epochs) == rungs


def trial(number: int, state: TrialState, *scores: float, losses: dict[str, float] | None = None) -> FrozenTrial:
    made = create_trial(
        state=state,
        value=max(scores, default=None) if state == TrialState.COMPLETE else None,
        intermediate_values=dict(enumerate(scores, 1)),
        user_attrs={} if losses is None else {RUNG_LOSSES: losses},
    )
    made.number = number
    return made


def test_of_equal_scores_the_lower_loss_goes_on() -> None:
    three = [trial(k, TrialState.RUNNING, 0.5, losses={"1": loss}) for k, loss in enumerate((0.9, 0.7, 0.8))]
    legs = plan(three, 3, (1, 3), maximize=True).legs
    assert legs == {0: Leg(1, is_pruned=True), 2: Leg(1, is_pruned=True), 1: Leg()}


def test_less_is_better_of_a_loss() -> None:
    three = [trial(k, TrialState.RUNNING, score) for k, score in enumerate((0.9, 0.7, 0.8))]
    assert plan(three, 3, (1, 3), maximize=False).legs[1] == Leg()


def test_who_waits_has_nothing_to_do_until_the_last_one_is_there() -> None:
    trials = [trial(k, TrialState.RUNNING, 0.5) for k in range(2)] + [trial(2, TrialState.RUNNING)]
    there = plan(trials, 3, (1, 3), maximize=True)
    assert there.legs == {2: Leg(1, decision="the best of trials 0 to 2 goes on")}
    assert there.more_to_come
    assert not there.may_begin


def test_trials_that_are_added_later_are_held_against_those_that_have_ended() -> None:
    ended = [
        trial(0, TrialState.COMPLETE, 0.6, 0.7, 0.8),
        trial(1, TrialState.PRUNED, 0.2),
        trial(2, TrialState.PRUNED, 0.3),
    ]
    assert plan(ended, 3, (1, 3), maximize=True) == Plan({}, may_begin=False)
    assert plan(ended, 6, (1, 3), maximize=True).may_begin
    scores = (0.5, 0.9, 0.1)
    more = [*ended, *(trial(3 + k, TrialState.RUNNING, score) for k, score in enumerate(scores))]
    legs = plan(more, 6, (1, 3), maximize=True).legs
    assert legs == {3: Leg(1, is_pruned=True), 5: Leg(1, is_pruned=True), 4: Leg()}


def test_lined_up_trials_that_nobody_asked_for_count_for_nothing() -> None:
    waiting = [trial(k, TrialState.WAITING) for k in range(5)]
    assert plan(waiting, 2, (1, 3), maximize=True).may_begin
    both = [trial(0, TrialState.RUNNING, 0.5), trial(1, TrialState.RUNNING, 0.4), *waiting[2:]]
    assert plan(both, 2, (1, 3), maximize=True).legs == {1: Leg(1, is_pruned=True), 0: Leg()}


def test_one_that_fails_before_the_first_rung_leaves_its_place_to_the_next() -> None:
    trials = [trial(k, TrialState.FAIL if k == 4 else TrialState.RUNNING, 0.5) for k in range(9)]
    assert len(members_of(trials, (2, 4, 12))) == 8
    assert known_at_begin(trials, 9, (2, 4, 12)) == []
    assert plan(trials, 9, (2, 4, 12), maximize=True).may_begin


def seconds_of(n_trials: int, n_workers: int, n_epochs: int, n_judged: int | None = None) -> tuple[float, float]:
    """Until a study ends, and what its workers waited in all; an epoch takes half a second to one and a half."""
    replay, now, waited = Replay(n_trials, n_epochs, n_judged=n_judged, improves=True), 0.0, 0.0
    events = [(0.0, worker) for worker in range(n_workers)]
    work: dict[int, tuple[int, Leg]] = {}
    idle: dict[int, float] = {}
    while events:
        now, worker = heapq.heappop(events)
        if worker in work:
            number, leg = work.pop(worker)
            n_done = len(replay.trials[number].intermediate_values)
            while not replay.advance(number, leg, n_done + 1):
                n_done += 1
        for one in [worker, *sorted(idle)]:
            claimed = replay.lease()
            if claimed is None:
                idle.setdefault(one, now)
                continue
            waited += now - idle.pop(one, now)
            work[one] = claimed
            n_left = (claimed[1].until or n_epochs) - len(replay.trials[claimed[0]].intermediate_values)
            heapq.heappush(events, (now + n_left * random.Random(claimed[0]).uniform(0.5, 1.5), one))
    return now, waited


@pytest.mark.parametrize("n_epochs", [12, 27, 40])
def test_two_workers_wait_for_less_than_a_twentieth_of_their_time(n_epochs: int) -> None:
    for n_judged in (None, 10**9):  # So many could tell the smallest gain.
        seconds, waited = seconds_of(90, 2, n_epochs, n_judged)
        assert waited < 0.05 * 2 * seconds
        assert seconds_of(90, 1, n_epochs, n_judged)[1] == 0
