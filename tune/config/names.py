"""How an architecture may be written: with or without hyphens, underscores and capitals."""

from __future__ import annotations

import re
from typing import Any

from .spaces import SPACES


def architecture_name(written: str) -> str:
    """The registered name that is meant: ``Conv1dGRU`` and ``conv1d_gru`` are ``conv1d-gru``; else as it is written."""

    def plain(name: str) -> str:
        return re.sub(r"[-_ ]", "", name.lower())

    return next((name for name in SPACES if plain(name) == plain(written)), written)


def with_registered_names(layer: dict[str, Any]) -> dict[str, Any]:
    """Partial settings whose architectures have their registered names.

    A second spelling of the same architecture stays as it is written, and is then refused as unknown.
    """
    named = dict(layer)
    if isinstance(layer.get("architecture"), str):
        named["architecture"] = architecture_name(layer["architecture"])
    if isinstance(layer.get("space"), dict):
        space: dict[str, Any] = {}
        for section, ranges in layer["space"].items():
            name = architecture_name(section)
            taken = name in space or (name != section and name in layer["space"])
            space[section if taken else name] = ranges
        named["space"] = space
    return named
