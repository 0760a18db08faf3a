"""The answer, first: which network, how good it is, how sure that is, what mattered, how to run it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from optuna.trial import TrialState

from ..study.floors import FLOOR_NAME
from ..study.study import why_ended_early
from .events import event_sentences, null_words
from .facts import Facts
from .figures.importances import ImportancesInfo
from .figures.sections import Table
from .figures.words import counted, interval, percent
from .floors import QUESTION
from .sentences import new_people_in_test
from .sure import how_sure
from .words import about_balance, about_mean, about_no_mean, listed, mean_in_words, metric_name, milliseconds, score

ON_A_DEVICE = {"flash_bytes": "bytes of flash, as C", "ram_bytes": "bytes of RAM", "macs": "multiply-adds a window"}


class KeyFigure(NamedTuple):
    """A number in large letters, and what it is."""

    value: str
    label: str


class Point(NamedTuple):
    """A question and its answer in sentences.

    Attributes:
        question: As a reader would ask it.
        sentences: The answer.
        code: A command that goes with it; empty where there is none.
        table: What goes with it; None where there is none.
    """

    question: str
    sentences: tuple[str, ...]
    code: str = ""
    table: Table | None = None


class Answer(NamedTuple):
    """What stands at the top of the report."""

    headline: str
    key_figures: tuple[KeyFigure, ...]
    points: tuple[Point, ...]


def answer(facts: Facts, again: str, why: Sequence[str] = ()) -> Answer:
    """The answer of a study, however far it has come.

    Args:
        facts: Of the study.
        again: The command that runs the study again.
        why: What more to say about the choice.
    """
    if facts.best is None:
        return Answer(
            "There is no answer yet: no trial has run to its end.",
            (),
            (
                Point("How does it stand?", (_counts(facts), *_failures(facts))),
                *_worth(facts, "What is there to beat?"),
                Point("How do I go on?", ("This goes on where the study is:",), facts.resume),
            ),
        )
    return Answer(
        _headline(facts),
        tuple(_key_figures(facts)),
        (
            *_worth(facts, QUESTION),
            Point("Which network?", (*_which(facts), *why)),
            Point(_good_question(facts), tuple(_how_good(facts))),
            Point("How sure is that?", tuple(how_sure(facts))),
            Point("What mattered?", tuple(_what_mattered(facts))),
            Point("How do I run it again?", ("The whole search, with the same seeds:",), again),
        ),
    )


def _worth(facts: Facts, question: str) -> Iterator[Point]:
    if facts.worth is not None:
        sentences, head, rows = facts.worth
        table = Table("What there was to beat, and what was found", head, rows, wraps=True)
        yield Point(question, sentences, table=table)


def who_was_judged(facts: Facts) -> str:
    """Whose sequences the test set holds, in words; empty where people are not known."""
    n_people = (facts.test or {}).get("n_people")
    if n_people is None:
        return ""
    people, were = ("1 person", "was") if n_people == 1 else (f"{n_people} people", "were")
    return f"{people} it has never seen" if _are_new(facts) else f"{people} who {were} trained on as well"


def _are_new(facts: Facts) -> bool:
    return bool(facts.split.get("parts")) and new_people_in_test(dict(facts.split))


def _good_question(facts: Facts) -> str:
    known = facts.test and facts.test.get("n_people") is not None and _are_new(facts)
    return "How good is it on new people?" if known else "How good is it?"


def _headline(facts: Facts) -> str:
    best = facts.best
    assert best is not None
    name = f"Use {FLOOR_NAME}" if facts.is_floor else f"Use the {facts.settings.architecture} of trial {best.number}"
    if facts.ensemble is not None:
        name = f"Use {mean_in_words(facts.ensemble)}"
    if facts.test:
        who = who_was_judged(facts)
        of = f"the sequences of {who}" if who else "sequences it has never seen"
        null = null_words(facts)
        among = f", {percent(null[1])} of which are {null[0]!r}" if null else ""
        return f"{name}: it recognises {percent(facts.test['accuracy'])} of {of}{among}."
    return f"{name}: {facts.context.metric} {_validation(facts)}. It has not been tested."


def _validation(facts: Facts) -> str:
    """The recommended trial's validation score: of the search or, where it was ended early there, with fresh seeds."""
    found = facts.fresh_mean if facts.value is None else facts.value
    if facts.ensemble is not None:
        found = facts.ensemble["chosen"]["score"]
    return score(found, facts.settings.search.metric)


