"""What the ended trials of a study have come to: they change no more, so each is looked at once a process."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

# On a trial that the study began with: where its configuration comes from.
DEFAULT_ORIGIN = "known-good"
# On a confirmation run: which of the fresh seeds it has, from 0.
REPETITION = "repetition"
# On a trial whose weights were stored: the SHA-256 of their files, fold by fold.
WEIGHTS_DIGESTS = "weights_sha256"


@dataclass
class EndedTrials:
    """The sums and the order of those that have ended, kept as they end.

    Attributes:
        counts: How many in each state.
        ranked: The complete ones that keep to the caps, best first by the first objective, of equals the earlier.
        initial: Those of ``DEFAULT_ORIGIN``.
        repetitions: The complete ones that bear a ``REPETITION``.
        seconds: Of training, in the order in which they ended.
        with_weights: Those whose weights may be on disk, by number.
    """

    counts: Counter[TrialState] = field(default_factory=Counter)
    ranked: list[FrozenTrial] = field(default_factory=list)
    initial: list[FrozenTrial] = field(default_factory=list)
    repetitions: list[FrozenTrial] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    with_weights: dict[int, FrozenTrial] = field(default_factory=dict)
    _unfinished: set[int] = field(default_factory=set)
    _n_seen: int = 0

    def look(self, trials: list[FrozenTrial], sign: int) -> list[FrozenTrial]:
        """Takes in those that have ended since the last look; returns those that have not, by number."""
        self._unfinished.update(range(self._n_seen, len(trials)))
        self._n_seen = len(trials)
        unfinished = [trials[number] for number in sorted(self._unfinished)]
        for trial in unfinished:
            if trial.state.is_finished():
                self._unfinished.remove(trial.number)
                self._take_in(trial, sign)
        return [trial for trial in unfinished if not trial.state.is_finished()]

    def _take_in(self, trial: FrozenTrial, sign: int) -> None:
        self.counts[trial.state] += 1
        self.seconds.append(trial.user_attrs.get("training_seconds", 0.0))
        if WEIGHTS_DIGESTS in trial.user_attrs:
            self.with_weights[trial.number] = trial
        if trial.user_attrs.get("origin") == DEFAULT_ORIGIN:
            insort(self.initial, trial, key=lambda one: one.number)
        if trial.state == TrialState.COMPLETE:
            if REPETITION in trial.user_attrs:
                insort(self.repetitions, trial, key=lambda one: one.number)
            if trial.values is not None and not is_over_a_cap(trial):
                insort(self.ranked, trial, key=lambda one: (-sign * metric_value(one), one.number))


_ENDED: WeakKeyDictionary[Study, EndedTrials] = WeakKeyDictionary()


def ended_and_unfinished(study: Study) -> tuple[EndedTrials, list[FrozenTrial]]:
    """What the trials of a study that have ended come to, and those that have not, by number."""
    ended = _ENDED.setdefault(study, EndedTrials())
    return ended, ended.look(study.get_trials(deepcopy=False), score_sign(study))


def is_over_a_cap(trial: FrozenTrial) -> bool:
    """Whether a trial's network is larger or slower than its study allows."""
    return any(excess > 0 for excess in trial.constraints.values())


def score_sign(study: Study) -> int:
    """1 where a higher score is the better one, else -1."""
    return 1 if study.directions[0] == StudyDirection.MAXIMIZE else -1


def metric_value(trial: FrozenTrial) -> float:
    """The metric of a trial with a score, which is the first of its objectives."""
    return trial.values[0] if trial.values else 0.0
