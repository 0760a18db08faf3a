"""``status``: how the studies stand."""

from __future__ import annotations

from typing import NamedTuple

from optuna import Study
from optuna.trial import TrialState

from ...core.files import write_text
from ...core.folders import SaveDir, StudyFolder
from ...core.terminal import print_table, say
from ...report.handed_over import read_handed_over
from ...search.progress import show_score
from ...study.ended import metric_value
from ...study.leases import interrupted_trials
from ...study.store import n_trials_in, unfinished_trials
from ...study.study import best_in_database, is_companion, is_paused, stored_settings
from .opening import chosen_studies, open_existing


class _Row(NamedTuple):
    """A study as it stands, as text; the names are the headings."""

    study: str
    done: str
    complete: str
    pruned: str
    failed: str
    running: str
    paused: str
    interrupted: str
    best: str
    of_trial: str
    handed_over: str


def status_command(save_dir: SaveDir, study_name: str | None) -> None:
    """Prints a table of the studies; those of confirmation runs and floors only where they are named."""
    studies = chosen_studies(open_existing(save_dir), save_dir, study_name, with_trials=False)
    shown = [study for study in studies if study_name is not None or not is_companion(study)]
    head = [name.replace("_", " ") for name in _Row._fields]
    print_table(head, (_row(study, save_dir.study(study.study_name)) for study in shown))


def status_page_command(save_dir: SaveDir, study_name: str | None) -> None:
    """Writes the studies as a page; those that hold only the confirmation runs or the floor of others are left out."""
    from ...report.studies_page import STUDIES_PAGE, StudyRow, studies_page

    studies = chosen_studies(open_existing(save_dir), save_dir, study_name, with_trials=False)
    rows = []
    for study in studies:
        if is_companion(study):
            continue
        folder = save_dir.study(study.study_name)
        row = _row(study, folder)
        done = f"{row.done}, running" if row.running != "0" else row.done
        best = f"{row.best} (trial {row.of_trial})" if row.of_trial != "-" else "-"
        begun = str(study.user_attrs.get("created", "-"))[:16].replace("T", " ")
        rows.append(StudyRow(row.study, begun, done, best, folder))
    rows.sort(key=lambda row: row.begun, reverse=True)
    write_text(save_dir.local / STUDIES_PAGE, studies_page(rows))
    say(f"Written: {save_dir.local / STUDIES_PAGE}")


def _row(study: Study, folder: StudyFolder) -> _Row:
    count, unfinished = n_trials_in(study), {trial.number: trial for trial in unfinished_trials(study)}
    n_done = count[TrialState.COMPLETE] + count[TrialState.PRUNED]
    left = interrupted_trials(study, folder)
    n_paused = sum(number in unfinished and is_paused(study, unfinished[number]) for number in left)
    best = best_in_database(study)
    search, exported = (stored_settings(study) or {}).get("search", {}), read_handed_over(folder)
    return _Row(
        study.study_name,
        f"{n_done}/{search.get('trials', '?')}",
        str(count[TrialState.COMPLETE]),
        str(count[TrialState.PRUNED]),
        str(count[TrialState.FAIL]),
        str(count[TrialState.RUNNING] - len(left)),
        str(n_paused),
        str(len(left) - n_paused),
        show_score(None if best is None else metric_value(best), search.get("metric", "loss")),
        "-" if best is None else f"{best.number}{'' if best.state.is_finished() else ' (unfinished)'}",
        "-" if exported is None else exported.network,
    )
