"""``report``: every artefact of a study, made again from the database."""

from __future__ import annotations

from rich.console import Console

from ..config import resolve
from ..folders import SaveDir
from ..run import write_exports
from ..study import StudyError, stored_settings
from ..summary import say
from .opening import chosen_studies, open_existing


def report_command(console: Console, storage_url: str | None, save_dir: SaveDir, study_name: str | None) -> None:
    """Writes the exports of the named study, or of all."""
    studies = chosen_studies(open_existing(storage_url, save_dir.local), study_name)
    for study in studies:
        stored = stored_settings(study)
        if stored is None:
            if study_name is not None:
                raise StudyError(f"{study_name!r} was not made by this tuner: it holds no settings")
            say(console, f"{study.study_name}: left out, since it holds no settings of this tuner")
            continue
        folder = save_dir.study(study.study_name)
        for sentence in write_exports(study, resolve(stored), folder):
            say(console, f"{study.study_name}: {sentence}")
        say(console, f"{study.study_name}: written to {folder.root}/")
