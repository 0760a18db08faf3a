"""Which data set a run is about when only a path is named, and what its study is then called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from data import DATASETS, files
from data.layouts.ts_archive import PART
from data.recognise import recognise

from .settings import Settings

LONGEST_NAME = 60


def with_dataset(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The layers, and with them the data set that lies at ``data.path`` if they name a path and no data set.

    Raises:
        DataError: If what lies there is not understood, or is more than one data set.
    """
    if any(_chooses(layer) for layer in layers):
        return layers
    named = [path for layer in layers if (path := layer.get("data", {}).get("path"))]
    if not named:
        return layers
    return [*layers, {"dataset": recognise(Path(named[-1]).expanduser())}]


def _chooses(layer: dict[str, Any]) -> bool:
    """Whether a layer names a data set; the embedded one in a file of all settings is there since it is the default."""
    return "dataset" in layer and (len(layer) == 1 or layer["dataset"] != Settings().dataset)


def data_name_of(settings: Settings) -> str:
    """What a study is named after: the data set, or the folder or file of one's own recordings."""
    if settings.dataset != files.NAME or settings.data.path is None:
        return settings.dataset
    path = Path(settings.data.path).expanduser().absolute()
    stem = PART.sub("", path.stem) if path.suffix.lower() in {*files.READ_SUFFIXES, files.ZIP} else path.name
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:LONGEST_NAME]
    return f"{files.NAME}-{plain}".rstrip("-") if plain in DATASETS or not plain else plain