def _key_figures(facts: Facts) -> Iterator[KeyFigure]:
    best, metric = facts.best, facts.settings.search.metric
    assert best is not None
    if facts.test:
        low, high = facts.test["intervals_95"]["accuracy"]
        yield KeyFigure(percent(facts.test["accuracy"]), "test accuracy")
        yield KeyFigure(interval(low, high), "95% interval of it")
        events = facts.test.get("events") or {}
        if events.get("f1") is not None:
            yield KeyFigure(percent(events["f1"]), "F1 of events in the test streams")
            yield KeyFigure(f"{events['false_alarms_per_hour']:.3g}", "false alarms an hour")
    if facts.ensemble is not None:
        yield KeyFigure(_validation(facts), f"{facts.context.metric} of the mean")
    elif facts.fresh_mean is not None:
        yield KeyFigure(score(facts.fresh_mean, metric), f"{facts.context.metric}, mean of fresh seeds")
    else:
        yield KeyFigure(score(facts.value, metric), facts.context.metric)
    mean: Mapping[str, Any] = facts.ensemble or {}
    if (n_parameters := mean.get("n_parameters", best.user_attrs.get("n_parameters"))) is not None:
        yield KeyFigure(f"{n_parameters:,}", "parameters")
    latency = None if facts.is_floor else mean.get("latency_ms", (facts.confirmation or {}).get("latency_ms"))
    if isinstance(latency, int | float):
        yield KeyFigure(milliseconds(latency), "one sequence on this processor")
    for name, what in ON_A_DEVICE.items():
        if (amount := best.user_attrs.get(name)) is not None and not mean:
            yield KeyFigure(f"{amount:,}", what)


def _which(facts: Facts) -> Iterator[str]:
    best = facts.best
    assert best is not None
    attributes = best.user_attrs
    if facts.is_floor:
        yield (
            f"{FLOOR_NAME}, {attributes['n_parameters']:,} parameters: fixed convolutions, whose shares of positive "
            "values a linear head weighs. It is not trained but solved, in one step. No trial of the search beat it."
        )
        yield _counts(facts)
        return
    if facts.ensemble is not None:
        single = facts.value if facts.fresh_mean is None else facts.fresh_mean
        yield about_mean(facts.ensemble, single, facts.judged_alone.get("test"), facts.settings.search.metric)
        yield "Validation chose that among a single network, the mean of several, and each of these with MiniRocket."
    epochs = [] if best.state == TrialState.PRUNED else attributes.get("best_epochs") or []
    after = f", at its best after epoch {listed([str(epoch) for epoch in dict.fromkeys(epochs)])}" if epochs else ""
    if facts.ensemble is None and (judged := facts.attributes.get("ensemble")) and len(judged["candidates"]) > 1:
        yield about_no_mean(judged, facts.settings.search.metric)
    size = f" with {attributes['n_parameters']:,} parameters" if "n_parameters" in attributes else ""
    yield f"A {facts.settings.architecture} network{size}{after}."
    is_of_front = facts.settings.search.second_objective is not None
    if attributes.get("origin") == "known-good" and not is_of_front:
        beaten = ": nothing beat it" if _has_best_mean(facts) else ""
        with_seeds = " with fresh seeds" if beaten and facts.confirmation else ""
        small = "made small enough for the study's limits, " if attributes.get("made_smaller") else ""
        yield f"It is the default configuration, {small}with which the search began{beaten}{with_seeds}."
    yield _counts(facts)
    yield from facts.provisos
    if facts.confirmation and _has_best_mean(facts):
        n = sum(one.get("mean") is not None for one in facts.confirmation["configurations"])
        yield (
            f"It had the best mean of {n} configurations that were trained again with fresh seeds."
            if n > 1
            else "No other configuration was trained again with fresh seeds."
        )


