"""How much each hyperparameter matters, by two methods that answer different questions, and how sure that is."""

from __future__ import annotations

import math
import warnings
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import optuna
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator, PercentFormatter
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from ...study.store import storage_of
from .axes import Tick, parameter_axis
from .palette import LIGHT
from .scores import Scored, scored_after_the_same_epochs, scored_trials
from .sections import Section, Table, on_page, section
from .sheets import PICTURE, Medium, Sheet, gridded, set_ticks, sheet
from .words import StudyContext, Words, counted, shortened

# Loads scikit-learn: more than a second that a study of few trials can do without.
if TYPE_CHECKING:
    from optuna.importance import BaseImportanceEvaluator

FEWEST_TRIALS = 5
_FEW_COMPLETE = 10
PED_ANOVA_TITLE = "Shared by the best quarter (PED-ANOVA)"
FANOVA_TITLE = "Explains all differences (fANOVA)"
_N_RESAMPLES = 12
# fANOVA's time grows with trees times trials: 12 resamples of 100 trials with 8 trees take two seconds on one core.
_MOST_TRIALS_RESAMPLED = 100
_N_TREES = 8
_MOST_CHOICES = 8
_MOST_ROWS = 20
# Of the tenth that PED-ANOVA takes by default, a study of 30 trials has three, and on Optuna's own search the two
# most important of eight were found in 2 of 12 studies; with a quarter in 4 of 12.
_GOOD_SHARE = 0.25
_INTERVAL = (10, 90)


class Share(NamedTuple):
    """One hyperparameter's part of all importance, 0..1: mean, 10th and 90th percentile over resamples."""

    mean: float
    low: float
    high: float


class Importance(NamedTuple):
    """One hyperparameter in both methods; None where a method cannot judge it."""

    name: str
    label: str
    ped_anova: Share | None
    fanova: Share | None


@dataclass(frozen=True)
class ImportancesInfo:
    """The hyperparameters from the most to the least important, by the mean of both methods.

    Attributes:
        importances: One a hyperparameter that varied.
        n_trials: Trials that they rest on.
        share_first: Share of the resamples in which the first comes first.
        words: What to write around the figure.
    """

    importances: tuple[Importance, ...]
    n_trials: int
    share_first: float
    words: Words

    @property
    def longest(self) -> float:
        """The largest share that is drawn, of either method."""
        shares = [share for row in self.importances for share in (row.ped_anova, row.fanova) if share]
        return max(max(share.mean, share.high) for share in shares)


def varying_parameters(trials: Sequence[FrozenTrial]) -> list[str]:
    """Names of the hyperparameters with two different values at least among the complete trials, in their order."""
    return _varying([scored.trial for scored in scored_trials(trials)])


def _varying(trials: Sequence[FrozenTrial]) -> list[str]:
    first: dict[str, str] = {}
    varying: set[str] = set()
    for trial in trials:
        for name, value in trial.params.items():
            if name not in varying and first.setdefault(name, text := repr(value)) != text:
                varying.add(name)
    return [name for name in first if name in varying]


