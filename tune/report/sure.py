"""How sure the answer is, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from optuna.trial import TrialState

from ..evaluation.evaluate import FEWEST_PEOPLE, selection_bias
from ..study.tested import times_test_was_used
from ..training.calibration import FEWEST_UNITS
from .facts import Facts
from .figures.history import noise_of
from .figures.scores import scored_trials
from .figures.words import counted, interval, percent
from .words import points

# Rounds to a tenth of a point.
_SMALLEST_BIAS = 0.0005
_LARGE_GAP, _SMALL_GAP = 0.05, 0.02


def how_sure(facts: Facts) -> Iterator[str]:
    """Interval, selection bias, what else is as good, overfitting, and how honest its own sureness is."""
    test = facts.test
    if test:
        yield from _interval_words(test)
    if facts.is_floor:
        pass  # One configuration, fitted once: no score of it was chosen because it is high.
    elif facts.confirmation:
        yield from (str(sentence) for sentence in facts.confirmation.get("sentences") or ())
    else:
        yield from _selection_bias_words(facts)
    yield from _gap_words(facts)
    n_looks = times_test_was_used(facts.attributes)
    if n_looks > 1:
        yield f"The test set has been used {n_looks} times in this study: its score is no longer quite unseen."
    yield from _calibration_words(facts)


def _interval_words(test: Mapping[str, Any]) -> Iterator[str]:
    low, high = test["intervals_95"]["accuracy"]
    n_people, over = test.get("n_people"), test["intervals_resample"]
    yield f"The 95% confidence interval of the accuracy is {interval(low, high)} (over {over})."
    if over == "sequences" and n_people is not None and n_people < FEWEST_PEOPLE:
        who = "one person" if n_people == 1 else f"{n_people} people"
        yield (
            f"That interval speaks of further sequences of the same {who}. How it does on somebody else can differ by "
            "far more, and so few people cannot tell by how much."
        )


def _selection_bias_words(facts: Facts) -> Iterator[str]:
    complete = scored_trials(facts.trials)
    n_validation, metric = facts.attributes.get("n_validation"), facts.settings.search.metric
    accuracy = None if facts.best is None else facts.best.user_attrs.get("validation_accuracy")
    if metric == "loss" or not n_validation or accuracy is None:
        return
    n_compared = len(complete) + facts.n_others
    bias = selection_bias(accuracy, n_validation, n_compared)
    if bias >= _SMALLEST_BIAS:
        yield (
            f"The best of {n_compared} validation scores is optimistic: among equally good configurations, the best "
            f"would look about {points(bias)} better than it is."
        )
    if metric == "accuracy" and len(complete) > 1:
        noise = noise_of(accuracy, n_validation)
        n_close = sum(abs(scored.score - accuracy) <= noise for scored in complete) - 1
        yield (
            f"{n_close or 'None'} of the other {counted(len(complete) - 1, 'scored trial')} "
            f"{'is' if n_close == 1 else 'are'} as good within noise ({points(noise)})."
        )


def _gap_words(facts: Facts) -> Iterator[str]:
    # One that was ended early in the search is handed over after all of its epochs.
    was_pruned = facts.best is None or facts.best.state == TrialState.PRUNED
    attributes = {} if was_pruned or facts.best is None else facts.best.user_attrs
    gap = attributes.get("accuracy_gap")
    if gap is None:
        return
    train, validation = attributes.get("train_accuracy"), attributes.get("validation_accuracy")
    slightly = "it overfits slightly" if gap > _SMALL_GAP else "it does not overfit"
    verdict = "it overfits" if gap > _LARGE_GAP else slightly
    if train is not None and validation is not None:
        yield f"Training accuracy {percent(train)}, validation accuracy {percent(validation)}: {verdict}."


def _calibration_words(facts: Facts) -> Iterator[str]:
    error = facts.answers.get("calibration_error")
    judged = facts.ensemble or ({} if facts.best is None else facts.best.user_attrs)
    calibration = judged.get("calibration") or {}
    temperature = calibration.get("temperature")
    if not isinstance(error, float):
        return
    yield f"Its own probabilities are off by {points(error)} on average (expected calibration error)."
    if temperature == 1:
        yield (
            "best_model/ leaves them as they are: no temperature was shown to do better on validation sequences that "
            f"it was not fitted on (where people are known, that takes {FEWEST_UNITS} of them, as with --folds)."
        )
    elif temperature is not None:
        before, after = calibration["loss"], calibration["loss_with_temperature"]
        yield (
            f"best_model/ divides its logits by {temperature:.3g}, fitted on the validation set in the search: on "
            f"folds of it that were left out of the fit, that took the loss from {before:.3f} to {after:.3f}."
        )
