"""``diagnose``: what a network has learned and where it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from optuna import Study
from sqlalchemy.engine import make_url

from ...config.settings import Settings, resolve
from ...core.errors import StudyError
from ...core.folders import DATABASE_NAME, SaveDir, StudyFolder
from ...core.problems import Problem, SettingsError, did_you_mean
from ...core.terminal import say
from ...deploy.test_recordings import note_use
from ...diagnosis.baselines import BASELINES
from ...diagnosis.model import Diagnosed
from ...diagnosis.opening import of_model, of_trial, tested_model, trial_to_look_at
from ...diagnosis.page import write_diagnosis
from ...diagnosis.whole import diagnose
from ...report.exports import write_best
from ...study.agreement import check_agreement
from ...study.context import RunContext
from ...study.locks import study_lock
from ...study.selection import selected_trial
from ...study.study import OWNER, is_companion, load_study, stored_settings
from ...training.model_folder import StoredModel, load_model
from ...training.splits import load_dataset, load_splits
from ...training.train import NonFiniteLossError
from .opening import chosen_studies, open_existing

FOLDER = "diagnosis"


@dataclass(frozen=True)
class Target:
    """What is looked at, and where the findings go.

    Attributes:
        folder: Of the page.
        again: A call of ``lesson`` that finds the same network, for the notebook.
    """

    diagnosed: Diagnosed
    folder: Path
    again: str


def diagnose_command(
    save_dir: SaveDir,
    *,
    study_name: str | None,
    trial: int | None,
    model: Path | None,
    part: str | None,
    against: str | None,
    data_path: str | None,
    notebook: bool,
) -> None:
    """Writes the diagnosis and says where it is."""
    compared = read_against(against)
    if notebook:
        check_notebook_packages()
    if model is not None and (study_name is not None or trial is not None):
        raise SettingsError(
            [Problem("--model", str(model), "names the network already: leave out --study-name, --trial")]
        )

    if model is not None:
        target = of_folder(model, part, data_path)
    else:
        target = of_study(only_study(save_dir, study_name), save_dir, trial, part or "validation", data_path)
    for note in target.diagnosed.notes:
        say(f"  {note}")
    page = write_diagnosis(target.diagnosed, diagnose(target.diagnosed, compared, say), target.folder)
    say(f"Diagnosis: {page}  (and its pictures and numbers beside it)")
    if notebook:
        from ...diagnosis.notebook import write_notebook

        say("Executing the notebook")
        say(f"Notebook: {write_notebook(target.diagnosed.title, target.again, compared, target.folder)}")


def read_against(written: str | None) -> tuple[str, ...]:
    """The networks to compare with."""
    names = [name.strip().lower() for name in (written or "").split(",") if name.strip()]
    wrong = [
        Problem("--against", name, "cannot be compared", did_you_mean(name, BASELINES))
        for name in names
        if name not in BASELINES
    ]
    if written is not None and not names:
        wrong = [Problem("--against", written, "names no network", f"valid: {', '.join(BASELINES)}")]
    if wrong:
        raise SettingsError(wrong)
    return tuple(dict.fromkeys(names))


def only_study(save_dir: SaveDir, study_name: str | None) -> Study:
    """The named study, or the only one there is."""
    storage = open_existing(save_dir)
    if study_name is None:
        # Confirmation runs and floors are no study to look into by themselves.
        names = [study.study_name for study in chosen_studies(storage, save_dir, None) if not is_companion(study)]
        if len(names) != 1:
            listed = ", ".join(sorted(names)) or "none yet"
            raise StudyError(f"say which study to diagnose with --study-name; there are: {listed}")
        study_name = names[0]
    return chosen_studies(storage, save_dir, study_name)[0]


def of_study(study: Study, save_dir: SaveDir, number: int | None, part: str, data_path: str | None) -> Target:
    """A trial of a study; that test is looked at goes on record before it is seen."""
    folder = save_dir.study(study.study_name)
    diagnosed, trial, settings = subject_of_study(study, folder, number, part, data_path)
    if part == "test":
        with study_lock(study, folder):
            note_use(study, trial, "diagnosis")
        if selected_trial(study) is not None:
            write_best(study, settings, folder)
    place = folder.root / FOLDER
    again = (
        f"of_study(\n    {study.study_name!r},\n    save_dir={str(folder.save_dir.resolve())!r},\n"
        f"    storage={_without_password(save_dir.storage)!r},\n    trial={trial},\n    part={part!r},\n"
        f"    data_path={data_path!r},\n)"
    )
    return Target(diagnosed, place if number is None else place / f"trial-{trial}", again)


def subject_of_study(
    study: Study,
    folder: StudyFolder,
    number: int | None,
    part: str,
    data_path: str | None,
    tell: Callable[[str], None] = say,
) -> tuple[Diagnosed, int, Settings]:
    """What to look at of a trial, its number, and the settings of the study."""
    stored = stored_settings(study)
    if stored is None:
        raise StudyError(f"{study.study_name!r} was not made by this tuner: it holds no settings")
    settings = resolve(stored, *([{"data": {"path": data_path}}] if data_path is not None else []))
    trial = trial_to_look_at(study, number)
    torch.set_num_threads(settings.machine.threads)
    tell(f"Diagnosing trial {trial.number} of {study.study_name}")
    context = RunContext(study, settings, load_splits(settings), folder, torch.device("cpu"))
    try:
        diagnosed = of_trial(context, trial, part, tell)
    except NonFiniteLossError as error:
        raise StudyError(f"trial {trial.number} cannot be trained again: {error}") from error
    return diagnosed, trial.number, settings


def of_folder(place: Path, part: str | None, data_path: str | None) -> Target:
    """The network in a folder, with its study's parts where that study is around it."""
    stored = load_model(place)
    folder = place.parent / f"{place.resolve().name}-{FOLDER}"
    study = _study_of(stored, place)
    if study is not None:
        trial = stored.description.trial
        save_dir = SaveDir(place.resolve().parent.parent)
        own = study.get_trials(deepcopy=False)[trial]
        refitted = tested_model(study, own, save_dir.study(study.study_name)) is not None
        if refitted and part == "validation":
            rule = "the network was trained on the validation set too"
            advice = f"leave --part out, or diagnose the study: --study-name {study.study_name}"
            raise SettingsError([Problem("--part", part, rule, advice)])
        chosen = "test" if refitted else part or "validation"
        return replace(of_study(study, save_dir, trial, chosen, data_path), folder=folder)
    if part is not None:
        rule = "there is no study beside the folder that says which sequences that is"
        raise SettingsError([Problem("--part", part, rule, "leave --part out")])
    again = f"of_model({str(place.resolve())!r}, data_path={data_path!r})"
    say(f"Diagnosing {place}/")
    return Target(subject_of_folder(place, data_path), folder, again)


