"""Settings: built-in defaults, then a JSON file, then the command line, checked once and all errors at once."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

from optuna.distributions import BaseDistribution
from pydantic import Field, JsonValue, ValidationError

from ..core.problems import Problem, SettingsError, did_you_mean
from .ranges import from_plain, to_plain
from .schema import Confirmation, Data, Machine, OwnNetwork, Search, Section, SplitSettings, TrainingSection
from .spaces import CLOSED_FORM, OFF, SHARED, SPACES, Scalar, Space, own_space, shared_space


class Settings(Section):
    """Everything that a run depends on; ``default_tuning_config.json`` in print."""

    dataset: str = Field("watch", description="Registered data set")
    architecture: str = Field("gru", description="Registered architecture, or the name of network")
    network: OwnNetwork | None = Field(None, description="A network of your own (--model FILE.py:CLASS)")
    data: Data = Data()
    split: SplitSettings = SplitSettings()
    search: Search = Search()
    training: TrainingSection = TrainingSection()
    confirmation: Confirmation = Confirmation()
    machine: Machine = Machine()
    space: dict[str, dict[str, JsonValue]] = Field(default_factory=dict, description="Ranges, by architecture")

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Whether a higher score is a better one."""
        return "minimize" if self.search.metric == "loss" else "maximize"

    @property
    def directions(self) -> list[Literal["maximize", "minimize"]]:
        """The same of every objective; less of the second one is always better."""
        return [self.direction, "minimize"] if self.search.second_objective else [self.direction]

    @property
    def architectures(self) -> tuple[str, ...]:
        """All of them, a network of one's own last."""
        return (*SPACES, *(() if self.network is None else (self.network.name,)))

    @property
    def pruner(self) -> str:
        """The pruner that is used: Optuna takes no reports of two objectives, so that there is nothing to prune by."""
        return "none" if self.search.second_objective else self.search.pruner

    @property
    def n_epochs(self) -> int:
        """Passes over the training set, at most; what is solved needs one."""
        return 1 if self.architecture in CLOSED_FORM else self.training.epochs

    def ranges(self) -> tuple[Space, dict[str, Scalar]]:
        """The searched distributions and the fixed values of this architecture, shared ones first."""
        searched: Space = {}
        fixed: dict[str, Scalar] = {}
        own = own_space(self.architecture)
        for section, built_in in (("shared", shared_space(self.architecture)), (self.architecture, own)):
            for name, written in self.space[section].items():
                if name not in built_in:
                    continue
                parsed = from_plain(f"space.{section}.{name}", name, built_in[name], written)
                if isinstance(parsed, BaseDistribution):
                    searched[name] = parsed
                else:
                    fixed[name] = parsed
        return searched, fixed


def default_settings(network: OwnNetwork | None = None) -> dict[str, Any]:
    """The built-in settings as plain JSON values, every range included; with a network, also its ranges."""
    own = {} if network is None else {network.name: own_space(network.name)}
    plain = Settings().model_dump(mode="json")
    plain["space"] = {
        section: {name: OFF.get(name, to_plain(distribution)) for name, distribution in space.items()}
        for section, space in {"shared": SHARED, **SPACES, **own}.items()
    }
    return plain


def resolve(*layers: dict[str, Any]) -> Settings:
    """Lays partial settings over the built-in ones and checks the result.

    Args:
        layers: Nested plain values; a later layer wins. Ranges are replaced whole.

    Raises:
        SettingsError: With every problem of every layer.
    """
    merged = default_settings()
    problems: list[Problem] = []
    for layer in layers:
        merged = _merge(merged, _with_registered_names(layer), ())
    network, of_network = _network(merged.get("network"))
    problems += of_network
    if network is not None:
        merged = _merge(default_settings(network), {**merged, "network": network.model_dump()}, ())
    known = {"shared": SHARED, **SPACES, **({} if network is None else {network.name: own_space(network.name)})}
    # Written down in full, so that a stored study does not depend on what the built-in ranges become one day.
    space, of_space = _plain_space(merged.get("space"), known)
    problems += of_space
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        # What is wrong with a range has been said above, in better words.
        said = bool(problems)
        found = [one for one in error.errors(include_url=False) if not (said and one["loc"][:1] == ("space",))]
        problems += [_as_problem(dict(one)) for one in found]
    problems += _name_problems(merged, known)
    if problems:
        raise SettingsError(problems)
    return settings.model_copy(update={"space": space})


