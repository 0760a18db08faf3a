"""Everything that a study leaves on disk, written at once from the database."""

from __future__ import annotations

from importlib import import_module

from optuna import Study

from ..config.settings import Settings
from ..core.folders import StudyFolder
from ..evaluation.unfinished import keep_unfinished
from ..study.note import study_note, write_note
from ..study.selection import selected
from ..study.study import is_companion, trials_so_far
from ..study.trials_table import write_trials
from .artefacts import attach_pictures
from .exports import write_best, write_best_model
from .sentences import resume_command

_LIBRARIES = ("pandas", "matplotlib.figure", "optuna.importance", "plotly.graph_objects")


def load_libraries() -> None:
    """Loads what the exports need, so that who has pressed Ctrl-C need not wait for that as well.

    Between two trials, not beside them: threads that import at the same time can wait for each other for good, and so
    can the end of the interpreter for a thread that it has stopped in the midst of an import.
    """
    for name in _LIBRARIES:
        import_module(name)


def write_exports(study: Study, settings: Settings, folder: StudyFolder) -> list[str]:
    """Writes every export from the database; returns what could not be drawn, and why."""
    # Load plotly and matplotlib, which a run that fails at once can do without.
    from .facts import gather
    from .figures.collection import study_figures
    from .figures.words import study_context
    from .page import write_pages
    from .pareto import pareto_of

    if is_companion(study):
        write_trials(study, folder)
        return []  # What it says is in the exports of the study that it belongs to.
    keep_unfinished(study, settings, folder)
    write_trials(study, folder)
    if selected(study, settings, folder) is not None:
        write_best(study, settings, folder)
        write_best_model(study, settings, folder)
    context = study_context(study, settings.search.metric, study.user_attrs.get("n_validation"))
    facts = gather(study, settings, folder, study_figures(trials_so_far(study), context), context)
    report, not_drawn = write_pages(facts, folder.root, pareto_of(study, settings))
    attach_pictures(study, folder)
    answer = [report.answer.headline, *report.answer.points[0].sentences]
    write_note(study, study_note(settings, study.user_attrs, resume_command(study, folder), answer))
    return not_drawn
