"""``status``: how the studies stand."""

from __future__ import annotations

from optuna import Study
from optuna.trial import TrialState

from ...core.files import write_text
from ...core.folders import SaveDir, StudyFolder
from ...core.terminal import print_table, say
from ...search.progress import show_score
from ...study.ended import metric_value
from ...study.leases import interrupted_trials
from ...study.store import n_trials_in, unfinished_trials
from ...study.study import best_in_database, is_companion, is_paused, stored_settings
from .opening import chosen_studies, open_existing


def status_command(save_dir: SaveDir, study_name: str | None) -> None:
    """Prints a table of the studies."""
    studies = chosen_studies(open_existing(save_dir), save_dir, study_name, with_trials=False)
    head = ("study", "done", "complete", "pruned", "failed", "running", "paused", "interrupted", "best", "of trial")
    print_table(head, (_row(study, save_dir.study(study.study_name)) for study in studies))


def status_page_command(save_dir: SaveDir, study_name: str | None) -> None:
    """Writes the studies as a page; those that hold only the confirmation runs or the floor of others are left out."""
    from ...report.studies_page import STUDIES_PAGE, StudyRow, studies_page

    studies = chosen_studies(open_existing(save_dir), save_dir, study_name, with_trials=False)
    rows = []
    for study in studies:
        if is_companion(study):
            continue
        folder = save_dir.study(study.study_name)
        name, done, *_, best, of_trial = _row(study, folder)
        begun = str(study.user_attrs.get("created", "-"))[:16].replace("T", " ")
        rows.append(StudyRow(name, begun, done, f"{best} (trial {of_trial})" if of_trial != "-" else "-", folder))
    rows.sort(key=lambda row: row.begun, reverse=True)
    write_text(save_dir.local / STUDIES_PAGE, studies_page(rows))
    say(f"Written: {save_dir.local / STUDIES_PAGE}")


def _row(study: Study, folder: StudyFolder) -> list[str]:
    count, unfinished = n_trials_in(study), {trial.number: trial for trial in unfinished_trials(study)}
    n_done = count[TrialState.COMPLETE] + count[TrialState.PRUNED]
    left = interrupted_trials(study, folder)
    n_paused = sum(number in unfinished and is_paused(study, unfinished[number]) for number in left)
    best = best_in_database(study)
    search = (stored_settings(study) or {}).get("search", {})
    return [
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
    ]
