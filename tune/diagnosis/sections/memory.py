"""Memory: what the layers hold while a sequence is read, and how the classes part in them."""

from __future__ import annotations

from ...report.figures.sections import Section
from ..model import Diagnosed
from .attention import attention
from .convolutions import filters
from .pooled import pooled_map
from .trajectories import trajectories
from .units import units


def memory_section(diagnosed: Diagnosed) -> Section:
    """What it holds while it reads; of what counts over the whole sequence, what it has in the end."""
    pictures = [pooled_map(diagnosed)]
    if not diagnosed.first.network.closed_form:
        pictures = [*trajectories(diagnosed), units(diagnosed), *pictures, *attention(diagnosed), *filters(diagnosed)]
    return Section(
        "memory",
        "Memory",
        "What does it hold while it reads, and when do the classes part?",
        sections=tuple(pictures),
    )
