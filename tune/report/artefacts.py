"""Pictures of a study where optuna-dashboard shows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from optuna import Study

from ..core.folders import StudyFolder
from .page_names import REPORT_PAGE

if TYPE_CHECKING:
    from optuna.artifacts import FileSystemArtifactStore

PICTURES = ("optimization_history.png", "param_importances.png", "parallel_coordinate.png", "contour_plot.png")
REPORT_PICTURES = ("learning_curves.png", "confusion_matrix.png", "timeline.png")
# Of studies with two objectives only.
PARETO_PICTURE = "pareto_front.png"


def artefact_store(save_dir: Path) -> FileSystemArtifactStore:
    """Where the dashboard finds artefacts of all studies under ``save_dir``."""
    place = save_dir / ".artefacts"
    place.mkdir(parents=True, exist_ok=True)
    from optuna.artifacts import FileSystemArtifactStore

    return FileSystemArtifactStore(place)


def attach_pictures(study: Study, folder: StudyFolder) -> None:
    """Attaches the study's pictures, in place of those of an earlier export."""
    from optuna.artifacts import upload_artifact  # Loads boto3, where that is installed.

    store = artefact_store(folder.save_dir)
    known: dict[str, str] = dict(study.user_attrs.get("artefacts", {}))
    added = False
    for name in (*PICTURES, PARETO_PICTURE, *REPORT_PICTURES, "best_config.json", REPORT_PAGE):
        path = folder.root / name
        if not path.is_file():
            continue
        if name in known:
            with path.open("rb") as content:
                store.write(known[name], content)
        else:
            known[name] = upload_artifact(artifact_store=store, file_path=str(path), study_or_trial=study)
            added = True
    if added:
        study.set_user_attr("artefacts", known)
