"""Settings given on the command line, as layers for ``config.resolve``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.json_files import parse_json_object, read_json_object
from ..core.problems import Problem, SettingsError, did_you_mean
from .own_network import network_layer, register
from .schema import OwnNetwork, Search
from .settings import architecture_name, nested, resolve, setting_paths

OPTION_PATHS = {
    "model_type": "architecture",
    "dataset": "dataset",
    "data_path": "data.path",
    "classes": "data.classes",
    "asl_citizen": "data.asl_citizen",
    "split": "split.kind",
    "folds": "split.folds",
    "trials": "search.trials",
    "timeout": "search.timeout_seconds",
    "target": "search.target",
    "epochs": "training.epochs",
    "metric": "search.metric",
    "max_parameters": "search.max_parameters",
    "max_latency_ms": "search.max_latency_ms",
    "max_flash": "search.max_flash",
    "max_ram": "search.max_ram",
    "max_macs": "search.max_macs",
    "device_precision": "search.device_precision",
    "sampler": "search.sampler",
    "pruner": "search.pruner",
    "stop": "search.stop",
    "seed": "search.seed",
    "floors": "search.floors",
    "ensemble": "search.ensemble",
    "false_alarms_per_hour": "search.false_alarms_per_hour",
    "unknown_classes": "search.unknown_classes",
    "device": "machine.device",
    "workers": "machine.workers",
    "workers_per_gpu": "machine.workers_per_gpu",
    "checkpoint_every": "machine.checkpoint_every",
    "engine": "machine.engine",
    "address": "machine.address",
    "confirm": "confirmation.configurations",
    "confirm_seeds": "confirmation.seeds",
}

# What an engine means for settings that nobody gives: a study that ran on a cluster is brought home, or runs as many
# trials at once as the cluster has room for.
ENGINE_MEANS: dict[str, dict[str, Any]] = {
    "local": {"machine": {"address": None}},
    "ray": {"machine": {"workers": 0}},
}
METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "loss")
SECOND_OBJECTIVES = ("parameters", "latency", "flash", "ram", "macs")

# How many networks these words mean.
ENSEMBLES = {"auto": Search().ensemble, "off": 0}

# Two networks that people know as one model type.
PLAIN_VARIANT = "bilstm"
VARIANTS = {"standard": PLAIN_VARIANT, "enhanced": "enhanced-bilstm"}

TEXT_OPTIONS = frozenset(
    {"dataset", "data_path", "split", "metric", "sampler", "pruner", "stop", "device", "engine", "address"}
)
# Who says how many runs there shall be gets all of them.
UNLIMITED_WHEN_ASKED_FOR = ("confirm", "confirm_seeds")
_SECONDS_IN = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
AMOUNTS = ("max_flash", "max_ram", "max_macs")
_TIMES = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


def settings_layers(
    config_file: Path | None, assignments: tuple[str, ...], options: Mapping[str, str | bool | None]
) -> list[dict[str, Any]]:
    """The partial settings that the command line gives, in order of precedence.

    Raises:
        SettingsError: If one of them cannot be read.
    """
    problems: list[Problem] = []
    layers = [ENGINE_MEANS[str(options["engine"])]] if options.get("engine") in ENGINE_MEANS else []
    if config_file is not None:
        layer, found = read_json_object(config_file)
        layers.append(layer)
        problems += found
    network = _network(options)
    for assignment in assignments:
        layer, found = assignment_layer(assignment, network)
        layers.append(layer)
        problems += found
    more, found = option_layers(options)
    if problems + found:
        raise SettingsError([*problems, *found, *_problems_of(layers + more)])
    return layers + more


def _network(options: Mapping[str, str | bool | None]) -> OwnNetwork | None:
    """The network that ``--model`` names; None where there is none, or what is wrong with it is still to be said."""
    try:
        written = options.get("model")
        return register(OwnNetwork(**network_layer(written)["network"])) if isinstance(written, str) else None
    except SettingsError:
        return None


def assignment_layer(assignment: str, network: OwnNetwork | None = None) -> tuple[dict[str, Any], list[Problem]]:
    """Reads ``PATH=VALUE``; the value is JSON, or else text."""
    path, equals, written = assignment.partition("=")
    if path.startswith("space."):
        _, section, *rest = path.split(".")
        path = ".".join(["space", architecture_name(section), *rest])
    if not equals:
        return {}, [Problem("--set", assignment, "must be PATH=VALUE", "for example space.gru.hidden_size=64")]
    value, problems = _value(f"--set {path}", written)
    known = setting_paths(network)
    if path not in known and not any(path.startswith(f"{one}.") for one in known):
        return {}, [*problems, Problem(f"--set {path}", value, "no such setting", did_you_mean(path, known))]
    return nested(path, value), problems


def option_layers(options: Mapping[str, str | bool | None]) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Reads the options that stand for one setting each; ``--standard`` and ``--enhanced`` say which model type."""
    architecture, problems = _architecture(options)
    layers = [] if architecture is None else [nested(OPTION_PATHS["model_type"], architecture)]
    if isinstance(own := options.get("model"), str):
        if architecture is not None:
            problems.append(Problem("--model", own, f"cannot go with {architecture}", "leave out one of the two"))
        try:
            layers = [network_layer(own)]
        except SettingsError as error:
            problems += error.problems
    for name, written in options.items():
        if not isinstance(written, str) or name in ("model_type", "model", "objectives"):
            continue
        flag = "--" + name.replace("_", "-")
        value: Any = written
        found: list[Problem] = []
        if name in ("timeout", "checkpoint_every"):
            value, found = _seconds(flag, written)
        elif name in AMOUNTS:
            value, found = _amount(flag, written)
        elif name in ("workers", "epochs") and not re.fullmatch(r"[1-9]\d{0,8}", written):
            rule = "must be a whole number from 1 on, or auto"
            value, found = 0, [] if written == "auto" else [Problem(flag, written, rule)]
        elif name == "ensemble" and written in ENSEMBLES:
            value = ENSEMBLES[written]
        elif name not in TEXT_OPTIONS:
            value, found = _value(flag, written)
        problems += found
        if not found:
            layers.append(nested(OPTION_PATHS[name], value))
        if name in UNLIMITED_WHEN_ASKED_FOR:
            layers.append(nested("confirmation.time_share", None))
    more, found = _objectives(options)
    return layers + more, problems + found


