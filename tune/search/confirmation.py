"""What the confirmation says: fresh-seed scores of the best configurations, and what they make of the search's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from ..config.settings import Settings
from ..core.seeds import derive_seed
from ..study.ended import DEFAULT_ORIGIN, REPETITION, metric_value
from ..study.selection import cost_of_run, cost_searched, promising_trials, seconds_searched
from ..study.study import RUN_OF, has_score, trials_so_far
from .progress import show_score
from .racing import NOT_FINITE, Candidate, Runs, Standing, decided, difference, scores_of, went_wrong


@dataclass(frozen=True)
class RunnerUp:
    """The second best, and how far behind it is.

    Attributes:
        trial: Its number in the search.
        difference: Mean of the selected one's scores minus its own, over the seeds that both had.
        interval_95: Of the difference; None where one seed is all there is.
        distinguishable: Whether the interval leaves out zero.
    """

    trial: int
    difference: float
    interval_95: tuple[float, float] | None
    distinguishable: bool


def confirmed_candidates(study: Study, settings: Settings) -> list[Candidate]:
    """What is to be trained again, the most promising first."""
    return [
        Candidate(
            trial=trial.number,
            origin=DEFAULT_ORIGIN if trial.user_attrs.get("origin") == DEFAULT_ORIGIN else "search",
            search_score=metric_value(trial) if has_score(trial) else None,
            cost=cost_of_run(trial, settings),
        )
        for trial in promising_trials(study, settings.confirmation.configurations)
    ]


def cost_allowed(study: Study, settings: Settings) -> float | None:
    """What the confirmation may cost; None for as much as it takes."""
    share = settings.confirmation.time_share
    return None if share is None else share * cost_searched(study)


def runs_of(confirmation: Study) -> dict[tuple[int, int], float | None]:
    """Scores of the finished confirmation runs by trial and repetition; None where a run came to no finite one."""
    runs: dict[tuple[int, int], float | None] = {}
    ended = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    for trial in confirmation.get_trials(deepcopy=False, states=ended):
        if RUN_OF in trial.user_attrs and "withdrawn" not in trial.user_attrs:
            run = (trial.user_attrs[RUN_OF], trial.user_attrs[REPETITION])
            score = metric_value(trial) if trial.state == TrialState.COMPLETE else math.nan
            runs[run] = score if math.isfinite(score) else None
    return runs


def seed_of(settings: Settings, repetition: int) -> int:
    """The seed of a repetition, the same for all configurations, and of no trial of the search."""
    return derive_seed(settings.search.seed, "confirmation", repetition)


def describe_confirmation(
    study: Study,
    confirmation: Study,
    settings: Settings,
    candidates: Sequence[Candidate],
    stood: Standing,
) -> dict[str, Any] | None:
    """The confirmation as plain JSON values, as the study keeps it; None where nothing is confirmed."""
    runs, maximize = runs_of(confirmation), settings.direction == "maximize"
    order = decided(candidates, runs, stood.dropped, maximize=maximize)
    if not order:
        return None
    gaps, trials = _gaps(confirmation), trials_so_far(study)
    configurations = [_describe(one, runs, settings, trials[one.trial], gaps, stood) for one in candidates]
    leader, bias = configurations[0], 0.0
    if leader["mean"] is not None and leader["search_score"] is not None:
        bias = leader["search_score"] - leader["mean"]
    second = None if len(order) == 1 else _runner_up(runs, *order[:2])
    found: dict[str, Any] = {
        "metric": settings.search.metric,
        "configurations": configurations,
        "winner": order[0],
        "luck": bias if maximize else -bias,
        "runner_up": None if second is None else asdict(second),
        "n_runs": sum(len(one["scores"]) for one in configurations),
        "n_runs_in_full": len(candidates) * settings.confirmation.seeds,
        "cut_short": stood.cut_short or bool(stood.missing),
        "time_share": settings.confirmation.time_share,
        "seconds": seconds_searched(confirmation),
        "study": confirmation.study_name,
        "latency_ms": None,
        "random_split": None,
    }
    return {**found, "sentences": sentences(found)}


def sentences(found: Mapping[str, Any]) -> list[str]:
    """What the figures mean, for people."""
    by_trial = {one["trial"]: one for one in found["configurations"]}
    selected, metric, leader = by_trial[found["winner"]], found["metric"], found["configurations"][0]
    lines, score = [], show_score(selected["mean"], metric)
    if leader["mean"] is None:
        lines.append(
            f"Trial {leader['trial']}, the best of the search, is out: a run of it with a fresh seed went wrong."
        )
        lines.append(f"Trial {selected['trial']} is the one to use: {score} on average with fresh seeds.")
    elif leader["search_score"] is not None:
        lines.append(_about_selection_bias(leader, found["luck"], metric))
    if leader["mean"] is not None and leader is not selected:
        lines.append(f"Trial {selected['trial']} is better with fresh seeds: {score} on average. It is the one to use.")
    if found["runner_up"] is not None:
        lines.append(_about_runner_up(selected, by_trial[found["runner_up"]["trial"]], found["runner_up"], metric))
    if found["cut_short"]:
        limit = "" if found["time_share"] is None else f" in {found['time_share']:.0%} of the search's time"
        lines.append(
            f"There was time for {found['n_runs']} of {found['n_runs_in_full']} runs{limit}: --resume --confirm-seeds "
            f"{found['n_runs_in_full'] // len(found['configurations'])} makes up for the rest."
        )
    if found["random_split"] is not None:
        lines.append(_about_random_split(found["random_split"], metric))
    return lines


def points(value: float, metric: str) -> str:
    """A difference of two scores as people read it."""
    return _number(value, metric) + ("" if metric == "loss" else " points")


def _number(value: float, metric: str) -> str:
    rounded = round(value, 4) if metric == "loss" else round(100 * value, 1)
    # Adding zero makes a zero of minus zero.
    return f"{rounded + 0.0:.{4 if metric == 'loss' else 1}f}".replace("-", "−")


def _about_selection_bias(best: Mapping[str, Any], bias: float, metric: str) -> str:
    n_seeds = len(best["scores"])
    lowest, highest = (show_score(pick(best["scores"]), metric) for pick in (min, max))
    spread = f" on average ({lowest} to {highest})" if n_seeds > 1 else ""
    # Of one seed nobody knows how far the next one would be.
    in_full = "it repeated in full" if n_seeds > 1 else "one seed is too few to tell whether it repeats"
    repeated = f"{points(bias, metric)} of it did not repeat" if bias > 0 else in_full
    return (
        f"Trial {best['trial']}, the best of the search, scored {show_score(best['search_score'], metric)} there and "
        f"{show_score(best['mean'], metric)} with {n_seeds} fresh seed{'s' if n_seeds > 1 else ''}{spread}: {repeated}."
    )


def _about_runner_up(
    selected: Mapping[str, Any], other: Mapping[str, Any], second: Mapping[str, Any], metric: str
) -> str:
    name = f"trial {other['trial']}{', the default configuration' if other['origin'] == 'known-good' else ''}"
    scored = f"{show_score(other['mean'], metric)}, {other['n_parameters']:,} parameters"
    ahead, is_behind = abs(second["difference"]), (second["difference"] > 0) == (metric == "loss")
    if second["interval_95"] is None:
        return f"The next best is {name} ({scored}); one seed each is too few to tell the two apart."
    low, high = sorted(abs(one) if second["distinguishable"] else one for one in second["interval_95"])
    interval = f"95% interval {_number(low, metric)} to {points(high, metric)}"
    if second["distinguishable"] and is_behind:
        return f"Over the seeds that both had, {name} was ahead by {points(ahead, metric)} ({interval})."
    if second["distinguishable"]:
        return f"It is better than {name} ({scored}) by {points(ahead, metric)} on these sequences ({interval})."
    # Student's factor for the difference of two pairs is 12.7, of three 4.3, of five 2.8.
    n_seeds = min(len(selected["scores"]), len(other["scores"]))
    too_few = f"; {n_seeds} seeds say little of how seeds differ, five say much more" if 1 < n_seeds < 4 else ""
    return (
        f"It does not differ significantly from {name} ({scored}): the difference of {points(ahead, metric)} "
        f"is within what seeds alone make ({interval}{too_few})."
    )


def _about_random_split(split: Mapping[str, Any], metric: str) -> str:
    random, people = (show_score(split[name], metric) for name in ("random", "people"))
    if random == people:
        return f"On a random split of the same sequences it would have scored the same, {random}."
    return (
        f"On a random split of the same sequences it would have scored {random} instead of {people}: "
        f"{points(abs(split['difference']), metric)} {'better' if split['flatters'] else 'worse'}. Published figures "
        "on random splits are to be compared with that one."
    )


def _describe(
    one: Candidate,
    runs: Runs,
    settings: Settings,
    trial: FrozenTrial,
    gaps: Mapping[int, Sequence[float]],
    stood: Standing,
) -> dict[str, Any]:
    scores = scores_of(runs, one.trial)
    dropped_after, why = stood.dropped.get(one.trial, (None, None))
    if is_out := went_wrong(runs, one.trial):
        dropped_after, why = dropped_after or len(scores), NOT_FINITE
    return {
        "trial": one.trial,
        "origin": one.origin,
        "search_score": one.search_score,
        "seeds": [seed_of(settings, repetition) for repetition in range(len(scores))],
        "scores": scores,
        "mean": fmean(scores) if scores and not is_out else None,
        "deviation": stdev(scores) if len(scores) > 1 else None,
        "accuracy_gap": fmean(gaps[one.trial]) if gaps.get(one.trial) else None,
        "n_parameters": trial.user_attrs["n_parameters"],
        "dropped_after": dropped_after,
        "dropped_because": why,
    }


def _gaps(confirmation: Study) -> dict[int, list[float]]:
    """Training minus validation accuracy of the complete runs of each trial."""
    gaps: dict[int, list[float]] = {}
    for trial in confirmation.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        gaps.setdefault(trial.user_attrs[RUN_OF], []).append(trial.user_attrs["accuracy_gap"])
    return gaps


def _runner_up(runs: Runs, selected: int, second: int) -> RunnerUp:
    between = difference(runs, selected, second)
    return RunnerUp(second, between.mean, between.interval, between.distinguishable)
