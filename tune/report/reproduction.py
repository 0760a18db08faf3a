"""How to run the study again, and everything that its result depends on."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from data.landmarks import mirrored

from ..config.arguments import OPTION_PATHS
from ..config.settings import Settings, default_settings
from ..study.study import all_parameters
from .facts import Facts
from .figures.sections import Section, Table
from .words import listed

_FRONT = "./run_tuning.sh"
# Cannot be written as the plain value of an option.
_NO_OPTION = frozenset(
    {
        *("data.asl_citizen", "search.floors", "search.ensemble", "search.timeout_seconds"),
        "machine.checkpoint_every",
    }
)
_KINDS = {
    "group": "by person: nobody is in two parts",
    "stratified": "at random: the same person may be in several parts",
    "official": "as published",
}


def command(
    settings: Settings, study_name: str, channel_names: Sequence[str] = (), *, every_architecture: bool = False
) -> str:
    """The command line that begins the same study anew, under another name.

    Whatever differs from the built-in settings is on it.

    Args:
        settings: Of the study.
        study_name: Of the study.
        channel_names: Of its data.
        every_architecture: Whether it is one of the studies of all architectures, which are to begin anew.
    """
    sections = ("shared", *(settings.architectures if every_architecture else (settings.architecture,)))
    changed = dict(_changes(default_settings(settings.network), settings.model_dump(mode="json"), sections))
    changed |= {path: _at(settings, path) for path in ("dataset", "architecture", "search.trials", "search.seed")}
    if mirrored(tuple(channel_names)) is None:
        changed.pop("space.shared.flip", None)  # The tuner has taken it out, and will again.
    if every_architecture:
        del changed["architecture"]
    own = settings.network
    if own is not None:
        changed = {path: value for path, value in changed.items() if not path.startswith(("architecture", "network"))}
    if second := changed.pop("search.second_objective", None):
        changed["objectives"] = f"{changed.pop('search.metric', settings.search.metric)},{second}"
    flags = {path: "--" + name.replace("_", "-") for name, path in OPTION_PATHS.items() if path not in _NO_OPTION}
    flags["objectives"] = "--objectives"
    words = [f"{flags[path]} {_quoted(changed.pop(path))}" for path in flags if changed.get(path) is not None]
    words += [] if own is None else [f"--model {_quoted(f'{own.path}:{own.name}')}"]
    words += [f"--set {shlex.quote(f'{path}={json.dumps(value)}')}" for path, value in sorted(changed.items())]
    words += ["--auto-tune-all"] * every_architecture
    words.append(f"--study-name {_quoted(f'{study_name}-again')}")
    lines = [_FRONT]
    for word in words:
        if len(lines[-1]) + len(word) > 90:
            lines.append(f"   {word}")
        else:
            lines[-1] += f" {word}"
    return " \\\n".join(lines)


def reproduction_section(facts: Facts) -> Section:
    """Commands, versions, split and fingerprint."""
    data = facts.attributes.get("data") or {}
    fingerprint = str(facts.attributes.get("data_fingerprint") or data.get("fingerprint") or "not stored")
    threads = facts.settings.machine.threads
    summary = (
        "The same seed, machine, number of threads and one worker give the same trials to the last digit, interrupted "
        "or not. Recordings are found by --data-path or SEQTUNE_DATA; their fingerprint is below."
    )
    rows = [
        ("study", facts.name),
        ("begun", str(facts.attributes.get("created") or "not stored")),
        ("data", _data_words(data)),
        ("fingerprint of the data (SHA-256)", fingerprint),
        ("split", _split_words(facts.split)),
        ("seeds", f"study {facts.settings.search.seed}, split {facts.settings.split.seed}"),
        ("threads", str(threads)),
        ("versions", _version_words(facts.attributes.get("versions"))),
    ]
    commands = [
        ("go on with more trials", f"{_FRONT} --study-name {_quoted(facts.name)} --resume --trials N{facts.places}"),
        ("look at every trial", f"{_FRONT} dashboard{facts.places}"),
        ("make this report again", f"{_FRONT} report --study-name {_quoted(facts.name)}{facts.places}"),
    ]
    return Section(
        "reproduction",
        "What it rests on",
        summary,
        tables=(
            Table("What it rests on", ("what", "value"), tuple(rows), is_open=True, wraps=True),
            Table("Commands", ("to", "command"), tuple(commands), is_open=True, wraps=True),
            *_configuration(facts),
        ),
    )


def _configuration(facts: Facts) -> tuple[Table, ...]:
    """The recommended hyperparameters, those that were searched first."""
    if facts.best is None:
        return ()
    searched = facts.best.params
    rows = [
        (name, _written(value), "searched" if name in searched else "fixed")
        for name, value in sorted(
            all_parameters(facts.best).items(), key=lambda item: (item[0] not in searched, item[0])
        )
    ]
    return (Table(f"The configuration of {facts.name_of_best}", ("hyperparameter", "value", ""), tuple(rows)),)


def _written(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _changes(before: Mapping[str, Any], now: Mapping[str, Any], sections: Sequence[str]) -> list[tuple[str, Any]]:
    """Paths and values of what differs; of the ranges only those that the study could use."""
    found: list[tuple[str, Any]] = []
    for key, value in now.items():
        if key == "space":
            for name in sections:
                ranges, built_in = value.get(name, {}), before[key].get(name, {})
                found += [(f"space.{name}.{inner}", one) for inner, one in ranges.items() if one != built_in.get(inner)]
        elif isinstance(value, Mapping):
            section = before.get(key) or {}
            found += [(f"{key}.{name}", one) for name, one in value.items() if one != section.get(name)]
        elif value != before.get(key):
            found.append((key, value))
    return found


def _at(settings: Settings, path: str) -> Any:
    value: Any = settings
    for name in path.split("."):
        value = getattr(value, name)
    return value


def _quoted(value: Any) -> str:
    return shlex.quote(value if isinstance(value, str) else json.dumps(value))


def _data_words(data: Mapping[str, Any]) -> str:
    lengths = data.get("lengths") or {}
    parts = [str(data.get("name", "not stored"))]
    if "n_sequences" in data:
        parts.append(f"{data['n_sequences']} sequences")
    parts.append(f"{len(data.get('class_names') or ())} classes")
    parts.append(f"{len(data.get('channel_names') or ())} channels")
    if lengths:
        parts.append(f"{lengths.get('shortest')} to {lengths.get('longest')} steps")
    return ", ".join(parts)


def _split_words(split: Mapping[str, Any]) -> str:
    folds = split.get("parts") or ()
    if not folds:
        return "not stored"
    how = _KINDS.get(str(split.get("kind")), str(split.get("kind")))
    if len(folds) > 1:
        return f"{how}; {len(folds)} folds of train and validation"
    sizes = [f"{name} {_part_words(part)}" for name, part in folds[0].items() if part is not None]
    return f"{how}; {listed(sizes)}"


def _part_words(part: Mapping[str, Any]) -> str:
    people = part.get("people")
    if not people:
        return str(part.get("n_sequences"))
    named = ", ".join(map(str, people[:12])) + (f" and {len(people) - 12} more" if len(people) > 12 else "")
    return f"{part.get('n_sequences')} ({named})"


def _version_words(versions: Any) -> str:
    if not isinstance(versions, Mapping):
        return "not stored"
    return ", ".join(f"{name} {version}" for name, version in versions.items())
