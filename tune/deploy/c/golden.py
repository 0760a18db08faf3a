"""``golden.h``: a few recordings with their logits, by which a device is checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..classifier import Array
from .source import array_text, number

N_GOLDEN = 5
MOST_VALUES = 20_000


def chosen(sequences: Sequence[Array], expected: Array) -> list[int]:
    """Which recordings: of different predicted classes while there are any, the shorter ones first, not too large."""
    by_length = sorted(range(len(sequences)), key=lambda k: sequences[k].size)
    best, picked, n_values = expected.argmax(axis=1), list[int](), 0
    seen: set[int] = set()
    for only_new in (True, False):
        for k in by_length:
            fits = not picked or n_values + sequences[k].size <= MOST_VALUES
            if len(picked) == N_GOLDEN or k in picked or not fits or (only_new and int(best[k]) in seen):
                continue
            picked.append(k)
            seen.add(int(best[k]))
            n_values += sequences[k].size
    return picked


def golden_header(sequences: Sequence[Array], logits: Array, tolerance: float) -> str:
    """The text of ``golden.h``.

    Args:
        sequences: As measured, each [steps, channels].
        logits: Of each, [sequences, classes].
        tolerance: By how much a logit may differ.
    """
    rows = ",\n".join("    {" + ", ".join(map(number, row)) + "}" for row in logits.tolist())
    values = np.concatenate([one.reshape(-1) for one in sequences]).astype(np.float32)
    steps = np.array([len(one) for one in sequences], np.int32)
    return "\n".join(
        (
            "/* Recordings, one after the other, how many samples each has, and their logits. */",
            f"#define GOLDEN_N {len(sequences)}",
            f"#define GOLDEN_TOLERANCE {number(tolerance)}",
            array_text("golden_values", values),
            array_text("golden_steps", steps),
            f"static const float golden_logits[{len(logits)}][{logits.shape[1]}] = {{",
            rows,
            "};",
            "",
        )
    )
