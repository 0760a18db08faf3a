"""What is handed over: a single network, the mean of several, that mean with MiniRocket in it, or MiniRocket alone.

Networks that differ by their seeds alone err on different sequences, so that the mean of their probabilities is right
more often than they are (Lakshminarayanan et al. 2017), and never has a larger loss than they have on average, by
Jensen's inequality. Networks of different kinds differ more: MiniRocket, where it is fitted, has half of the mean,
however many others there are, so that what is judged with two networks is what is handed over with four.

Which it is, validation says: of a few candidates the one with the best score on predictions of networks that were not
trained on what they predict, as Caruana et al. 2004 ("Ensemble selection from libraries of models") select, but never
more than these few, since a search among hundreds of mixtures would fit a small validation set. These networks are
confirmation runs, with fresh seeds; where there is just one, the search's own is taken beside it. Since that one was
chosen by its score, a candidate has the score of a single network, as the confirmation has it, and on top what its mean
gains over these very networks. MiniRocket alone and a single network are held against each other first: only the
better is a candidate, of equals MiniRocket. A mean has to beat MiniRocket too, by more than its loss: a network is
judged after the epoch that was best for these very sequences, MiniRocket is not. Of other equals the one with the lower
loss is taken, then the simpler one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from torch import Tensor

from models.ensemble import mixed

from ..config.settings import resolve
from ..core.errors import StorageError
from ..core.seeds import derive_seed
from ..core.stopping import StopWatch
from ..study.companions import companion_context, find_companion
from ..study.constraints import COSTS, ON_A_DEVICE, latency_of
from ..study.context import RunContext
from ..study.ended import REPETITION, WEIGHTS_DIGESTS, score_sign
from ..study.floors import FLOOR, floor_study
from ..study.locks import study_lock
from ..study.records import calibrated, mean_scores
from ..study.selection import ENSEMBLE, network_score, selected_trial, stored_confirmation
from ..study.store import check_identity, identity, storage_of
from ..study.stored import Candidate, Ensemble, Member
from ..study.study import (
    CONFIRMS,
    RUN_OF,
    all_parameters,
    best_trial,
    load_study,
    stored_settings,
    trial_so_far,
    unfinished_after,
)
from ..study.tested import TEST_USES, evaluation_of
from ..study.trial_files import (
    REFIT_WEIGHTS,
    WEIGHTS,
    load_weights,
    read_weights,
    save_refit_weights,
    trial_folder,
)
from ..training.metrics import Scores, score
from ..training.predictions import pack
from ..training.splits import Splits
from ..training.train import NonFiniteLossError
from .decision_rule import choose_rule, plain_rule, rule_in
from .evaluate import evaluate
from .events import probabilities_of
from .examples import worst_examples
from .floors import difference_of
from .last_fit import refit_settings, refit_splits, seconds_of_refit, train_to_the_end
from .test_evaluation import logits_on
from .timelines import timelines

# Scores that differ by rounding alone are the same.
DIGITS = 9
SHARE_OF_FLOOR = 0.5


@dataclass(frozen=True)
class _Network:
    """One that has predicted what it was not trained on.

    Attributes:
        logits: Of each fold's validation set.
    """

    context: RunContext
    trial: FrozenTrial
    logits: list[Tensor]


def choose(context: RunContext) -> None:
    """Decides on validation what is handed over, and puts that into the study; what was decided before stays."""
    study, most, trial = context.study, context.settings.search.ensemble, selected_trial(context.study)
    if not most or trial is None or context.settings.architecture == FLOOR or len(study.directions) > 1:
        return
    networks, floor = _networks(context, trial, most), _floor(context)
    judged = [[one.context.study.study_name, one.trial.number] for one in (*networks, *floor)]
    key = {"trial": trial.number, "unfinished_after": unfinished_after(trial), "most": most, "judged": judged}
    before = study.user_attrs.get(ENSEMBLE) or {}
    if not networks or all(before.get(name) == value for name, value in key.items()):
        return
    parts = [fold.validation for fold in context.splits.folds]
    candidates = list(_candidates(context, networks, floor))
    # The first of equals is the simplest.
    chosen, logits = min(candidates, key=lambda one: preference(one[0], score_sign(study)))
    seed = derive_seed(context.settings.search.seed, ENSEMBLE, trial.number)
    calibration = calibrated(logits, parts)
    temperature: float = calibration["temperature"]
    rule = choose_rule(logits, parts, temperature, context.settings.search.false_alarms_per_hour)
    # Whatever is chosen, further networks of the same trial would come out the same.
    is_of_trial = all(before.get(name) == key[name] for name in ("trial", "unfinished_after"))
    if "test" in before and before["chosen"] != chosen:
        use = {"trial": before["trial"], "for": ENSEMBLE}
        study.set_user_attr(TEST_USES, [*study.user_attrs.get(TEST_USES, []), use])
    _keep(
        context,
        {
            **key,
            "candidates": [one for one, _ in candidates],
            "chosen": chosen,
            "validation": evaluate(logits, parts, seed=seed, temperature=temperature, rule=rule).as_json(),
            "calibration": calibration,
            "members": before["members"] if is_of_trial else [],
        },
    )


def preference(candidate: Candidate, sign: int) -> tuple[float, bool, float]:
    """Least for the best: by score, a floor that is not beaten, then by loss; ``sign`` is -1 where less is better."""
    has_network = candidate["networks"] > 0
    return -sign * round(candidate["score"], DIGITS), has_network, round(candidate["loss"], DIGITS)


def _networks(context: RunContext, trial: FrozenTrial, most: int) -> list[_Network]:
    """Those of a trial's configuration whose predictions judge, the fresh seeds first."""
    confirmation = find_companion(context.study, CONFIRMS) if stored_confirmation(context.study) else None
    owned: list[tuple[RunContext, FrozenTrial]] = []
    if confirmation is not None:
        runs = companion_context(context, confirmation, resolve(stored_settings(confirmation) or {}))
        complete = confirmation.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        mine = [run for run in complete if run.user_attrs.get(RUN_OF) == trial.number]
        owned = [(runs, run) for run in sorted(mine, key=lambda run: int(run.user_attrs[REPETITION]))]
    networks = [one for each in owned[:most] for one in _predicted(*each)]
    return networks if len(networks) > 1 else [*networks, *_predicted(context, trial)]


