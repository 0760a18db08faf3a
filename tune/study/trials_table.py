"""``trials.csv``, one row a trial, and the folders of the trials; both can be made again from the database."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from ..core.files import write_text
from ..core.folders import StudyFolder
from ..training.checkpoint import drop_checkpoint
from .ended import metric_value
from .selection import selected_trial
from .store import identity
from .study import all_parameters, has_score, trials_so_far, unfinished_after, with_histories
from .tested import evaluation_of
from .trial_files import drop_other_weights, trial_files, trial_folder, write_files

_N_WRITERS = 16
# So many are read at a time, and in memory.
_N_HISTORIES = 500
COLUMNS = (
    "number",
    "state",
    "value",
    "epochs_run",
    "best_epoch",
    "seconds",
    "n_parameters",
    "latency_ms",
    "flash_bytes",
    "ram_bytes",
    "macs",
    "train_accuracy",
    "validation_accuracy",
    "accuracy_gap",
    "train_macro_f1",
    "validation_macro_f1",
    "train_balanced_accuracy",
    "validation_balanced_accuracy",
    "train_loss",
    "validation_loss",
    "origin",
    "reason",
    "started",
)


def trials_table(study: Study) -> str:
    """``trials.csv``: one row a trial, and no column that is empty in all of them."""
    import pandas

    rows = [_row(trial) for trial in trials_so_far(study) if trial.state != TrialState.WAITING]
    names = sorted({name for trial in study.get_trials(deepcopy=False) for name in trial.params})
    always = ("number", "state", "value")
    columns = [
        name for name in (*COLUMNS, *names) if name in always or any(row.get(name) not in (None, "") for row in rows)
    ]
    text = io.StringIO()
    pandas.DataFrame(rows, columns=columns).to_csv(text, index=False)
    return text.getvalue()


def _row(trial: FrozenTrial) -> dict[str, Any]:
    attributes = trial.user_attrs
    best_epochs = list(dict.fromkeys(attributes.get("best_epochs") or [None]))
    return {
        **{name: attributes.get(name) for name in COLUMNS if name in attributes},
        **all_parameters(trial),
        "number": trial.number,
        "state": "unfinished" if unfinished_after(trial) else trial.state.name.lower(),
        "value": metric_value(trial) if has_score(trial) else None,
        "best_epoch": best_epochs[0] if len(best_epochs) == 1 else " ".join(map(str, best_epochs)),
        "seconds": attributes.get("training_seconds"),
        "started": None if trial.datetime_start is None else trial.datetime_start.isoformat(timespec="seconds"),
    }


def write_trials(study: Study, folder: StudyFolder) -> None:
    """Writes the table of all trials, and the folder of every finished trial that lacks it."""
    write_text(folder.root / "trials.csv", trials_table(study))
    if (own := identity(study)) is not None:
        write_text(folder.identity, own)
    best = selected_trial(study)
    to_refit = best.number if best is not None and not evaluation_of(study.user_attrs, best) else None
    ended = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state.is_finished() and trial.datetime_start is not None
    ]
    missing = [trial for trial in ended if not (trial_folder(folder, trial) / "config.json").exists()]
    # Each file waits for the disk, which takes many at a time as fast as one.
    with ThreadPoolExecutor(_N_WRITERS) as pool:
        for first in range(0, len(missing), _N_HISTORIES):
            complete = with_histories(study, missing[first : first + _N_HISTORIES])
            for _ in pool.map(lambda trial: write_files(trial_files(folder, study, trial)), complete):
                pass
    # Of a large study it takes seconds to ask for each.
    is_any = folder.shared is not None or any(folder.checkpoint(0).parent.glob("*.pt"))
    for trial in ended if is_any else ():
        drop_checkpoint(folder.checkpoint_for_all(trial.number))
        if trial.number != to_refit:
            drop_checkpoint(folder.checkpoint_for_all(f"refit-{trial.number}"))
    drop_other_weights(folder, study)
