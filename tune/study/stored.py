"""What this tuner stores of a study and of its trials, checked when it is read: a database may be damaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired

from optuna.trial import FrozenTrial, TrialState
from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

_STRICT = ConfigDict(strict=True)


@with_config(_STRICT)
class Scores(TypedDict):
    """Of one part."""

    accuracy: float
    macro_f1: float
    loss: float
    balanced_accuracy: NotRequired[float]


@with_config(_STRICT)
class _Epoch(TypedDict):
    epoch: int
    train_loss: float
    train_accuracy: float
    learning_rate: float
    gradient_norm: float
    validation: Scores
    seconds: float


@with_config(_STRICT)
class _Trial(TypedDict, total=False):
    best_epochs: list[int | None]
    epochs_run: int
    fixed_parameters: dict[str, Any]
    n_parameters: int
    seed: int
    training_seconds: float


@with_config(_STRICT)
class _CompleteTrial(TypedDict):
    accuracy_gap: float
    best_epochs: list[int]
    epochs_run: int
    fixed_parameters: dict[str, Any]
    n_parameters: int
    seed: int
    train_accuracy: float
    train_loss: float
    train_macro_f1: float
    training_seconds: float
    validation_accuracy: float
    validation_loss: float
    validation_macro_f1: float


@with_config(_STRICT)
class Majority(TypedDict):
    """Always answering the class that most training sequences have; ``test`` is None until something was tested."""

    name: str
    validation: Scores
    test: Scores | None


@with_config(_STRICT)
class Forest(TypedDict):
    """A random forest on simple features: shown beside the others, and never handed over."""

    validation: Scores
    test: Scores | None
    seconds: float


@with_config(_STRICT)
class Floor(TypedDict):
    """MiniRocket with ridge: the study that holds it, bearing the id ``of``, and what its only trial came to.

    Where it came to no score, ``validation`` is None and ``why_not`` says why.
    """

    study: str
    of: str
    validation: Scores | None
    test: Scores | None
    n_parameters: int | None
    seconds: float
    why_not: str


@with_config(_STRICT)
class PairedDifference(TypedDict):
    """Test accuracy of a trial of the search minus the floor's, on the same sequences, with its 95% interval."""

    trial: int
    difference: float
    interval_95: list[float]
    over: str


@with_config(_STRICT)
class Floors(TypedDict):
    """What tuning has to beat; a study of MiniRocket itself has the first two alone."""

    majority: Majority
    forest: Forest
    minirocket: Floor | None
    difference: PairedDifference | None


@with_config(_STRICT)
class NothingToGain(TypedDict):
    """Why a search ended before it had so many trials."""

    trials: int
    why: str


@with_config(_STRICT)
class Candidate(TypedDict):
    """Of what may be handed over: its validation score, as the choice takes it, and its loss.

    ``networks`` is how many of the trial's configuration, none where it is MiniRocket alone.
    """

    networks: int
    minirocket: bool
    score: float
    loss: float


@with_config(_STRICT)
class Member(TypedDict):
    """A network of an ensemble: the trial that it is of, its file of weights, and its share in the mean."""

    study: str
    trial: int
    weights: str
    sha256: str | None
    seed: int
    share: float
    seconds: float


@with_config(_STRICT)
class Ensemble(TypedDict):
    """What is to be handed over, chosen on validation, and what came of it where it is the mean of several networks.

    ``judged`` names the trials, with their studies, whose validation predictions chose; ``members`` are those that are
    there so far. What follows them is there when all are.
    """

    trial: int
    unfinished_after: int | None
    most: int
    judged: list[list[Any]]
    candidates: list[Candidate]
    chosen: Candidate
    validation: dict[str, Any]
    calibration: dict[str, Any]
    members: list[Member]
    n_parameters: NotRequired[int]
    latency_ms: NotRequired[float]
    refitted: NotRequired[bool]
    test: NotRequired[dict[str, Any]]
    correct: NotRequired[list[str]]
    difference: NotRequired[PairedDifference | None]


@with_config(_STRICT)
class _Study(TypedDict):
    data: dict[str, Any]
    n_validation: int
    settings: dict[str, Any]
    split: dict[str, Any]
    evaluations: NotRequired[dict[str, dict[str, Any]]]
    floors: NotRequired[Floors]
    nothing_to_gain: NotRequired[NothingToGain]
    ensemble: NotRequired[Ensemble]
    versions: NotRequired[dict[str, str]]


_STUDY, _TRIAL, _COMPLETE = TypeAdapter(_Study), TypeAdapter(_Trial), TypeAdapter(_CompleteTrial)
_HISTORY = TypeAdapter(list[list[_Epoch]])


def check_stored(attributes: Mapping[str, Any], trials: Sequence[FrozenTrial]) -> None:
    """Checks the attributes of a study and of its trials.

    Raises:
        ValueError: If one is not of its type, or a trial is missing.
    """
    _STUDY.validate_python(attributes)
    for k, trial in enumerate(trials):
        if trial.number != k:
            raise ValueError(f"trial {k} is missing")
        check_trial(attributes, trial)


def check_trial(attributes: Mapping[str, Any], trial: FrozenTrial) -> None:
    """Checks one trial of a study with these attributes.

    Raises:
        ValueError: If one of its own is not of its type.
    """
    if trial.state == TrialState.COMPLETE and not trial.values:
        raise ValueError(f"trial {trial.number} is complete and has no value")
    # Of a confirmation run little more than its score is ever read.
    is_read = trial.state == TrialState.COMPLETE and "confirms" not in attributes
    (_COMPLETE if is_read else _TRIAL).validate_python(trial.user_attrs)


def check_history(history: Any) -> None:
    """Checks the history of a trial.

    Raises:
        ValueError: If it is not of its type.
    """
    _HISTORY.validate_python(history, strict=True)
