"""``status``: how the studies stand."""

from __future__ import annotations

from typing import Any

from optuna import Study
from optuna.trial import TrialState

from ...core.files import write_text
from ...core.folders import SaveDir, StudyFolder
from ...core.json_files import read_json_object
from ...core.terminal import print_table, say
from ...search.progress import show_score
from ...study.ended import metric_value
from ...study.leases import interrupted_trials
from ...study.store import n_trials_in, unfinished_trials
from ...study.study import best_in_database, is_companion, is_paused, stored_settings
from .opening import chosen_studies, open_existing

_LARGEST_CONFIGURATION = 50_000_000
# Of the row of a study.
_RUNNING, _BEST, _OF_TRIAL = 5, 8, 9


def status_command(save_dir: SaveDir, study_name: str | None) -> None:
    """Prints a table of the studies; those of confirmation runs and floors only where they are named."""
    studies = chosen_studies(open_existing(save_dir), save_dir, study_name, with_trials=False)
    head = ("study", "done", "complete", "pruned", "failed", "running", "paused", "interrupted", "best", "of trial")
    rows = []
    for study in studies:
        if study_name is not None or not is_companion(study):
            folder = save_dir.study(study.study_name)
            rows.append([*_row(study, folder), _handed_over(_exported(folder))])
    print_table((*head, "handed over"), rows)


def status_page_command(save_dir: SaveDir, study_name: str | None) -> None:
    """Writes the studies as a page; those that hold only the confirmation runs or the floor of others are left out."""
    from ...report.studies_page import STUDIES_PAGE, StudyRow, studies_page

    studies = chosen_studies(open_existing(save_dir), save_dir, study_name, with_trials=False)
    rows = []
    for study in studies:
        if is_companion(study):
            continue
        folder = save_dir.study(study.study_name)
        row, answer = _row(study, folder), _exported(folder)
        done = f"{row[1]}, running" if row[_RUNNING] != "0" else row[1]
        best = f"{row[_BEST]} (trial {row[_OF_TRIAL]})" if row[_OF_TRIAL] != "-" else "-"
        begun = str(study.user_attrs.get("created", "-"))[:16].replace("T", " ")
        rows.append(StudyRow(study.study_name, begun, done, best, _handed_over(answer), answer, folder))
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


def _exported(folder: StudyFolder) -> dict[str, Any]:
    """What a study hands over, as its exports say, since that needs none of its trials; empty before there is any."""
    if not (folder.root / "best_config.json").is_file():
        return {}
    return read_json_object(folder.root / "best_config.json", largest_bytes=_LARGEST_CONFIGURATION)[0]


def _handed_over(answer: dict[str, Any]) -> str:
    """The network by its trial, as a person says it."""
    if "trial" not in answer:
        return "-"
    floor = (answer.get("floors") or {}).get("selected")
    members = (answer.get("ensemble") or {}).get("members") or ()
    trial = str(floor) if floor else f"trial {answer['trial']}"
    return f"{trial}, mean of {len(members)} networks" if members else trial
