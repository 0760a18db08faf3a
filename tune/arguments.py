"""Settings given on the command line, as layers for ``config.resolve``."""

from __future__ import annotations

import json
import re
from typing import Any

from .config import nested, setting_paths
from .json_files import parse_json_object
from .problems import Problem, did_you_mean

OPTION_PATHS = {
    "model_type": "architecture",
    "dataset": "dataset",
    "data_path": "data.path",
    "classes": "data.classes",
    "split": "split.kind",
    "folds": "split.folds",
    "trials": "search.trials",
    "timeout": "search.timeout_seconds",
    "target": "search.target",
    "epochs": "training.epochs",
    "metric": "search.metric",
    "sampler": "search.sampler",
    "pruner": "search.pruner",
    "seed": "search.seed",
    "device": "machine.device",
}

TEXT_OPTIONS = frozenset({"model_type", "dataset", "data_path", "split", "metric", "sampler", "pruner", "device"})
_SECONDS_IN = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def assignment_layer(assignment: str) -> tuple[dict[str, Any], list[Problem]]:
    """Reads ``PATH=VALUE``; the value is JSON, or else text."""
    path, equals, written = assignment.partition("=")
    if not equals:
        return {}, [Problem("--set", assignment, "must be PATH=VALUE", "for example space.gru.hidden_size=64")]
    value, problems = _value(f"--set {path}", written)
    known = setting_paths()
    if path not in known and not any(path.startswith(f"{one}.") for one in known):
        return {}, [*problems, Problem(f"--set {path}", value, "no such setting", did_you_mean(path, known))]
    return nested(path, value), problems


def option_layers(options: dict[str, str | None]) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Reads the options that stand for one setting each."""
    layers, problems = [], []
    for name, written in options.items():
        if written is None:
            continue
        flag = "--" + name.replace("_", "-")
        value: Any = written
        found: list[Problem] = []
        if name == "timeout":
            value, found = _seconds(flag, written)
        elif name == "model_type":
            value = architecture_name(written)
        elif name not in TEXT_OPTIONS:
            value, found = _value(flag, written)
        problems += found
        if not found:
            layers.append(nested(OPTION_PATHS[name], value))
    return layers, problems


def architecture_name(written: str) -> str:
    """The registered name that is meant: ``Conv1dGRU`` and ``conv1d_gru`` are ``conv1d-gru``."""
    from .spaces import SPACES

    def plain(name: str) -> str:
        return re.sub(r"[^a-z0-9]", "", name.lower())

    return next((name for name in SPACES if plain(name) == plain(written)), written)


def _value(origin: str, written: str) -> tuple[Any, list[Problem]]:
    wrapped, problems = parse_json_object(f'{{"value": {written}\n}}', origin)
    if "value" in wrapped and len(wrapped) == 1:
        return wrapped["value"], problems
    try:
        json.loads(written)
    except (json.JSONDecodeError, RecursionError):
        return written, []
    return written, problems


def _seconds(flag: str, written: str) -> tuple[float, list[Problem]]:
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([smhd]?)", written.strip())
    if match is None or float(match[1]) == 0:
        return 0.0, [Problem(flag, written, "must be a time above 0", "for example 90s, 10m or 2h")]
    return float(match[1]) * _SECONDS_IN[match[2]], []