def _has_best_mean(facts: Facts) -> bool:
    """Whether no other configuration had a better mean with fresh seeds, be it over fewer of them; true if none has."""
    sign = -1 if facts.settings.direction == "minimize" else 1
    means = [one["mean"] for one in (facts.confirmation or {}).get("configurations", ()) if one.get("mean") is not None]
    return not means or (facts.fresh_mean is not None and sign * facts.fresh_mean >= max(sign * one for one in means))


def _how_good(facts: Facts) -> Iterator[str]:
    best = facts.best
    assert best is not None
    test = facts.test
    if test is None:
        yield (
            f"Its {facts.context.metric} is {_validation(facts)}. The validation set "
            "steered the search, so that this is a little too good."
        )
        later = (
            "is used once, at the end"
            if facts.running
            else "has not been used yet: the command with --resume does that"
        )
        yield (
            f"It has a test set that {later}."
            if facts.has_test_part
            else "The data was cut without a test set, so that there is nothing to say about unseen sequences."
        )
        return
    who = who_was_judged(facts)
    yield (
        f"On the test set, {counted(test['n_sequences'], 'sequence')}{f' of {who}' if who else ''}: accuracy "
        f"{percent(test['accuracy'])}, macro F1 {percent(test['macro_f1'])}, loss {test['loss']:.3f}."
    )
    if balance := about_balance(test, facts.settings.search.metric):
        yield f"{balance[0].upper()}{balance[1:]}."
    if null := null_words(facts):
        yield (f"{null[0]!r} is in these scores, as a class of its own; of the others {percent(null[2])} are right.")
    yield from event_sentences(test.get("events") or {})
    if who and not _are_new(facts):
        yield "For people who were not trained on expect less."
    if not who:
        yield "It is not known who performed the sequences: if new people will, expect less."
    if test.get("accuracy_by_recording") is not None:
        yield f"By whole recording, with a vote over its windows: {percent(test['accuracy_by_recording'])}."
    if test.get("refitted"):
        tested = "Each of its networks" if facts.ensemble else "The tested network"
        yield f"{tested} was trained once more, on the training and the validation set together."


def _what_mattered(facts: Facts) -> Iterator[str]:
    info = facts.figures.importances
    if not isinstance(info, ImportancesInfo):
        yield f"{info[:1].upper()}{info[1:]}."
        return
    first = [row.label for row in info.importances[:3]]
    yield f"Most of all {listed(first)}, by two methods that answer different questions. {info.words.summary}"
    best = facts.best
    values = [
        f"{name} {_value(best.params[name])}"
        for name in (row.name for row in info.importances[:3])
        if best and not facts.is_floor and name in best.params
    ]
    if values:
        yield f"The recommended configuration has {listed(values)}."


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _counts(facts: Facts) -> str:
    states = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "ended early because they were behind",
        TrialState.FAIL: "failed",
        TrialState.RUNNING: "not finished",
    }
    begun = sum(facts.count(state) for state in states)
    said = listed([f"{facts.count(state)} {words}" for state, words in states.items() if facts.count(state)])
    second = facts.settings.search.second_objective
    judged_by = f"{metric_name(facts.settings.search.metric)}{f' and {second}' if second else ''}"
    if not begun:
        return "No trial has begun."
    why = why_ended_early(facts.attributes, facts.settings)
    ended = f" The search ended early, since nothing more is to be gained: {why}." if why else ""
    return f"{counted(begun, 'trial')} judged by validation {judged_by}: {said}.{ended}"


def _failures(facts: Facts) -> Iterator[str]:
    reasons = [trial.user_attrs.get("reason") for trial in facts.trials if trial.state == TrialState.FAIL]
    if reasons and reasons[-1]:
        yield f"The last failure was: {reasons[-1]}"