def subject_of_folder(place: Path, data_path: str | None) -> Diagnosed:
    """The network in a folder on all sequences of its data set, or of the recordings that are named."""
    stored = load_model(place)
    dataset = stored.description.data.dataset
    described = stored.description.data.model_dump(mode="json", exclude={"dataset"})
    settings = resolve({"dataset": dataset, "data": {**described, "path": data_path}})
    torch.set_num_threads(settings.machine.threads)
    return of_model(stored, place, load_dataset(settings), str(data_path or dataset))


def _study_of(stored: StoredModel, place: Path) -> Study | None:
    """The study in whose folder the model is, or the floor of that study; None where there is none."""
    root = place.resolve().parent
    if not (root.parent / DATABASE_NAME).exists():
        return None
    storage = open_existing(SaveDir(root.parent))
    study = load_study(storage, stored.description.study)
    if study is None or stored_settings(study) is None:
        return None
    if root.name not in (study.study_name, study.user_attrs.get(OWNER)):
        return None
    check_agreement(storage, [StudyFolder(root.parent, root.name)])
    return study if stored.description.trial < len(study.get_trials(deepcopy=False)) else None


def _without_password(storage_url: str | None) -> str | None:
    """The address as it may be written into a file."""
    if storage_url is None or storage_url.startswith("env:"):
        return storage_url
    return str(make_url(storage_url)._replace(password=None).set(query={}))


def check_notebook_packages() -> None:
    """Says at once what a notebook needs."""
    from importlib.util import find_spec

    missing = [name for name in ("nbformat", "nbclient", "ipykernel") if find_spec(name) is None]
    if missing:
        raise StudyError(
            f"--notebook needs {', '.join(missing)}, which is not installed: "
            ".venv/bin/python -m pip install nbformat nbclient ipykernel"
        )
