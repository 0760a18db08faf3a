"""What the report knows: the study read from the database once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from ..config.settings import Settings
from ..core.folders import StudyFolder
from ..study.database import HISTORY
from ..study.floors import FLOOR_NAME
from ..study.selection import confirms, is_confirmation, selected
from ..study.stored import Ensemble
from ..study.study import has_score, trials_so_far, with_histories, with_history
from ..study.tested import TEST_USES, UNKNOWN, evaluation_of
from .figures.collection import Figures
from .figures.scores import stars, with_one_value
from .figures.words import StudyContext
from .floors import Worth, was_it_worth_it
from .sentences import places, provisos, resume_command

# What a study has on record of the networks that were judged after its search.
OF_THE_JUDGED = ("evaluations", "examples", UNKNOWN, TEST_USES)


@dataclass(frozen=True)
class Facts:
    """A study as it stands.

    Attributes:
        name: Of the study.
        settings: Of the study.
        attributes: What is stored with the study.
        trials: All of them.
        best: The trial that is recommended; None without one that has a score.
        figures: Of the search.
        context: How to name and write things.
        resume: The command that goes on with it.
        places: Options that lead a command to the study.
        n_others: Complete trials of other studies that the best was chosen from as well.
        provisos: Sentences that belong to the recommendation.
        worth: What the floors say of the search; None where there are none.
        is_floor: Whether the best is the floor, a trial of another study, which no trial of this one has beaten.
        running: A sentence that says how far it has come, while it runs; else empty.
        ensemble: The mean of several networks that is recommended, the best's among them; None for a single network.
    """

    name: str
    settings: Settings
    attributes: Mapping[str, Any]
    trials: Sequence[FrozenTrial]
    best: FrozenTrial | None
    figures: Figures
    context: StudyContext
    resume: str
    places: str
    n_others: int = 0
    provisos: Sequence[str] = ()
    worth: Worth | None = None
    is_floor: bool = False
    running: str = ""
    ensemble: Ensemble | None = None

    @property
    def name_of_best(self) -> str:
        """What to call what is recommended."""
        return FLOOR_NAME if self.is_floor or self.best is None else f"trial {self.best.number}"

    @property
    def judged(self) -> Mapping[str, Any]:
        """What was found about the best after the search: ``validation``, and ``test`` where there is that part."""
        return self.ensemble or self.judged_alone

    @property
    def judged_alone(self) -> Mapping[str, Any]:
        """The same of the best's network by itself, where it is one of several."""
        return evaluation_of(self.attributes, self.best)

    @property
    def test(self) -> Mapping[str, Any] | None:
        """Scores on the test set; None where it was not used for the best, or is not there."""
        return self.judged.get("test")

    @property
    def part(self) -> str:
        """The part whose answers are looked at closely: ``test``, or else ``validation``."""
        return "test" if self.test else "validation"

    @property
    def answers(self) -> Mapping[str, Any]:
        """Scores on that part; empty where nothing was judged."""
        return self.judged.get(self.part) or {}

    @property
    def confirmation(self) -> Mapping[str, Any] | None:
        """How the best configurations did with fresh seeds; None where they were not trained again."""
        stored = self.attributes.get("confirmation") if confirms(self.settings) else None
        return stored if is_confirmation(stored) else None

    @property
    def fresh_mean(self) -> float | None:
        """Mean validation score of the recommended trial over fresh seeds; None where it was not trained again."""
        configurations = (self.confirmation or {}).get("configurations", ())
        means = [
            one.get("mean")
            for one in configurations
            if self.best and not self.is_floor and one.get("trial") == self.best.number
        ]
        return means[0] if means else None

    @property
    def value(self) -> float | None:
        """Validation score of the recommended trial in the search; None where it was ended early."""
        return self.best.value if self.best is not None and has_score(self.best) else None

    @property
    def class_names(self) -> list[str]:
        """One a class."""
        return [str(name) for name in (self.attributes.get("data") or {}).get("class_names") or ()]

    @property
    def channel_names(self) -> list[str]:
        """One a channel."""
        return [str(name) for name in (self.attributes.get("data") or {}).get("channel_names") or ()]

    @property
    def split(self) -> Mapping[str, Any]:
        """How the data was cut."""
        return self.attributes.get("split") or {}

    @property
    def has_test_part(self) -> bool:
        """Whether the data was cut so that there is one."""
        return any(fold.get("test") is not None for fold in self.split.get("parts") or ())

    def count(self, state: TrialState) -> int:
        """Trials in that state."""
        return Counter(trial.state for trial in self.trials)[state]


def gather(study: Study, settings: Settings, folder: StudyFolder, figures: Figures, context: StudyContext) -> Facts:
    """Reads the study."""
    attributes = study.user_attrs
    trials, chosen = trials_to_draw(study, settings.search.metric, context), selected(study, settings, folder)
    is_floor = chosen is not None and chosen.study is not study
    if chosen is not None and is_floor:
        # What was judged after the search is of another study.
        attributes = {**attributes, **{name: chosen.study.user_attrs.get(name) for name in OF_THE_JUDGED}}
    return Facts(
        name=study.study_name,
        settings=settings,
        attributes=attributes,
        trials=trials,
        best=None if chosen is None else chosen.trial if is_floor else trials[chosen.trial.number],
        figures=figures,
        context=context,
        resume=resume_command(study, folder),
        places=places(study, folder),
        provisos=[] if is_floor else provisos(study, settings),
        worth=was_it_worth_it(study),
        is_floor=is_floor,
        ensemble=None if chosen is None else chosen.ensemble,
    )


def trials_to_draw(study: Study, metric: str, context: StudyContext) -> list[FrozenTrial]:
    """All trials of a study, with the histories of which something is drawn."""
    trials = trials_so_far(study)
    if len(study.directions) > 1:
        return [_of_one_objective(trial, metric) for trial in with_histories(study, trials)]
    if (shown := stars(trials, context).number) >= 0:
        trials[shown] = with_history(study, trials[shown])
    return trials


def _of_one_objective(trial: FrozenTrial, metric: str) -> FrozenTrial:
    """The trial as a study of its first objective would have it, with the reports that Optuna takes only there."""
    single = with_one_value(trial)
    if single is trial:
        return trial
    by_epoch: dict[int, list[float]] = {}
    with suppress(KeyError, TypeError, ValueError):  # What another version has written.
        for fold in trial.user_attrs.get(HISTORY) or []:
            for epoch in fold:
                by_epoch.setdefault(int(epoch["epoch"]), []).append(float(epoch["validation"][metric]))
    single.intermediate_values = {epoch: fmean(scores) for epoch, scores in by_epoch.items()}
    return single
