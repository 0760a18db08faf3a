"""Every trial in a table that can be sorted."""

from __future__ import annotations

from optuna.trial import FrozenTrial, TrialState

from ..study.study import unfinished_after
from .facts import Facts
from .figures.collection import ranked_parameters
from .figures.scores import final_score, reached_score
from .figures.sections import Section, Table
from .figures.words import counted, shortened, value_text
from .words import score

MOST_ROWS = 500
_MOST_PARAMETERS = 4


def trials_sections(facts: Facts) -> list[Section]:
    """A row a trial, in their order; of very many the last ones. Before the first there is no table."""
    begun = [trial for trial in facts.trials if trial.state != TrialState.WAITING]
    if not begun:
        return []
    ranked = ranked_parameters(begun, facts.figures.importances)
    names = list(dict.fromkeys([*ranked, *(name for trial in begun for name in trial.params)]))[:_MOST_PARAMETERS]
    fresh = ("with fresh seeds",) if facts.context.fresh else ()
    head = ("trial", "state", facts.context.metric, *fresh, "epochs", "seconds", "parameters", *names)
    rows = tuple((*_row(trial, facts), *_values(trial, names)) for trial in begun[-MOST_ROWS:])
    notes = ["A heading sorts by its column, and again the other way round; trials.csv has every column."]
    if len(begun) > MOST_ROWS:
        notes.append(f"The last {MOST_ROWS} of {len(begun)} trials.")
    table = Table("Every trial in numbers", head, rows, is_open=True, is_sortable=True)
    summary = f"{counted(len(begun), 'trial')}; of those not trained to the end, the best score they had reached."
    return [Section("trials", "Every trial in numbers", summary, tuple(notes), tables=(table,), heading="Trials")]


def _row(trial: FrozenTrial, facts: Facts) -> tuple[str, ...]:
    attributes, metric = trial.user_attrs, facts.settings.search.metric
    reached = final_score(trial)
    is_selected = not facts.is_floor and facts.best is not None and trial.number == facts.best.number
    state = "unfinished" if unfinished_after(trial) else trial.state.name.lower().replace("fail", "failed")
    if trial.state == TrialState.FAIL and attributes.get("reason"):
        state += f": {shortened(str(attributes['reason']), 60)}"
    seconds, n_parameters = attributes.get("training_seconds"), attributes.get("n_parameters")
    fresh = facts.context.fresh
    return (
        str(trial.number),
        f"★ {state}" if is_selected else state,
        score(reached_score(trial, facts.context.sign) if reached is None else reached, metric),
        *((score(fresh.get(trial.number), metric),) if fresh else ()),
        str(attributes.get("epochs_run") or max(trial.intermediate_values, default=0)),
        "–" if seconds is None else f"{seconds:.1f}",
        "–" if n_parameters is None else f"{n_parameters:,}",
    )


def _values(trial: FrozenTrial, names: list[str]) -> tuple[str, ...]:
    return tuple(value_text(trial.params[name]) if name in trial.params else "–" for name in names)
