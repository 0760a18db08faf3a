"""Which network a command means."""

from __future__ import annotations

from pathlib import Path

from ..core.folders import BEST_MODEL
from ..core.problems import Problem, SettingsError, did_you_mean

# ``model_folder.DESCRIPTION``, which comes with torch.
DESCRIPTION = "model.json"


def find_model(model: Path | None, study_name: str | None, save_dir: Path) -> Path:
    """The folder (or file) of the network that is meant: as named, else the best of a study.

    Raises:
        SettingsError: If it cannot be told, or there is none.
    """
    if model is not None:
        if study_name is not None:
            rule = "cannot be given together with --study-name: each says which network is meant"
            raise SettingsError([Problem("--model", str(model), rule)])
        # A study's folder means the best of it.
        inside = model / BEST_MODEL
        return inside if not (model / DESCRIPTION).is_file() and (inside / DESCRIPTION).is_file() else model
    found = {path.parent.parent.name: path.parent for path in sorted(save_dir.glob(f"*/{BEST_MODEL}/{DESCRIPTION}"))}
    if study_name in found:
        return found[study_name]
    if study_name is not None:
        if (save_dir / study_name).is_dir():
            rule = f"has no {BEST_MODEL}: it has no finished trial whose weights are there"
            way_out = f"./run_tuning.sh report --study-name {study_name} makes it where they are"
            raise SettingsError([Problem("--study-name", study_name, rule, way_out)])
        raise SettingsError([Problem("--study-name", study_name, "is not there", did_you_mean(study_name, found))])
    if not found:
        rule = "holds no study with a trained network"
        raise SettingsError([Problem("--save-dir", str(save_dir), rule, "begin one with ./run_tuning.sh")])
    if len(found) > 1:
        rule = "is needed, since there are several studies"
        raise SettingsError([Problem("--study-name", "", rule, f"there are {', '.join(found)}")])
    return next(iter(found.values()))