def _floor(context: RunContext) -> list[_Network]:
    """MiniRocket, if the study has it."""
    floor = floor_study(context.study)
    trial = None if floor is None else best_trial(floor)
    if floor is None or trial is None:
        return []
    return list(_predicted(companion_context(context, floor, resolve(stored_settings(floor) or {})), trial))


def _predicted(context: RunContext, trial: FrozenTrial) -> Iterator[_Network]:
    """A trial's network with what it says of validation; nothing where its weights are not there."""
    weights = load_weights(context.folder, trial, len(context.splits.folds))
    if weights is not None:
        yield _Network(context, trial, logits_on(context, trial, weights, "validation"))


def _candidates(
    context: RunContext, networks: Sequence[_Network], floor: Sequence[_Network]
) -> Iterator[tuple[Candidate, list[Tensor]]]:
    """What may be handed over, the simplest first, each with its logits of every fold's validation set."""
    metric, study = context.settings.search.metric, context.study
    labels = [fold.validation.labels for fold in context.splits.folds]

    def scores(logits: Sequence[Tensor]) -> Scores:
        return mean_scores([score(*each) for each in zip(logits, labels, strict=True)])

    mean = mean_scores([scores(one.logits) for one in networks])
    own = network_score(study)
    base = getattr(mean, metric) if own is None else own
    floors = [(one, scores(one.logits)) for one in floor]
    if floors and score_sign(study) * getattr(floors[0][1], metric) >= score_sign(study) * base:
        found = floors[0][1]
        yield {"networks": 0, "minirocket": True, "score": getattr(found, metric), "loss": found.loss}, floor[0].logits
    else:
        yield {"networks": 1, "minirocket": False, "score": base, "loss": mean.loss}, networks[0].logits
    n_networks = context.settings.search.ensemble if len(networks) > 1 else 1
    for with_floor in ([], floor) if floor else ([],):
        members = [*networks, *with_floor]
        if len(members) > 1 and _is_feasible(context, [*n_networks * [networks[0]], *with_floor]):
            shares = shares_of(len(networks), with_floor=bool(with_floor))
            logits = [mixed(fold, shares) for fold in zip(*(one.logits for one in members), strict=True)]
            found = scores(logits)
            gained = base + getattr(found, metric) - getattr(mean, metric)
            yield (
                {
                    "networks": n_networks,
                    "minirocket": bool(with_floor),
                    "score": gained,
                    "loss": found.loss,
                },
                logits,
            )


