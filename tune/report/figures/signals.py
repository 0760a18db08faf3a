"""Stored example signals as small drawings: SVG in the page's own colours, which needs no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from markupsafe import Markup

from .sections import Drawing, DrawingGroup
from .words import shortened

WIDTH, HEIGHT, MARGIN = 240, 110, 6
# The first three follow the page; the others stand out on white and on black.
COLOURS = ("var(--complete)", "var(--best)", "var(--fanova)", "#cc79a7", "#e69f00", "#8c9eff")
# What a lone spike may not set the scale of all drawings by.
_SHOWN_PERCENT = (0.5, 99.5)
# Channels whose deviations differ more than this many times cannot share a scale.
_MOST_TIMES = 15


def read_examples(stored: Any) -> list[dict[str, Any]] | None:
    """The stored classes with their examples as numbers; None where there are none, or not as this version writes."""
    try:
        channels = [str(name) for name in stored["channels"]]
        step = None if stored["seconds_per_step"] is None else float(stored["seconds_per_step"])
        classes: list[dict[str, Any]] = []
        for one in stored["classes"]:
            examples = [
                {
                    "predicted": str(example["predicted"]),
                    "is_right": bool(example["is_right"]),
                    "person": None if example["person"] is None else str(example["person"]),
                    "length": int(example["n_steps"]) * (step or 1.0),
                    "values": np.array(example["values"], dtype=float).reshape(len(channels), -1),
                }
                for example in one["examples"]
            ]
            counts = {name: int(one[name]) for name in ("n_wrong", "n_sequences")}
            classes.append({"class": str(one["class"]), **counts, "examples": examples, "channels": channels})
    except (KeyError, TypeError, ValueError):
        return None
    values = [example["values"] for one in classes for example in one["examples"]]
    is_whole = all(array.size and np.isfinite(array).all() for array in values)
    return classes if is_whole and len(channels) <= len(COLOURS) else None


def signal_groups(classes: Sequence[dict[str, Any]]) -> tuple[DrawingGroup, ...]:
    """A group a class: how often it goes wrong, and its examples side by side.

    Args:
        classes: As ``read_examples`` gives them.
    """
    everything = np.concatenate([example["values"] for one in classes for example in one["examples"]], axis=1)
    centre, scale = channel_scales(everything, classes[0]["channels"]) or (0.0, 1.0)
    low, high = np.percentile((everything - centre) / scale, _SHOWN_PERCENT)
    longest = max(example["length"] for one in classes for example in one["examples"])
    groups = []
    for one in classes:
        drawings = []
        for example in one["examples"]:
            name, taken = shortened(one["class"], 30), shortened(example["predicted"], 30)
            words = f"{name}, correct" if example["is_right"] else f"{name}, predicted {taken}"
            who = "" if example["person"] is None else f" ({shortened(example['person'], 24)})"
            lines = np.clip(((example["values"] - centre) / scale - low) / ((high - low) or 1.0), -0.05, 1.05)
            drawings.append(Drawing(_svg(lines, example["length"] / longest, words), words + who))
        title = f"{shortened(one['class'], 40)}: {one['n_wrong']} of {one['n_sequences']} wrong"
        groups.append(DrawingGroup(title, tuple(drawings)))
    return tuple(groups)


def legend(channels: Sequence[str]) -> Markup:
    """Names of the channels, each behind a stroke in its colour."""
    strokes = [
        Markup('<span class="stroke"><i style="background: {}"></i>{}</span>').format(colour, shortened(name, 30))
        for name, colour in zip(channels, COLOURS, strict=False)
    ]
    return Markup(" ").join(strokes)


def channel_scales(
    values: Float[np.ndarray, "channels steps"], channels: Sequence[str], *, is_shared: bool = True
) -> tuple[Float[np.ndarray, "channels 1"], Float[np.ndarray, "channels 1"]] | None:
    """What to take off each channel and divide it by, so that all can share one height.

    Args:
        values: Of all sequences.
        channels: Their names, with units in brackets.
        is_shared: Whether channels of one unit and of like sizes stay as they are.

    Returns:
        Means and standard deviations; None where the channels stay as they are.
    """
    units = {name.partition("(")[2] for name in channels}
    deviations = values.std(axis=1, keepdims=True)
    varying = deviations > 1e-6 * np.abs(values).max(axis=1, keepdims=True)
    moving = deviations[varying]
    is_alike = not moving.size or moving.max() <= _MOST_TIMES * moving.min()
    if is_shared and len(units) < 2 and is_alike:
        return None
    return values.mean(axis=1, keepdims=True), np.where(varying, deviations, 1.0)


def _svg(lines: Float[np.ndarray, "channels steps"], width: float, words: str) -> Markup:
    """One sequence; ``width`` is its share of the longest one's time."""
    n_steps = lines.shape[1]
    across = MARGIN + np.linspace(0.0, width, n_steps) * (WIDTH - 2 * MARGIN)
    paths = [
        Markup('<polyline points="{}" style="stroke: {}"/>').format(
            " ".join(
                f"{x:.1f},{y:.1f}" for x, y in zip(across, HEIGHT - MARGIN - line * (HEIGHT - 2 * MARGIN), strict=True)
            ),
            colour,
        )
        for line, colour in zip(lines, COLOURS, strict=False)
    ]
    end = MARGIN + math.ceil(width * (WIDTH - 2 * MARGIN))
    return Markup(
        '<svg viewBox="0 0 {w} {h}" role="img" aria-label="{words}"><path d="M{m} {floor}H{end}"/>{paths}</svg>'
    ).format(w=WIDTH, h=HEIGHT, words=words, m=MARGIN, floor=HEIGHT - 1, end=end, paths=Markup("").join(paths))
