"""The class in which nothing happens, known by its name."""

from __future__ import annotations

import re
from collections.abc import Sequence

# What lies between annotations, where no class of them is named so.
NULL = "null"
NULL_NAMES = frozenset(
    {
        *(
            "null",
            "none",
            "nothing",
            "noactivity",
            "nogesture",
            "nomovement",
            "noevent",
            "idle",
            "unknown",
            "undefined",
        ),
        *("unlabelled", "unlabeled", "unannotated", "background", "other", "others", "transition", "transient"),
    }
)


def null_class(class_names: Sequence[str]) -> int | None:
    """Which class it is; None without one, or where several are called so."""
    found = [k for k, name in enumerate(class_names) if re.sub(r"[\W_]", "", name.lower()) in NULL_NAMES]
    return found[0] if len(found) == 1 else None