def shares_of(n_networks: int, *, with_floor: bool) -> list[float]:
    """Of each member in the mean, MiniRocket last."""
    own = 1 - SHARE_OF_FLOOR if with_floor else 1.0
    return [*n_networks * [own / n_networks], *([SHARE_OF_FLOOR] if with_floor else [])]


def _is_feasible(context: RunContext, members: Sequence[_Network]) -> bool:
    limits = {cost: getattr(context.settings.search, cost.cap) for cost in COSTS}
    # There is no C for a mean.
    return all(
        limit is None
        or (
            cost not in ON_A_DEVICE and sum(one.trial.user_attrs.get(cost.record, math.inf) for one in members) <= limit
        )
        for cost, limit in limits.items()
    )


def fit_members(context: RunContext, stop: StopWatch, say: Callable[[str], None]) -> None:
    """Fits the networks of the mean that was chosen, each from where it was left, and tests the mean of them.

    The trial's network and MiniRocket have been fitted and tested by then. Without a last fit the members are the
    networks that judged. No network is begun for which there is no time.

    Raises:
        StopRequested: If a signal has asked for the end.
    """
    study, trial = context.study, selected_trial(context.study)
    found: Ensemble | None = study.user_attrs.get(ENSEMBLE)
    if not found or trial is None or "n_parameters" in found:
        return
    if (found["trial"], found["unfinished_after"]) != (trial.number, unfinished_after(trial)):
        return
    chosen, of_trial = found["chosen"], evaluation_of(study.user_attrs, trial)
    floor = _floor(context) if chosen["minirocket"] else []
    of_floor = [evaluation_of(one.context.study.user_attrs, one.trial) for one in floor]
    refits = "refit" in of_trial
    if chosen["networks"] + len(floor) < 2 or not of_trial or any(("refit" in one) != refits for one in of_floor):
        return
    networks = _fitted(context, trial, found, stop, say) if refits else _as_judged(context, trial, found)
    members = [
        *networks,
        *(_member(one.context, one.trial, judged) for one, judged in zip(floor, of_floor, strict=True)),
    ]
    if len(members) < 2:
        say("There was no time for a second network: a single one is handed over. --resume makes up for it")
        return
    shares = shares_of(len(networks), with_floor=bool(floor))
    found = {**found, "members": [{**one, "share": share} for one, share in zip(members, shares, strict=True)]}
    _keep(context, {**found, **_judged(context, found, refits=refits)})


def _fitted(
    context: RunContext, trial: FrozenTrial, found: Ensemble, stop: StopWatch, say: Callable[[str], None]
) -> list[Member]:
    """The network of the last fit and further ones of other seeds, as many as there is time for."""
    settings, wanted = context.settings, found["chosen"]["networks"]
    joined = replace(context, splits=refit_splits(context.splits))
    seconds = seconds_of_refit(trial, settings, context.splits)
    place = trial_folder(context.folder, trial)
    members = [_member(context, trial, evaluation_of(context.study.user_attrs, trial))]
    there = {one["weights"]: one for one in found["members"]}
    for member in range(1, wanted):
        name = f"weights-refit-{member}.safetensors"
        if name in there and read_weights(place / name, there[name]["sha256"]) is not None:
            members.append(there[name])
            continue
        if stop.seconds_left is not None and seconds > stop.seconds_left:
            say(f"There is no time for more than {member} of {wanted} networks of trial {trial.number}")
            break
        say(f"Trial {trial.number} is trained again for the mean of several networks: {member + 1} of {wanted}")
        training = refit_settings(settings, trial, member)
        try:
            fit = train_to_the_end(
                joined, f"refit-{trial.number}-{member}", all_parameters(trial), training, stop.check_signal
            )
        except NonFiniteLossError as error:
            say(f"That did not go well ({error}): it is left out")
            continue
        digest = save_refit_weights(context.folder, trial, fit.best_weights, name)
        taken = sum(epoch.seconds for epoch in fit.history)
        members.append({**members[0], "weights": name, "sha256": digest, "seed": training.seed, "seconds": taken})
        found = {**found, "members": members}
        _keep(context, found)
    return members


