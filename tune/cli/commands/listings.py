"""``models`` and ``datasets``: what there is to choose from."""

from __future__ import annotations

import json

from data import DATASETS

from ...config.ranges import to_plain
from ...config.spaces import MEANINGS, OFF, SHARED, SPACES
from ...core.terminal import print_table, say


def list_models() -> None:
    """Every architecture with its search space, and what each hyperparameter is."""
    for name, space in {**SPACES, "shared by all": SHARED}.items():
        say(name)
        for parameter, distribution in space.items():
            say(f"  {parameter:<20} {json.dumps(to_plain(distribution))}")
    say("what they are")
    for parameter, meaning in MEANINGS.items():
        say(f"  {parameter:<20} {meaning}{'; off unless asked for' if parameter in OFF else ''}")


def list_datasets() -> None:
    """Every data set with one line about it."""
    rows = [(name, entry.kind, entry.summary, entry.needs) for name, entry in DATASETS.items()]
    print_table(("data set", "kind", "what it is", "needs"), rows, 4)
