"""What of a suite is to be run, and how often; checked before torch is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..config.settings import resolve
from ..core.folders import check_study_name
from ..core.problems import Problem, SettingsError, did_you_mean
from .schema import Protocol, Suite
from .settings import Entry, check_suite, entries_of

MOST_SEEDS = 1_000


@dataclass(frozen=True)
class Selection:
    """What is to be run.

    Attributes:
        name: Of its folder and at the beginning of its studies' names.
        n_seeds: Runs of each configuration, in total.
        overrides: Settings of the command line, over all others.
        timeout_seconds: Time for all of it; None without a limit.
    """

    suite: Suite
    name: str
    n_seeds: int
    overrides: tuple[dict[str, Any], ...]
    protocols: tuple[Protocol, ...]
    only: tuple[str, ...]
    timeout_seconds: float | None
    command: str = "./run_tuning.sh compare"

    def entries(self, protocol: Protocol) -> list[Entry]:
        """The configurations that are run, under a protocol."""
        entries = entries_of(self.suite, protocol, self.overrides, self.name)
        return [entry for entry in entries if entry.configuration.name in self.only]


def selected(
    suite: Suite,
    overrides: Sequence[dict[str, Any]],
    *,
    seeds: str = "5",
    only: Sequence[str] = (),
    protocols: Sequence[str] = (),
    study_name: str | None = None,
) -> Selection:
    """Checks what a person asks for."""
    problems: list[Problem] = []
    n_seeds = int(seeds) if seeds.isascii() and seeds.isdigit() and len(seeds) < 9 else 0
    if not 1 <= n_seeds <= MOST_SEEDS:
        problems.append(Problem("--seeds", seeds, f"must be a whole number of 1 to {MOST_SEEDS}"))
    names = [configuration.name for configuration in suite.configurations]
    problems += [
        Problem("--only", name, "no such configuration", did_you_mean(name, names))
        for name in only
        if name not in names
    ]
    known = {protocol.name: protocol for protocol in suite.protocols}
    problems += [
        Problem("--protocol", name, "no such protocol", did_you_mean(name, known))
        for name in protocols
        if name not in known
    ]
    name = study_name or suite.name
    try:
        check_study_name(name)
        check_suite(suite, overrides)
    except SettingsError as error:
        problems += error.problems
    if problems:
        raise SettingsError(problems)
    chosen = tuple(known[name] for name in dict.fromkeys(protocols)) or suite.protocols
    # A time limit is of the whole comparison, not of each study in it.
    timeout = resolve(*overrides).search.timeout_seconds
    layers = tuple({**one, "search": {**one.get("search", {}), "timeout_seconds": None}} for one in overrides)
    return Selection(suite, name, n_seeds, layers, chosen, tuple(only) or tuple(names), timeout)
