"""Memory: what the layers hold while a sequence is read, and how the classes part in them."""

from __future__ import annotations

from ...report.figures.sections import Section
from ..model import Subject
from .attention import attention
from .convolutions import filters
from .pooled import pooled_map
from .trajectories import trajectories
from .units import units


def memory_section(subject: Subject) -> Section:
    """What it holds while it reads; of what counts over the whole sequence, what it has in the end."""
    pictures = [pooled_map(subject)]
    if not subject.first.network.closed_form:
        pictures = [*trajectories(subject), units(subject), *pictures, *attention(subject), *filters(subject)]
    return Section(
        "memory",
        "Memory",
        "What does it hold while it reads, and when do the classes part?",
        sections=tuple(pictures),
    )