def _as_judged(context: RunContext, trial: FrozenTrial, found: Ensemble) -> list[Member]:
    """The networks that judged, of the first fold where there are several."""
    networks = _networks(context, trial, found["most"])[: found["chosen"]["networks"]]
    return [_member(one.context, one.trial, {}) for one in networks]


def _member(context: RunContext, trial: FrozenTrial, judged: Mapping[str, Any]) -> Member:
    """A trial's network: that of its last fit, where it has one."""
    refit = judged.get("refit") or {}
    digest = refit.get("sha256") if refit else next(iter(trial.user_attrs.get(WEIGHTS_DIGESTS) or []), None)
    return {
        "study": context.study.study_name,
        "trial": trial.number,
        "weights": REFIT_WEIGHTS if refit else WEIGHTS,
        "sha256": digest,
        "seed": refit.get("seed", trial.user_attrs["seed"]),
        "share": 1.0,
        "seconds": 0.0 if refit else trial.user_attrs["training_seconds"],
    }


def _judged(context: RunContext, found: Ensemble, *, refits: bool) -> dict[str, Any]:
    """What the mean comes to on the test set, and what it costs."""
    study, splits, trial = context.study, context.splits, selected_trial(context.study)
    one_fold = refit_splits(splits) if refits else Splits(splits.dataset, splits.split, splits.folds[:1])
    test, logits, n_parameters, latency = splits.folds[0].test, [], 0, 0.0
    for member in found["members"]:
        owner = member_context(context, member)
        own = trial_so_far(owner.study, member["trial"])
        weights = read_weights(trial_folder(owner.folder, own) / member["weights"], member["sha256"])
        if weights is None:
            raise StorageError(f"the weights {member['weights']} of trial {own.number} are gone: restore a copy")
        if test is not None:
            logits += logits_on(replace(owner, splits=one_fold), own, [weights], "test")
        n_parameters += own.user_attrs["n_parameters"]
        latency += latency_of(all_parameters(own), owner.settings, splits)
    costs: dict[str, Any] = {"n_parameters": n_parameters, "latency_ms": latency, "refitted": refits}
    if test is None or trial is None:
        return costs
    floor = floor_study(study)
    mean = mixed(logits, [member["share"] for member in found["members"]])
    seed = derive_seed(context.settings.search.seed, ENSEMBLE, trial.number, "test")
    correct = [pack((mean.argmax(dim=1) == test.labels).numpy())]
    temperature: float = found["calibration"]["temperature"]
    rule = rule_in(found["validation"]) or plain_rule(test)
    tested = evaluate([mean], [test], same_part=True, seed=seed, temperature=temperature, rule=rule)
    with study_lock(study, context.folder):
        (probabilities,) = probabilities_of([mean], temperature)
        streams = timelines(probabilities, test, rule)
        examples = {"trial": trial.number, "part": "test", "streams": streams, **worst_examples(mean, test)}
        study.set_user_attr("examples", examples)
    return {
        **costs,
        "test": {**tested.as_json(), "refitted": refits},
        "correct": correct,
        "difference": None if floor is None else difference_of(trial, {"correct": correct}, floor, splits),
    }


def member_context(context: RunContext, member: Member) -> RunContext:
    """What the study of a member is run with.

    Raises:
        StorageError: If the study is gone.
    """
    if member["study"] == context.study.study_name:
        return context
    owner = load_study(storage_of(context.study), member["study"])
    if owner is None:
        raise StorageError(f"study {member['study']!r}, which has a member of the ensemble, is no longer there")
    return companion_context(context, owner, resolve(stored_settings(owner) or {}))


def _keep(context: RunContext, found: Mapping[str, Any]) -> None:
    with study_lock(context.study, context.folder):
        check_identity(context.study, identity(context.study))
        context.study.set_user_attr(ENSEMBLE, found)
