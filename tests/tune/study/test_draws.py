"""A draw in brackets depends on the seed, the number and the brackets before, and stays near what is good, or not."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna import Study
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from tune.config.spaces import Scalar, Space
from tune.core.seeds import derive_seed
from tune.search.loop import suggest_all
from tune.study.brackets import N_IN_BRACKET, RUNG_LOSSES, known_at_begin, rungs_of
from tune.study.draws import MODELLED, MOST_DRAWS, BracketSampler, _neighbour
from tune.study.samplers import SAMPLERS

SPACE: Space = {
    "rate": FloatDistribution(1e-3, 1.0, log=True),
    "share": FloatDistribution(0.0, 1.0),
    "size": IntDistribution(4, 128, log=True),
    "depth": IntDistribution(1, 9, step=2),
    "kind": CategoricalDistribution(["a", "b", "c"]),
    "same": IntDistribution(3, 3),
}
RUNGS = rungs_of(12)


def new_study(sampler: str = "tpe", seed: int = 0) -> Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="maximize", sampler=BracketSampler(SAMPLERS[sampler], seed, SPACE, RUNGS))


def score(values: dict[str, Any], epoch: int) -> float:
    return float(1 - (values["share"] - 0.5) ** 2 + epoch / 100 - (values["kind"] != "b"))


def drawn(study: Study, n_trials: int, order: random.Random | None = None) -> list[dict[str, Any]]:
    """Brackets that all reach the first rung, of which the best goes to the end and the others are pruned.

    What a bracket comes to is stored before the next one is drawn or, with ``order``, while that is drawn.
    """
    found: list[dict[str, Any]] = []
    last: list[optuna.Trial] = []
    bracket: list[optuna.Trial] = []
    for number in range(n_trials):
        if number % N_IN_BRACKET == 0:
            last, bracket = bracket, []
        if last and (order is None or number % N_IN_BRACKET == N_IN_BRACKET - 1 or order.random() < 0.2):
            _end(study, last, found)
            last = []
        bracket.append(study.ask())
        found.append(suggest_all(bracket[-1], SPACE))
        for epoch in range(1, RUNGS[0] + 1):
            bracket[-1].report(score(found[-1], epoch), epoch)
        bracket[-1].set_user_attr(RUNG_LOSSES, {str(RUNGS[0]): 1.0})
    return found


def _end(study: Study, bracket: list[optuna.Trial], found: list[dict[str, Any]]) -> None:
    best = max(bracket, key=lambda trial: score(found[trial.number], 0), default=None)
    for trial in bracket:
        if trial is not best:
            study.tell(trial, state=TrialState.PRUNED)
            continue
        for epoch in range(RUNGS[0] + 1, 13):
            trial.report(score(found[trial.number], epoch), epoch)
        study.tell(trial, score(found[trial.number], 12))


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_a_modelled_draw_is_that_of_optuna_in_a_study_of_its_own_with_all_results(sampler: str) -> None:
    study = new_study(sampler)
    found, n_modelled = drawn(study, 4 * N_IN_BRACKET), 0
    for number in range(N_IN_BRACKET, len(found)):
        seed = derive_seed(0, "draw", number)
        if random.Random(seed).random() >= MODELLED:
            continue
        own = optuna.create_study(direction="maximize", sampler=SAMPLERS[sampler](seed))
        for one in known_at_begin(study.trials, number, RUNGS):
            value = one.value if one.state == TrialState.COMPLETE else None
            if value is None and sampler == "gp":
                value = max(one.intermediate_values.values())
            result: dict[str, Any] = {
                "params": one.params,
                "distributions": SPACE,
                "intermediate_values": one.intermediate_values,
            }
            own.add_trial(
                create_trial(state=TrialState.PRUNED if value is None else TrialState.COMPLETE, value=value, **result)
            )
        assert own.ask(dict(SPACE)).params == found[number]
        n_modelled += 1
    assert n_modelled > 5


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_the_last_bracket_comes_to_later_changes_no_draw(sampler: str) -> None:
    expected = drawn(new_study(sampler), 30)
    assert drawn(new_study(sampler), 30, random.Random(1)) == expected
    assert len({str(values) for values in expected}) == 30
    assert drawn(new_study(sampler, seed=1), 3) != expected[:3]


def test_a_trial_that_is_taken_up_again_keeps_what_was_drawn_and_draws_nothing() -> None:
    study = new_study()
    values = drawn(study, 20)
    study.get_trials()
    again = optuna.Trial(study, study.get_trials()[15]._trial_id)
    assert again.relative_params == {}
    assert study.get_trials()[15].params == values[15]


def test_draws_come_near_what_is_good() -> None:
    """Of the last two brackets more are of the good kind than a third, which chance would give."""
    found = [values["kind"] for seed in range(4) for values in drawn(new_study(seed=seed), 45)[27:]]
    assert found.count("b") > len(found) / 2
    assert {"a", "c"} <= set(found)


def test_the_first_bracket_stays_near_what_the_study_begins_with() -> None:
    study = new_study()
    given = {"rate": 0.1, "share": 0.25, "size": 32, "depth": 5, "kind": "c", "same": 3}
    study.enqueue_trial(given)
    first, *others = drawn(study, N_IN_BRACKET)
    assert first == given
    n_same = [
        sum(values[name] == given[name] for name in ("rate", "share", "size", "depth", "kind")) for values in others
    ]
    assert max(n_same) >= 2
    # Continuous values agree only where a draw is a neighbour.
    n_neighbours = sum(values["rate"] == 0.1 or values["share"] == 0.25 for values in others)
    assert 0 < n_neighbours < len(others)


def test_the_first_bracket_has_the_portfolio_after_what_was_lined_up() -> None:
    others: list[dict[str, Any]] = [
        {"rate": 0.1, "share": k / 10, "size": 32, "depth": 5, "kind": "c", "same": 3} for k in range(12)
    ]
    study = new_study()
    study.sampler = BracketSampler(SAMPLERS["tpe"], 0, SPACE, RUNGS, others[:3])
    study.enqueue_trial(others[5])
    found = drawn(study, N_IN_BRACKET)
    assert found[:4] == [others[5], *others[:3]]
    assert all(values not in others for values in found[4:])
    # However long it is, the second bracket is drawn by what is known.
    study = new_study()
    study.sampler = BracketSampler(SAMPLERS["tpe"], 0, SPACE, RUNGS, others)
    found = drawn(study, N_IN_BRACKET + 3)
    assert found[:N_IN_BRACKET] == others[:N_IN_BRACKET]
    assert all(values not in others for values in found[N_IN_BRACKET:])


def test_a_neighbour_keeps_to_the_ranges_and_moves_some_values_a_little() -> None:
    dice = random.Random(0)
    near: dict[str, Any] = {"rate": 1e-3, "share": 1.0, "size": 128, "depth": 9, "kind": "a", "same": 3}
    moved: list[dict[str, Any]] = []
    for _ in range(300):
        anywhere: dict[str, Any] = {"rate": 0.5, "share": 0.1, "size": 64, "depth": 1, "kind": "b", "same": 3}
        moved.append(_neighbour(near, anywhere, SPACE, dice))
        for name, distribution in SPACE.items():
            assert distribution._contains(distribution.to_internal_repr(moved[-1][name])), name
    for name in ("rate", "share", "size", "depth", "kind"):
        assert 0.3 < sum(values[name] == near[name] for values in moved) / 300 < 0.9
    # A standard deviation is a quarter of the range: beyond three of them hardly anything goes.
    assert min(values["share"] for values in moved) > 0.1
    partly = _neighbour({"share": 0.5}, {**near, "rate": 0.7}, SPACE, dice)
    assert partly["rate"] == 0.7


def test_what_may_not_be_trained_is_drawn_again_but_not_for_ever() -> None:
    def sizes(allows: Callable[[dict[str, Scalar]], bool] | None, n_trials: int) -> list[int]:
        study = new_study()
        assert isinstance(study.sampler, BracketSampler)
        study.sampler.allows = allows
        return [one["size"] for one in drawn(study, n_trials)]

    free = sizes(None, 9)
    limit = sorted(free)[2]
    kept = sizes(lambda one: float(one["size"]) <= limit, 9)
    assert max(kept) <= limit < max(free)
    assert [new for new, old in zip(kept, free, strict=True) if old <= limit] == [old for old in free if old <= limit]
    asked: list[dict[str, Scalar]] = []

    def never(one: dict[str, Scalar]) -> bool:
        asked.append(one)
        return False

    assert sizes(never, 1) == free[:1]
    assert len(asked) == MOST_DRAWS


def test_what_is_remembered_of_finished_brackets_changes_no_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tune.study.draws.MOST_TO_LEARN_FROM", 2 * N_IN_BRACKET)
    study = new_study()
    found = drawn(study, 6 * N_IN_BRACKET)
    for number in (50, 20, 53):  # The second as if it had been interrupted.
        for sampler in (study.sampler, new_study().sampler):
            undrawn = create_trial(state=TrialState.RUNNING)
            undrawn.number = number
            assert sampler.sample_relative(study, undrawn, dict(SPACE)) == found[number]