def importances_info(trials: Sequence[FrozenTrial], context: StudyContext) -> ImportancesInfo | str:
    """Importances of all hyperparameters that varied, or a sentence that says why there are none.

    PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023, arXiv 2304.10255) asks what the best quarter of the trials has
    in common; fANOVA (Hutter, Hoos and Leyton-Brown, ICML 2014) what explains the spread between all of them. Each is
    evaluated on 12 bootstrap resamples of the complete trials (Efron 1979), of at most 100 trials each: the spread
    over the resamples shows how far the numbers can be trusted. They are known where one hyperparameter comes first in
    more than half of the resamples: of 24 made-up studies in which 20 hyperparameters had no effect, that was so in
    none; with one whose effect spreads as far as the noise it was in 5 of 6 with 40 trials and in 2 of 6 with 20, with
    one of twice as much in all, and it was the right one in each. Where most are ended
    early, and few are complete, all trials count, each with the score of as many epochs as all of them have.
    """
    complete = scored_trials(trials)
    n_complete, rests_on = len(complete), ""
    by_epochs, n_epochs = scored_after_the_same_epochs(trials, context.sign)
    if n_complete < _FEW_COMPLETE and n_complete < len(by_epochs):
        complete = by_epochs
        scored = f"what {counted(len(complete), 'trial')} scored in {counted(n_epochs, 'epoch')}"
        rests_on = f"Rests on {scored}; {n_complete} went to the end."
    if len(complete) < FEWEST_TRIALS:
        n_scored = max(n_complete, len(complete))
        return f"importances need at least {FEWEST_TRIALS} trials with a score, and this study has {n_scored}"
    names = _varying([scored.trial for scored in complete])
    if len({scored.score for scored in complete}) < 2:
        return "every complete trial has the same score, so no hyperparameter made a difference"
    if len(names) < 2:
        varied = f"only {context.label(names[0])} varied" if names else "no hyperparameter varied"
        return f"{varied} among the complete trials, so there is nothing to compare"

    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

    resamples = _resamples(complete)
    chosen = sorted({*chain(*resamples)})  # Of a large study few.
    placed = _on_unit_scales([complete[index] for index in chosen], names, context)
    empty, trial_at = _silent_study(context), dict(zip(chosen, placed, strict=True))
    samples = [_Resample(empty, [trial_at[index] for index in indices]) for indices in resamples]
    ped_anova = _shares(samples, names, [PedAnovaImportanceEvaluator(target_quantile=_GOOD_SHARE)] * _N_RESAMPLES)
    forests = [FanovaImportanceEvaluator(n_trees=_N_TREES, seed=seed) for seed in range(_N_RESAMPLES)]
    fanova = _shares(samples, [name for name in names if _suits_fanova(name, placed)], forests)

    either = {name: np.mean([table[name] for table in (ped_anova, fanova) if name in table], axis=0) for name in names}
    ranked = sorted(names, key=lambda name: -float(either[name].mean()))
    firsts = [max(names, key=lambda name: float(either[name][index])) for index in range(_N_RESAMPLES)]
    rows = [
        Importance(name, context.label(name), _interval(ped_anova.get(name)), _interval(fanova.get(name)))
        for name in ranked[:_MOST_ROWS]
    ]
    n_first = firsts.count(ranked[0])
    if n_first <= _N_RESAMPLES / 2:
        return (
            f"it is not known yet which hyperparameters matter: over {_N_RESAMPLES} resamples of the {len(complete)} "
            "trials none comes first in more than half, as where all is chance; some forty trials show one that matters"
        )
    words = _words(rows, n_first, len(complete), trials, ranked[_MOST_ROWS:])
    if rests_on:
        words = words._replace(notes=(rests_on, *words.notes[1:]))
    return ImportancesInfo(tuple(rows), len(complete), n_first / _N_RESAMPLES, words)


def _on_unit_scales(complete: Sequence[Scored], names: Sequence[str], context: StudyContext) -> list[FrozenTrial]:
    """The same trials, every range as places in 0..1 and every choice as its number.

    fANOVA weighs the parts of a range by their width, which makes the lower decades of a learning rate nothing. Where
    the share was known, it was .25 off on average, and .06 off on places along the logarithm. A range that was changed
    between trials becomes one range.
    """
    params: list[dict[str, float]] = [{} for _ in complete]
    spaces: dict[str, BaseDistribution] = {}
    for name in names:
        axis = parameter_axis(name, [scored.trial for scored in complete], context)
        n_levels = len(axis.levels)
        spaces[name] = CategoricalDistribution(range(n_levels)) if n_levels else FloatDistribution(0, 1)
        for row, place in zip(params, axis.places, strict=True):
            if place is not None:
                row[name] = int(place * n_levels) if n_levels else min(max(place, 0.0), 1.0)
    return [
        FrozenTrial(
            number=scored.trial.number,
            state=TrialState.COMPLETE,
            value=scored.score,
            datetime_start=None,
            datetime_complete=None,
            params=row,
            distributions={name: spaces[name] for name in row},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
            trial_id=scored.trial.number,  # PED-ANOVA knows the good ones by it: create_trial gives all of them -1.
        )
        for scored, row in zip(complete, params, strict=True)
    ]