def architecture_name(written: str) -> str:
    """The registered name that is meant: ``Conv1dGRU`` and ``conv1d_gru`` are ``conv1d-gru``; else as it is written."""

    def plain(name: str) -> str:
        return re.sub(r"[-_ ]", "", name.lower())

    return next((name for name in SPACES if plain(name) == plain(written)), written)


def nested(path: str, value: Any) -> dict[str, Any]:
    """``nested("search.trials", 8)`` is ``{"search": {"trials": 8}}``."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value  # type: ignore[no-any-return]


def setting_paths(network: OwnNetwork | None = None) -> list[str]:
    """Every path that ``--set`` accepts; with a network, also those of its ranges."""

    def walk(plain: dict[str, Any], prefix: str, depth: int) -> list[str]:
        paths = []
        for key, value in plain.items():
            deeper = isinstance(value, dict) and not (prefix.startswith("space.") and depth == 2)
            paths += walk(value, f"{prefix}{key}.", depth + 1) if deeper else [prefix + key]
        return paths

    return walk(default_settings(network), "", 0)


def _with_registered_names(layer: dict[str, Any]) -> dict[str, Any]:
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


def _merge(below: Any, above: Any, path: tuple[str, ...]) -> Any:
    is_range = path[:1] == ("space",) and len(path) == 3
    if not isinstance(below, dict) or not isinstance(above, dict) or is_range:
        return above
    return {**below, **{key: _merge(below.get(key), value, (*path, key)) for key, value in above.items()}}


def _network(written: Any) -> tuple[OwnNetwork | None, list[Problem]]:
    """A network of one's own, known to this process from now on; None where there is none, or none that can be used."""
    if not isinstance(written, dict):
        return None, []
    # Knows the ranges that are known here.
    from .own_network import register

    try:
        return register(OwnNetwork.model_validate(written)), []
    except ValidationError:
        return None, []  # Is told of with the other settings.
    except SettingsError as error:
        return None, list(error.problems)


def _plain_space(space: Any, built_in: dict[str, Space]) -> tuple[dict[str, dict[str, Any]], list[Problem]]:
    """All ranges as a study stores them, and what is wrong with them."""
    if not isinstance(space, dict):
        return {}, [Problem("space", space, "must be an object of architectures")]
    plain: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for section, ranges in space.items():
        if section not in built_in:
            problems.append(
                Problem(f"space.{section}", ranges, "no such architecture", did_you_mean(section, built_in))
            )
        elif not isinstance(ranges, dict):
            problems.append(Problem(f"space.{section}", ranges, "must be an object of ranges"))
        else:
            plain[section] = {}
            for name, written in ranges.items():
                path = f"space.{section}.{name}"
                if name not in built_in[section]:
                    rule = "no such hyperparameter"
                    problems.append(Problem(path, written, rule, did_you_mean(name, built_in[section])))
                    continue
                try:
                    parsed = from_plain(path, name, built_in[section][name], written)
                    plain[section][name] = to_plain(parsed) if isinstance(parsed, BaseDistribution) else parsed
                except* Problem as group:
                    problems += [problem for problem in group.exceptions if isinstance(problem, Problem)]
    return plain, problems


def _name_problems(merged: dict[str, Any], known: dict[str, Space]) -> list[Problem]:
    architecture, network = merged.get("architecture"), merged.get("network")
    is_own = isinstance(network, dict) and network.get("name") == architecture
    if not isinstance(architecture, str) or is_own or architecture in known.keys() - {"shared"}:
        return []
    return [Problem("architecture", architecture, "no such architecture", did_you_mean(architecture, SPACES))]


def _as_problem(details: dict[str, Any]) -> Problem:
    """One of pydantic's errors in our words."""
    location = [str(part) for part in details["loc"]]
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, Problem):  # Of fields that do not go together, told by one of them.
        return Problem(".".join([*location, cause.path]), cause.value, cause.rule, cause.suggestion)
    is_unknown = details["type"] == "extra_forbidden"
    default: Any = default_settings()
    for part in location[:-1] if is_unknown else location:
        default = default.get(part, {}) if isinstance(default, dict) else default
    if is_unknown:
        rule, suggestion = "no such setting", did_you_mean(location[-1], default or {})
    elif isinstance(default, dict):
        rule, suggestion = "must be an object of settings", f"valid: {', '.join(default)}"
    else:
        rule = details["msg"].replace("Input should be a valid integer", "must be a whole number")
        rule, suggestion = rule.replace("Input should", "must"), f"the default is {json.dumps(default)}"
        rule = rule[0].lower() + rule[1:]
    return Problem(".".join(location) or "settings", details["input"], rule, suggestion)
