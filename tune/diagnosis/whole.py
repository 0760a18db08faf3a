"""All sections of a diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..report.figures.sections import Section
from .baselines import baselines
from .model import Diagnosed
from .sections.data import data_section
from .sections.errors import errors_section
from .sections.gradients import gradients_section
from .sections.learning import learning_section
from .sections.memory import memory_section


def diagnose(
    diagnosed: Diagnosed, against: Sequence[str] = (), say: Callable[[str], None] = lambda sentence: None
) -> tuple[Section, ...]:
    """Looks at everything."""
    sections = [data_section(diagnosed), learning_section(diagnosed), errors_section(diagnosed)]
    say("Looking at what it holds in memory")
    sections.append(memory_section(diagnosed))
    compared = baselines(diagnosed, against, say) if against else ()
    say("Looking at gradients")
    sections.append(gradients_section(diagnosed, compared))
    return tuple(sections)
