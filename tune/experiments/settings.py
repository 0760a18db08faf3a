"""From a suite to the complete settings of every configuration: all hyperparameters fixed, the same seeds for all."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..config.initial import ADAPTED, INITIAL_CONFIGURATIONS
from ..config.ranges import to_plain
from ..config.settings import Settings, architecture_name, resolve
from ..config.spaces import OFF, SHARED, Scalar, own_space
from ..core.problems import Problem, SettingsError
from .schema import Configuration, Protocol, Suite

# A plain network is trained plainly: Adam at 1e-3, halved on a plateau, nothing varied, nothing smoothed.
PLAIN: dict[str, Scalar] = {
    "learning_rate": 1e-3,
    "batch_size": 64,
    "weight_decay": 0.0,
    "schedule": "plateau",
    "normalisation": "global",
    "derived_channels": "none",
    "label_smoothing": 0.0,
    "mixup": 0.0,
    "weight_averaging": 0.0,
    "scaling": 0.0,
    "rotation": 0.0,
    "time_warp": 0.0,
    "time_crop": 0.0,
    "channel_dropout": 0.0,
    "flip": False,
    "class_balance": "none",
    **OFF,
}

# What a comparison decides by itself.
DECIDED = {
    "search": ("trials", "target", "sampler", "pruner", "timeout_seconds", "record_answers"),
    "training": ("refit",),
    "machine": ("device", "workers", "checkpoint_every"),
}

# But the command line says where and how long.
MACHINE = ("machine.", "search.timeout_seconds")


@dataclass(frozen=True)
class Entry:
    """One configuration under one protocol.

    Attributes:
        layers: Partial settings, the strongest last.
    """

    protocol: Protocol
    configuration: Configuration
    study_name: str
    layers: tuple[dict[str, Any], ...]


def entries_of(
    suite: Suite, protocol: Protocol, overrides: Sequence[dict[str, Any]], suite_name: str | None = None
) -> list[Entry]:
    """Every configuration under a protocol."""
    return [
        Entry(
            protocol,
            configuration,
            suite.study_name(protocol, configuration, suite_name),
            (suite.settings, protocol.settings, configuration.settings, *overrides),
        )
        for configuration in suite.configurations
    ]


def check_suite(suite: Suite, overrides: Sequence[dict[str, Any]] = ()) -> None:
    """Resolves the settings of every configuration under every protocol, without any data."""
    problems = _piece_problems("settings", suite.settings)
    # The pieces below may be about its ranges.
    network = {key: value for key, value in suite.settings.items() if key == "network" and not problems}
    for k, protocol in enumerate(suite.protocols):
        problems += _piece_problems(f"protocols[{k}].settings", protocol.settings, network)
    for k, configuration in enumerate(suite.configurations):
        problems += _piece_problems(f"configurations[{k}].settings", configuration.settings, network)
        if configuration.found_by_search is not None:
            problems += _found(f"configurations[{k}].found_by_search", [network, configuration.found_by_search])
    for layer in overrides:
        problems += [problem for problem in decided_problems("", layer) if not problem.path.startswith(MACHINE)]
    if not problems:
        # Each piece is right by itself: what is wrong now is wrong together.
        for protocol in suite.protocols:
            for entry in entries_of(suite, protocol, overrides):
                try:
                    filled(entry.layers, "gesture", protocol.unmentioned)
                except SettingsError as error:
                    place = f"configuration {entry.configuration.name}, protocol {protocol.name}"
                    problems += [Problem(f"{place}: {p.path}", p.value, p.rule, p.suggestion) for p in error.problems]
    if problems:
        raise SettingsError({str(problem): problem for problem in problems}.values())


def filled(layers: Sequence[dict[str, Any]], kind: str, unmentioned: str) -> Settings:
    """The complete settings of a configuration: what nobody mentions is filled in, and nothing is left to search.

    Args:
        layers: Partial settings, the strongest last.
        kind: Of the data set, which decides what is known to be good.
        unmentioned: ``plain`` or ``known-good``.
    """
    architecture = resolve(*layers).architecture
    known = {**INITIAL_CONFIGURATIONS[kind][0], **ADAPTED.get(architecture, {})} if unmentioned == "known-good" else {}
    space = {
        "shared": {name: known.get(name, PLAIN[name]) for name in SHARED},
        architecture: {name: known.get(name, value) for name, value in _constructor_values(architecture).items()},
    }
    settings = resolve({"space": space}, *layers)
    searched, _ = settings.ranges()
    if searched:
        raise SettingsError(
            Problem(
                f"space.{'shared' if name in SHARED else architecture}.{name}",
                to_plain(distribution),
                "is a range: a comparison trains one value",
                "write a single value",
            )
            for name, distribution in searched.items()
        )
    return settings


def _constructor_values(architecture: str) -> dict[str, Scalar]:
    """What the constructor of an architecture takes where nothing is said."""
    from models import architecture as kind

    parameters = inspect.signature(kind(architecture)).parameters
    return {name: parameters[name].default for name in own_space(architecture)}


def _piece_problems(place: str, piece: dict[str, Any], network: dict[str, Any] | None = None) -> list[Problem]:
    """What is wrong with one partial piece of settings by itself, or over a network of one's own."""
    return _found(place, [network or {}, piece]) + decided_problems(f"{place}.", piece)


def decided_problems(place: str, piece: dict[str, Any]) -> list[Problem]:
    """What a piece of settings says of things that a comparison decides by itself."""
    problems = []
    for section, names in DECIDED.items():
        written = piece.get(section)
        if not isinstance(written, dict):
            continue  # Is told of as a wrong setting.
        for name in names:
            if written.get(name) is not None:
                rule = "is no matter of a comparison"
                problems.append(Problem(f"{place}{section}.{name}", written[name], rule, "leave it out"))
    return problems


def _found(place: str, layers: Sequence[dict[str, Any]]) -> list[Problem]:
    try:
        resolve(*layers)
    except SettingsError as error:
        return [Problem(f"{place}.{p.path}", p.value, p.rule, p.suggestion) for p in error.problems]
    return []


def parameters_as_layer(architecture: str, parameters: dict[str, Scalar]) -> dict[str, Any]:
    """Hyperparameters of a trial as settings that fix them."""
    name = architecture_name(architecture)
    return {
        "architecture": name,
        "space": {
            "shared": {key: value for key, value in parameters.items() if key in SHARED},
            name: {key: value for key, value in parameters.items() if key in own_space(name)},
        },
    }
