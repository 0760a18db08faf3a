"""``report``: every artefact of a study, made again from the database."""

from __future__ import annotations

from ...config.settings import resolve
from ...core.errors import StudyError
from ...core.folders import SaveDir, check_study_name
from ...core.terminal import say
from ...experiments.comparison import COMPARED_IN, write_comparison
from ...report.outputs import write_exports
from ...run import Finished
from ...search.loop import Ended
from ...study.study import stored_settings
from .opening import chosen_studies, open_existing


def report_command(save_dir: SaveDir, study_name: str | None) -> None:
    """Writes the exports of the named study, or of all and of what compares them."""
    studies = chosen_studies(open_existing(save_dir), save_dir, study_name)
    compared: dict[str, list[Finished]] = {}
    for study in studies:
        stored = stored_settings(study)
        if stored is None:
            if study_name is not None:
                raise StudyError(f"{study_name!r} was not made by this tuner: it holds no settings")
            say(f"{study.study_name}: left out, since it holds no settings of this tuner")
            continue
        folder = save_dir.study(study.study_name)
        settings = resolve(stored)
        for sentence in write_exports(study, settings, folder):
            say(f"{study.study_name}: {sentence}")
        say(f"{study.study_name}: written to {folder.root}/")
        name = study.user_attrs.get(COMPARED_IN)
        if study_name is None and isinstance(name, str):
            compared.setdefault(name, []).append(Finished(study, settings, folder, Ended(""), []))
    for name, done in compared.items():
        check_study_name(name)
        write_comparison(done, save_dir.local / name)
        say(f"{name}: written to {save_dir.local / name}/")