def _objectives(options: Mapping[str, str | bool | None]) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Reads ``--objectives METRIC,OTHER``, which stands for two settings."""
    written, metric = options.get("objectives"), options.get("metric")
    if not isinstance(written, str):
        return [], []
    first, comma, second = (part.strip() for part in written.partition(","))
    if first not in METRICS or (comma and second not in SECOND_OBJECTIVES):
        rule = f"must be one of {', '.join(METRICS)}, a comma, and one of {', '.join(SECOND_OBJECTIVES)}"
        return [], [Problem("--objectives", written, rule, "for example accuracy,parameters")]
    if metric not in (None, first):
        return [], [Problem("--metric", metric, f"is not what --objectives begins with, {first}", "leave it out")]
    return [{"search": {"metric": first, "second_objective": second or None}}], []


def _architecture(options: Mapping[str, str | bool | None]) -> tuple[str | None, list[Problem]]:
    """What ``--model-type`` means together with ``--standard`` or ``--enhanced``."""
    written = options.get("model_type")
    name = architecture_name(written) if isinstance(written, str) else None
    standard, enhanced = (bool(options.get(flag)) for flag in VARIANTS)
    if standard and enhanced:
        return name, [Problem("--enhanced", True, "cannot go with --standard", "leave out one of the two")]
    for flag, variant in VARIANTS.items():
        if not options.get(flag):
            continue
        if name in (PLAIN_VARIANT, variant):
            return variant, []
        rule = f"goes with --model-type {PLAIN_VARIANT}" + (f", not with {name}" if name else "")
        return name, [Problem(f"--{flag}", True, rule, f"write --model-type {PLAIN_VARIANT} --{flag}")]
    return name, []


def _value(origin: str, written: str) -> tuple[Any, list[Problem]]:
    wrapped, problems = parse_json_object(f'{{"value": {written}\n}}', origin)
    if "value" in wrapped and len(wrapped) == 1:
        return wrapped["value"], problems
    try:
        json.loads(written)
    except (json.JSONDecodeError, RecursionError):
        return written, []
    return written, problems


def seconds(flag: str, written: str) -> float:
    """A time such as 90s, 10m or 2h.

    Raises:
        SettingsError: If it is none.
    """
    value, problems = _seconds(flag, written)
    if problems:
        raise SettingsError(problems)
    return value


def _seconds(flag: str, written: str) -> tuple[float, list[Problem]]:
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([smhd]?)", written.strip())
    if match is None or float(match[1]) == 0:
        return 0.0, [Problem(flag, written, "must be a time above 0", "for example 90s, 10m or 2h")]
    return float(match[1]) * _SECONDS_IN[match[2]], []


def _amount(flag: str, written: str) -> tuple[int, list[Problem]]:
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?)\s*([kmg]?)b?", written.strip().lower())
    if match is None or float(match[1]) == 0:
        return 0, [Problem(flag, written, "must be a number above 0", "for example 64k, which is 64,000, or 1.5M")]
    return round(float(match[1]) * _TIMES[match[2]]), []


def _problems_of(layers: list[dict[str, Any]]) -> tuple[Problem, ...]:
    """What else is wrong, so that a person is told everything at once."""
    try:
        resolve(*layers)
    except SettingsError as error:
        return error.problems
    return ()