def _suits_fanova(name: str, trials: Sequence[FrozenTrial]) -> bool:
    """Whether every trial has the hyperparameter, and fANOVA's time for it is bearable.

    The time doubles with every further choice of a categorical: 30 s for 20 choices and 100 trials.
    """
    spaces = [trial.distributions.get(name) for trial in trials]
    return None not in spaces and not any(
        isinstance(space, CategoricalDistribution) and len(space.choices) > _MOST_CHOICES for space in spaces
    )


def _words(
    rows: Sequence[Importance], n_first: int, n_complete: int, trials: Sequence[FrozenTrial], left_out: Sequence[str]
) -> Words:
    sure = "a clear lead" if n_first >= 0.9 * _N_RESAMPLES else "the order is not certain"
    n_unfinished = sum(trial.state in (TrialState.PRUNED, TrialState.FAIL) for trial in trials)
    size = f" of {_MOST_TRIALS_RESAMPLED} trials" if n_complete > _MOST_TRIALS_RESAMPLED else " of the trials"
    notes = [
        f"Rests on {counted(n_complete, 'complete trial')}"
        + (f"; {n_unfinished} pruned or failed ones say nothing here." if n_unfinished else "."),
        f"Dots are means, lines the middle 80% over {_N_RESAMPLES} resamples{size}: where lines overlap, the order may "
        "be chance.",
    ]
    if any(row.fanova is None for row in rows):
        notes.append(
            f"fANOVA cannot judge a hyperparameter that some trials lack, or with more than {_MOST_CHOICES} choices."
        )
    if left_out:
        notes.append(f"{counted(len(left_out), 'less important hyperparameter')} not shown.")
    return Words(
        "Which hyperparameters matter",
        f"{rows[0].label} comes first in {n_first} of {_N_RESAMPLES} resamples of the trials: {sure}.",
        tuple(notes),
    )


