"""Whether tuning was worth it: what the search found, beside what it had to beat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from optuna import Study
from optuna.trial import FrozenTrial

from ..config.schema import Metric
from ..search.progress import show_seconds
from ..study.ended import DEFAULT_ORIGIN, metric_value, score_sign
from ..study.floors import FLOOR_NAME, stored_floors
from ..study.selection import (
    chosen_score,
    ensemble_of,
    floor_is_unbeaten,
    fresh_means,
    network_score,
    seconds_searched,
    selected_trial,
)
from ..study.stored import Ensemble, Floor, Floors, Forest, Majority
from ..study.study import has_score, stored_settings, trials_so_far
from ..study.tested import evaluation_of
from ..training.metrics import METRIC_LABELS
from .figures.words import percent
from .words import mean_in_words, points, score

QUESTION = "Was tuning worth it?"


class Worth(NamedTuple):
    """The answer to that question.

    Attributes:
        sentences: The first begins with yes or no, or says that it cannot be told.
        head: Columns of a table.
        rows: The floors, the configuration that the search began with, and what it found.
    """

    sentences: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def was_it_worth_it(study: Study) -> Worth | None:
    """What the floors say of a search, however far it has come; None where there are none."""
    floors = stored_floors(study)
    if floors is None:
        return None
    metric: Metric = (stored_settings(study) or {})["search"]["metric"]
    compared = _Compared(study, floors, selected_trial(study), metric)
    sentences = (*compared.verdict(), *compared.about_the_test(), *compared.about_the_others())
    head = ("", f"validation {METRIC_LABELS[metric]}", "test accuracy", "parameters", "trained in", "")
    return Worth(sentences, head, tuple(compared.rows()))


@dataclass(frozen=True)
class _Compared:
    """A search and its floors.

    Attributes:
        study: Of the search.
        floors: On record in it.
        trial: The search's own to use; None before the first.
        metric: That decides.
    """

    study: Study
    floors: Floors
    trial: FrozenTrial | None
    metric: Metric

    def verdict(self) -> Iterator[str]:
        """By validation, which decides; with the test set's word where that contradicts."""
        floor = self.floors["minirocket"]
        if floor is None and self.trial is None:
            yield f"{FLOOR_NAME}, which could be handed over, has not been fitted yet; the table shows the yardsticks."
            return
        if floor is None or floor["validation"] is None:
            why = f" {FLOOR_NAME} was not fitted: {floor['why_not']}." if floor and floor["why_not"] else ""
            yield f"There was nothing to beat that could be handed over; the table shows the yardsticks.{why}"
            return
        fitted = f"{FLOOR_NAME}, fitted in {_seconds(floor['seconds'])}"
        reached = score(floor["validation"][self.metric], self.metric)
        reaches = f"reaches a validation {METRIC_LABELS[self.metric]} of"
        if self.trial is None:
            yield (
                f"Not so far: no trial has a score. {fitted}, {reaches} {reached}, and is what best_model/ holds until "
                "a trial beats it."
            )
            return
        trained = _seconds(seconds_searched(self.study))
        own = score(chosen_score(self.study), self.metric)
        of_mean = "" if self.ensemble is None else f", as {mean_in_words(self.ensemble)}"
        what = "with fresh seeds" if self.trial.number in fresh_means(self.study) else "of the search"
        found = f"best trial {what}{of_mean}, after {trained} of training in all"
        if len(self.study.directions) > 1:
            yield f"{fitted}, {reaches} {reached}; the knee of the front reaches {own}."
            yield "With two objectives that is shown for comparison: what is handed over comes from the front."
        elif floor_is_unbeaten(self.study):
            yield f"No. {fitted}, {reaches} {reached}; the {found}, reaches {'the same' if own == reached else own}."
            yield (
                "So best_model/ holds MiniRocket: while no trial beats it, it is the better choice, as it is simpler, "
                "cheaper and steadier. --resume with more trials may find one that does."
            )
        else:
            yield f"{self._worth_of_a_gain()}. The {found}, {reaches} {own}; {fitted}, reaches {reached}."
            if (
                self.ensemble is None
                and self.trial is not None
                and self.trial.user_attrs.get("origin") == DEFAULT_ORIGIN
            ):
                yield f"Searching has added nothing: trial {self.trial.number} is a configuration that it began with."

    def _worth_of_a_gain(self) -> str:
        if self._interval is None:
            return "Yes, by validation alone"
        low, high = self._interval
        return "No, says the test set" if high < 0 else "Yes" if low > 0 else "Perhaps"

    def about_the_test(self) -> Iterator[str]:
        """The paired difference, or why there is none."""
        floor, found = self.floors["minirocket"], self.floors["difference"]
        if self.trial is None or floor is None or floor["validation"] is None:
            return
        if self.ensemble is not None:
            found = self.ensemble.get("difference")
        if self._interval is None or found is None:
            has_part = self.study.user_attrs["split"]["parts"][0]["test"] is not None
            yield (
                "Both are yet to be tested."
                if has_part
                else "There is no test set to confirm that, and the validation set steered the search."
            )
            return
        ahead = f"trial {self.trial.number}" if self.ensemble is None else mean_in_words(self.ensemble)
        (low, high), gain = self._interval, found["difference"]
        if gain < 0:
            low, high, gain, ahead = -high, -low, -gain, "MiniRocket"
        interval = f"95% interval {_signed(low)} to {_signed(high)} points, over {found['over']}"
        if low <= 0:
            by = f"{ahead} is {points(gain)} ahead" if gain > 0 else "they are level"
            yield f"On the test set the two cannot be told apart: {by} ({interval})."
            return
        yield f"On the test set {ahead} is better by {points(gain)} ({interval})."
        if floor_is_unbeaten(self.study) != (ahead == "MiniRocket") and len(self.study.directions) == 1:
            yield (
                "The choice was made on validation and stays: a test set that chooses is no test any more. More "
                "sequences to validate on (--folds) would choose better."
            )

    def about_the_others(self) -> Iterator[str]:
        """Said where the forest is better still, or nothing has been learned."""
        majority, floor, sign = self.floors["majority"], self.floors["minirocket"], score_sign(self.study)
        own = None if floor is None or floor["validation"] is None else floor["validation"][self.metric]
        known = [sign * one for one in (own, chosen_score(self.study)) if one is not None]
        forest = self.floors["forest"]["validation"][self.metric]
        if known and max(known) < sign * forest:
            yield (
                "A random forest on simple features of each channel is better still on validation: "
                f"{score(forest, self.metric)}. It is a yardstick, which cannot be exported."
            )
        if known and max(known) <= sign * majority["validation"][self.metric]:
            yield f"That is no better than always answering “{majority['name']}”: it has learned nothing."

    def rows(self) -> Iterator[tuple[str, ...]]:
        """From the least effort to the most."""
        majority, floor, trial = self.floors["majority"], self.floors["minirocket"], self.trial
        is_unbeaten, handed_over = floor_is_unbeaten(self.study), "in best_model/"
        yield f"always “{majority['name']}”", *self._cells(majority), "–", "–", ""
        forest = self.floors["forest"]
        yield "random forest on simple features", *self._cells(forest), "–", _seconds(forest["seconds"]), "not exported"
        if floor is not None and floor["validation"] is not None:
            where = handed_over if is_unbeaten else ""
            yield FLOOR_NAME, *self._cells(floor), f"{floor['n_parameters']:,}", _seconds(floor["seconds"]), where
        means = fresh_means(self.study)
        default = (one for one in trials_so_far(self.study) if one.user_attrs.get("origin") == DEFAULT_ORIGIN)
        first = next((one for one in default if has_score(one)), None)
        if first is not None and (trial is None or first.number != trial.number):
            name, value = f"trial {first.number}, the first configuration", metric_value(first)
            if means:  # A single score is luckier than a mean, and stands beside means.
                name += ", with fresh seeds" if first.number in means else ", in the search"
            yield self._row(name, first, means.get(first.number, value), "")
        if trial is not None:
            by = "with fresh seeds" if trial.number in means else "of the search"
            name = f"trial {trial.number}, the best {by}"
            where = "" if is_unbeaten or self.ensemble is not None else handed_over
            yield self._row(name, trial, network_score(self.study), where)
        if self.ensemble is not None:
            shown, test = score(self.ensemble["chosen"]["score"], self.metric), self.ensemble.get("test")
            yield (
                mean_in_words(self.ensemble),
                shown,
                percent(None if test is None else test["accuracy"]),
                f"{self.ensemble['n_parameters']:,}",
                f"{_seconds(sum(member['seconds'] for member in self.ensemble['members']))} more",
                handed_over,
            )

    @cached_property
    def ensemble(self) -> Ensemble | None:
        """What the search hands over, where it is the mean of several networks."""
        return ensemble_of(self.study)

    @property
    def _interval(self) -> tuple[float, float] | None:
        """Of the test accuracy of the trial minus the floor's; None where not both are tested."""
        found = self.floors["difference"] if self.ensemble is None else self.ensemble.get("difference")
        if found is None or self.trial is None or found["trial"] != self.trial.number:
            return None
        low, high = found["interval_95"]
        return low, high

    def _cells(self, floor: Floor | Forest | Majority) -> tuple[str, str]:
        validation, test = floor["validation"], floor["test"]
        shown = score(None if validation is None else validation[self.metric], self.metric)
        return shown, percent(None if test is None else test["accuracy"])

    def _row(self, name: str, trial: FrozenTrial, value: float | None, where: str) -> tuple[str, ...]:
        attributes, test = trial.user_attrs, evaluation_of(self.study.user_attrs, trial).get("test")
        return (
            name,
            score(value, self.metric),
            percent(None if test is None else test["accuracy"]),
            f"{attributes['n_parameters']:,}",
            _seconds(attributes["training_seconds"]),
            where,
        )


def _seconds(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else show_seconds(seconds)


def _signed(difference: float) -> str:
    return f"{100 * difference + 0.0:.1f}".replace("-", "−")
