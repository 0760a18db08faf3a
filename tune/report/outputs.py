"""Everything that a study leaves on disk, written at once from the database."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from optuna import Study

from ..config.settings import Settings
from ..core.files import write_text
from ..core.folders import StudyFolder
from ..evaluation.unfinished import keep_unfinished
from ..study.companions import ENDINGS, find_companion
from ..study.note import study_note, write_note
from ..study.selection import selected
from ..study.study import is_companion, trials_so_far
from ..study.trials_table import write_trials
from .artefacts import attach_pictures
from .exports import write_best, write_best_model
from .page_names import REPORT_PAGE
from .sentences import go_on_command

if TYPE_CHECKING:
    from .facts import Facts

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
    # Loads plotly and matplotlib, which a run that fails at once can do without.
    from .page import write_pages
    from .pareto import pareto_of

    if is_companion(study):
        write_trials(study, folder)
        return []  # What it says is in the exports of the study that it belongs to.
    keep_unfinished(study, settings, folder)
    write_trials(study, folder)
    for companion in filter(None, (find_companion(study, kind) for kind in ENDINGS)):
        write_trials(companion, StudyFolder(folder.save_dir, companion.study_name, folder.shared))
    if selected(study, settings, folder) is not None:
        write_best(study, settings, folder)
        write_best_model(study, settings, folder)
    report, not_drawn = write_pages(_facts(study, settings, folder), folder.root, pareto_of(study, settings))
    attach_pictures(study, folder)
    answer = [report.answer.headline, *report.answer.points[0].sentences]
    write_note(study, study_note(settings, study.user_attrs, go_on_command(study, settings, folder), answer))
    return not_drawn


def write_live_page(study: Study, settings: Settings, folder: StudyFolder, running: str) -> None:
    """Writes ``report.html`` as far as a study has come; ``running`` says how far that is."""
    from .content import content
    from .page import as_html, pareto_sections
    from .pareto import pareto_of

    facts = replace(_facts(study, settings, folder), running=running, provisos=())
    first = pareto_sections(pareto_of(study, settings), facts.context)
    write_text(folder.root / REPORT_PAGE, as_html(content(facts, first)))


def _facts(study: Study, settings: Settings, folder: StudyFolder) -> Facts:
    from .context import study_context
    from .facts import gather
    from .figures.collection import study_figures

    context = study_context(study, settings.search.metric, study.user_attrs.get("n_validation"))
    return gather(study, settings, folder, study_figures(trials_so_far(study), context), context)