class _Resample(optuna.Study):
    """A study of these trials, which are not copied: copies for all resamples would take two seconds."""

    def __init__(self, empty: optuna.Study, trials: Sequence[FrozenTrial]) -> None:
        super().__init__(empty.study_name, storage_of(empty))
        self._drawn = trials

    def get_trials(self, deepcopy: bool = True, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        """The trials, themselves: evaluators only read them."""
        return [trial for trial in self._drawn if states is None or trial.state in states]


def _resamples(scored: Sequence[Scored]) -> list[list[int]]:
    """Places of trials that are drawn with replacement, each time with two different scores at least."""
    generator = np.random.default_rng(0)
    resamples: list[list[int]] = []
    while len(resamples) < _N_RESAMPLES:
        indices = generator.integers(len(scored), size=min(len(scored), _MOST_TRIALS_RESAMPLED)).tolist()
        if len({scored[index].score for index in indices}) > 1:
            resamples.append(indices)
    return resamples


def _silent_study(context: StudyContext) -> optuna.Study:
    """A study in memory, without the line that Optuna logs for every new one."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        return optuna.create_study(direction=context.direction)
    finally:
        optuna.logging.set_verbosity(verbosity)


def _shares(
    samples: Sequence[optuna.Study], names: Sequence[str], evaluators: Sequence[BaseImportanceEvaluator]
) -> dict[str, Float[np.ndarray, " resamples"]]:
    """Each hyperparameter's share of all importance, in each resample; 0 where a resample lacks it."""
    tables = []
    with warnings.catch_warnings():
        # A resample whose scores are nearly all equal warns that its importances are; the spread tells it as well.
        warnings.simplefilter("ignore", UserWarning)
        for study, evaluator in zip(samples, evaluators, strict=True):
            present = {name for trial in study.get_trials(deepcopy=False) for name in trial.params}
            tables.append(_table(study, evaluator, [name for name in names if name in present]))
    return {name: np.array([table.get(name, 0.0) for table in tables]) for name in names}


def _table(study: optuna.Study, evaluator: BaseImportanceEvaluator, names: list[str]) -> dict[str, float]:
    from optuna.importance import get_param_importances

    try:
        return get_param_importances(study, evaluator=evaluator, params=names) if names else {}
    except RuntimeError:
        # fANOVA's way of saying that no tree found anything to split by: here nothing mattered.
        return {}


def _interval(shares: Float[np.ndarray, " resamples"] | None) -> Share | None:
    return None if shares is None else Share(float(shares.mean()), *map(float, np.percentile(shares, _INTERVAL)))


def draw_importances(info: ImportancesInfo, context: StudyContext, medium: Medium = PICTURE) -> Sheet:
    """Two methods, side by side where there is room, and a row for each hyperparameter."""
    rows, is_narrow = info.importances, medium.is_narrow
    labels = [shortened(row.label, 20 if is_narrow else 28) for row in rows]
    names_inches = 0.085 * max(map(len, labels)) + (0.15 if is_narrow else 0.75)
    height = 0.85 + 0.32 * len(rows)
    drawn = sheet(info.words, context, height * (2 if is_narrow else 1), medium)
    longest = math.ceil(4 * info.longest) / 4
    right = drawn.width - 0.35
    width = right - names_inches if is_narrow else (right - names_inches - 0.4) / 2
    methods = (
        (PED_ANOVA_TITLE, LIGHT.complete, [row.ped_anova for row in rows]),
        (FANOVA_TITLE, LIGHT.fanova, [row.fanova for row in rows]),
    )
    for index, (title, colour, shares) in enumerate(methods):
        left = names_inches if is_narrow else names_inches + index * (width + 0.4)
        top = drawn.top - 0.35 - (index * height if is_narrow else 0)
        axes = drawn.axes(left, top - height + 0.75, left + width, top)
        _draw(axes, shares, longest, colour)
        place = (0.1 if is_narrow else left) / drawn.width, (top + 0.1) / drawn.height
        drawn.figure.text(*place, title, size=10.5, color=LIGHT.ink)
        if is_narrow or not index:
            set_ticks(axes, y=[Tick(-row, label) for row, label in enumerate(labels)])
            axes.tick_params(axis="y", labelsize=10, labelcolor=LIGHT.ink)
    return drawn


def _draw(axes: Axes, shares: Sequence[Share | None], longest: float, colour: str) -> None:
    for index, share in enumerate(shares):
        if share is None:
            style: dict[str, Any] = {"va": "center", "size": 9, "color": LIGHT.muted, "style": "italic"}
            axes.text(0.02 * longest, -index, "cannot be judged", **style)
            continue
        axes.barh(-index, share.mean, height=0.62, color=colour, alpha=0.22, linewidth=0)
        axes.plot((share.low, share.high), (-index, -index), color=colour, linewidth=2, solid_capstyle="round")
        axes.plot(share.mean, -index, marker="o", markersize=6, color=colour, clip_on=False)
        axes.text(1.16 * longest, -index, f"{share.mean:.0%}", ha="right", va="center", size=10, color=LIGHT.ink)
    axes.set_ylim(0.6 - len(shares), 0.6)
    axes.set_xlim(0, 1.17 * longest)
    axes.xaxis.set_major_locator(MultipleLocator(0.25 if longest > 0.5 else 0.1))
    axes.set_yticks([])
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    gridded(axes, "x")


def importances_section(info: ImportancesInfo, context: StudyContext) -> Section:
    """The same for the page, and the numbers."""
    table = Table(
        "Importances, and the middle 80% over resamples",
        ("hyperparameter", "PED-ANOVA", "fANOVA"),
        tuple((row.label, _in_words(row.ped_anova), _in_words(row.fanova)) for row in info.importances),
    )
    drawn = on_page(draw_importances, info, context)
    return section("importances", info.words, tables=(table,), heading="What matters", **drawn)


def _in_words(share: Share | None) -> str:
    return "cannot be judged" if share is None else f"{share.mean:.0%} ({share.low:.0%} to {share.high:.0%})"
