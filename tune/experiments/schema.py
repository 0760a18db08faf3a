"""A suite as it is written down: which configurations are compared, under which protocols, and what was published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, JsonValue, ValidationError, model_validator

from ..config.schema import Section
from ..core.json_files import read_json_object
from ..core.problems import Problem, SettingsError, did_you_mean

NAME = Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", max_length=30)
Partial = dict[str, JsonValue]
METRICS = ("accuracy", "train_accuracy", "macro_f1", "loss", "train_loss")


class Published(Section):
    """One number that somebody has published for a configuration.

    Attributes:
        metric: What it is; an accuracy is written as a share: 0.9922.
        where: Where it stands: the experiment, the table.
    """

    metric: Literal["accuracy", "train_accuracy", "macro_f1", "loss", "train_loss"] = "accuracy"
    value: float = Field(allow_inf_nan=False, ge=0)
    where: str = ""

    @model_validator(mode="after")
    def _a_share(self) -> Self:
        if not self.metric.endswith("loss") and self.value > 1:
            raise ValueError(f"{self.metric} is a share: write {self.value / 100:g} for {self.value:g}%")
        return self


class Configuration(Section):
    """One of those that are compared.

    Attributes:
        name: Short; part of the name of its study.
        settings: Any part of the settings, over those of the suite and of the protocol.
        found_by_search: If given, a search with these settings on top comes first, and its best is what is compared.
    """

    name: Annotated[str, NAME]
    description: str = ""
    settings: Partial = Field(default_factory=dict)
    published: tuple[Published, ...] = Field((), strict=False)
    found_by_search: Partial | None = None


class Protocol(Section):
    """One way of training and judging all configurations of a suite.

    Attributes:
        name: Short; part of the names of its studies where a suite has several protocols.
        unmentioned: What hyperparameters are that nobody gives: ``plain`` (a plain network, trained plainly) or
            ``known-good`` (as in the first trial of this tuner's searches).
        judged: Part of the data whose predictions are compared; ``auto`` is the test set where the split has one.
    """

    name: Annotated[str, NAME] = "plain"
    description: str = ""
    unmentioned: Literal["plain", "known-good"] = "plain"
    judged: Literal["auto", "validation", "test"] = "auto"
    settings: Partial = Field(default_factory=dict)


class Suite(Section):
    """A comparison.

    Attributes:
        name: Of its folder, and the beginning of the names of its studies.
        source: Where the published numbers come from.
        protocols: Ways of training and judging; each is a comparison of its own.
        pairs: Names of the two configurations of each pair that is tested; None for all pairs. Fewer pairs are fewer
            tests to correct for.
    """

    name: Annotated[str, NAME]
    description: str = ""
    source: str = ""
    settings: Partial = Field(default_factory=dict)
    protocols: tuple[Protocol, ...] = Field((Protocol(),), strict=False, min_length=1)
    configurations: tuple[Configuration, ...] = Field(strict=False, min_length=2)
    pairs: tuple[Annotated[tuple[str, str], Field(strict=False)], ...] | None = Field(None, strict=False)

    def study_name(self, protocol: Protocol, configuration: Configuration, suite_name: str | None = None) -> str:
        """Name of the study that holds the runs of a configuration."""
        middle = (protocol.name,) if len(self.protocols) > 1 else ()
        return ".".join((suite_name or self.name, *middle, configuration.name))


def read_suite(path: Path) -> Suite:
    """Reads a suite and checks its form; what its settings mean is checked by ``settings.check_suite``."""
    written, problems = read_json_object(path)
    if problems:
        raise SettingsError(problems)
    try:
        suite = Suite.model_validate(written)
    except ValidationError as error:
        raise SettingsError([_as_problem(written, dict(one)) for one in error.errors(include_url=False)]) from None
    problems = list(_name_problems(suite))
    if problems:
        raise SettingsError(problems)
    return suite


def _name_problems(suite: Suite) -> list[Problem]:
    problems = []
    for part in ("protocols", "configurations"):
        names = [one.name for one in getattr(suite, part)]
        for k, name in enumerate(names):
            if name in names[:k]:
                problems.append(Problem(f"{part}[{k}].name", name, "stands twice", "give each a name of its own"))
    known = [one.name for one in suite.configurations]
    for k, pair in enumerate(suite.pairs or ()):
        for name in pair:
            if name not in known:
                problems.append(Problem(f"pairs[{k}]", name, "no such configuration", did_you_mean(name, known)))
        if pair[0] == pair[1]:
            problems.append(Problem(f"pairs[{k}]", list(pair), "a configuration is not compared with itself"))
        if any(set(pair) == set(other) for other in (suite.pairs or ())[:k]):
            problems.append(Problem(f"pairs[{k}]", list(pair), "stands twice", "leave one out"))
    return problems


_PARTS: dict[str, type[BaseModel]] = {
    "configurations": Configuration,
    "protocols": Protocol,
    "published": Published,
}


def _as_problem(written: dict[str, Any], details: dict[str, Any]) -> Problem:
    """One of pydantic's errors in our words."""
    location, suggestion = details["loc"], ""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    rule = details["msg"].removeprefix("Value error, ")
    if details["type"] == "extra_forbidden":
        named = [part for part in location[:-1] if isinstance(part, str)]
        fields = _PARTS.get(named[-1], Suite).model_fields if named else Suite.model_fields
        rule, suggestion = "no such key", did_you_mean(location[-1], fields)
    elif details["type"] == "missing":
        rule, suggestion = "is missing", ""
    elif details["type"] == "string_pattern_mismatch":
        rule = "must be letters, digits and hyphens, and neither begin nor end with a hyphen"
    else:
        rule = rule.replace("Input should", "must")
        rule = rule[:1].lower() + rule[1:]
    value = details["input"] if details["type"] != "missing" else None
    return Problem(path or "suite", value, rule, suggestion)


__all__ = ["Configuration", "Protocol", "Published", "Suite", "read_suite"]
