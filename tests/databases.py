"""How far studies are: their database is asked without disturbing it, and without the time that opening one takes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

ANY = "%"


def n_epochs(save_dir: Path, study: str = ANY) -> int:
    """Epochs that trials have come to."""
    return _count(save_dir, "trial_intermediate_values JOIN trials USING (trial_id)", study)


def n_finished(save_dir: Path, study: str = ANY) -> int:
    """Finished trials."""
    return _count(save_dir, "trials", study, "AND state IN ('COMPLETE', 'PRUNED')")


def _count(save_dir: Path, rows: str, study: str, condition: str = "") -> int:
    query = f"SELECT COUNT(*) FROM {rows} JOIN studies USING (study_id) WHERE study_name LIKE ? {condition}"
    try:
        with closing(sqlite3.connect(f"file:{save_dir}/tune.db?mode=ro", uri=True, timeout=60)) as database:
            return int(database.execute(query, (study,)).fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # Not there yet, or without tables.
