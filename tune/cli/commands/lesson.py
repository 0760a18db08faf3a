"""What the cells of a diagnosis' notebook call: the same as ``diagnose`` does, one step at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...core.escaping import escaped
from ...core.folders import read_save_dir
from ...diagnosis.model import Diagnosed
from ...report.figures.sections import Section
from ...report.figures.sheets import png
from .diagnose import only_study, subject_of_folder, subject_of_study


def of_study(
    study_name: str,
    *,
    save_dir: str,
    storage: str | None = None,
    trial: int | None = None,
    part: str = "validation",
    data_path: str | None = None,
) -> Diagnosed:
    """A trial of a study, the best by default, and the sequences to judge it by.

    Args:
        study_name: Of the study.
        save_dir: Holds it.
        storage: Another database than the one in there.
        trial: Number of the trial; None for the best.
        part: ``validation`` or ``test``; looking at test is a use of it.
        data_path: Where the recordings are; None for where the study has them.
    """
    folder = replace(read_save_dir(save_dir), storage=storage)
    study = only_study(folder, study_name)
    return subject_of_study(study, folder.study(study_name), trial, part, data_path, lambda line: None)[0]


def of_model(place: str, *, data_path: str | None = None) -> Diagnosed:
    """The network in a folder, and recordings to judge it by; see ``of_study``."""
    return subject_of_folder(Path(place), data_path)


def show(picture: Section) -> None:
    """Shows a picture in the notebook, with its words."""
    from IPython.display import Image, Markdown, display

    notes = "".join(f"\n- {escaped(note)}" for note in picture.notes)
    display(Markdown(f"### {escaped(picture.title)}\n\n{escaped(picture.summary)}"))  # type: ignore[no-untyped-call]
    if picture.figure is not None:
        display(Image(png(picture.figure), alt=picture.alt))  # type: ignore[no-untyped-call]
    if notes:
        display(Markdown(notes))  # type: ignore[no-untyped-call]
