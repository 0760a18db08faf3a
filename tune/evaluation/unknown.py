"""How well a network tells that a movement is of no class that it knows: measured by leaving classes out of training.

A sequence is taken for unknown if no class has a high probability (Hendrycks and Gimpel 2017, "A baseline for detecting
misclassified and out-of-distribution examples", arXiv:1610.02136). Of each class that is left out the configuration is
trained once more without it, and judged on the sequences that judge it otherwise: those of the class against those of
the classes that it was trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from data.streams.null_class import null_class
from data.tensors.channels import Preparation

from ..core.stopping import StopWatch
from ..study.context import RunContext
from ..study.selection import selected_trial
from ..study.study import all_parameters, temperature_of
from ..study.tested import REFUSED, UNKNOWN, unknown_of
from ..training.hyperparameters import fields_of
from ..training.splits import Fold, Splits
from ..training.train import NonFiniteLossError, predict
from .last_fit import refit_settings, refit_splits, train_to_the_end


def judge_unknown(context: RunContext, stop: StopWatch, say: Callable[[str], None]) -> None:
    """Leaves out as many classes as ``search.unknown_classes`` says, one a fit, and stores what was found in the study.

    They are spread evenly over the classes that have sequences to train on and to be judged by, but for the null class.

    Raises:
        StopRequested: If a signal has asked for the end; classes that are done are kept.
    """
    study, splits, n_wanted = context.study, context.splits, context.settings.search.unknown_classes
    trial = selected_trial(study)
    if not n_wanted or trial is None or not trial.state.is_finished():
        return
    whole = refit_splits(splits) if splits.folds[0].test is not None else splits
    train, judged = whole.folds[0].train, whole.folds[0].test or whole.folds[0].validation
    names, null = splits.dataset.class_names, null_class(splits.dataset.class_names)
    both = set(train.labels.tolist()) & set(judged.labels.tolist()) - {null}
    # Two have to be left, to be told apart.
    classes = sorted(both) if len(both) > 2 else []
    chosen = [classes[k] for k in np.linspace(0, len(classes) - 1, min(n_wanted, len(classes))).round().astype(int)]
    part = "validation" if splits.folds[0].test is None else "test"
    stored = unknown_of(study.user_attrs, trial.number)
    done = {one["class"]: one for one in (stored or {}).get("classes", ())}
    parameters, training = all_parameters(trial), refit_settings(context.settings, trial)
    for label in chosen:
        if names[label] in done:
            continue
        say(f"Training trial {trial.number} once more without {names[label]!r}, to see whether that is told as unknown")
        known = train.subset((train.labels != label).nonzero().flatten())
        without = Splits(splits.dataset, splits.split, (Fold(known, known, judged),))
        own = replace(context, splits=without)
        try:
            fit = train_to_the_end(own, f"unknown-{trial.number}-{label}", parameters, training, stop.check_signal)
        except NonFiniteLossError as error:
            say(f"That did not go well ({error}): {names[label]!r} is passed over")
            continue
        fit.model.load_state_dict(fit.best_weights)
        logits = predict(fit.model, without.prepared(0, "test", fields_of(Preparation, parameters)), context.device)
        certainty = certainty_of(logits, temperature_of(trial), [one for one in (label, null) if one is not None])
        labels = judged.labels.numpy()
        is_known = np.isin(labels, [one for one in both if one != label])
        done[names[label]] = {"class": names[label], **told_apart(certainty[is_known], certainty[labels == label])}
        found = [done[names[one]] for one in chosen if names[one] in done]
        auroc = fmean(one["auroc"] for one in found)
        study.set_user_attr(UNKNOWN, {"trial": trial.number, "part": part, "auroc": auroc, "classes": found})


def certainty_of(logits: Tensor, temperature: float, others: list[int]) -> NDArray[np.float64]:
    """The highest probability of a class that is none of ``others``.

    The first of these was not trained on, and has no probability; the others have theirs.
    """
    scaled = logits.double() / temperature
    scaled[:, others[0]] = -np.inf
    probabilities = scaled.softmax(dim=1)
    probabilities[:, others] = 0.0
    highest: NDArray[np.float64] = probabilities.amax(dim=1).numpy()
    return highest


def told_apart(known: NDArray[np.float64], unknown: NDArray[np.float64]) -> dict[str, Any]:
    """How well known and unknown sequences are told apart by how certain a network is of them.

    Returns:
        ``auroc``: the share of pairs in which the known one has the higher certainty; ``refused``: the share of the
        unknown ones below the threshold that refuses ``REFUSED`` of the known; and how many there are of both.
    """
    from sklearn.metrics import roc_auc_score

    is_known = np.repeat([1, 0], [len(known), len(unknown)])
    return {
        "auroc": float(roc_auc_score(is_known, np.concatenate([known, unknown]))),
        "refused": float((unknown < np.quantile(known, REFUSED)).mean()),
        "n_known": len(known),
        "n_unknown": len(unknown),
    }
