"""All sections of a diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..report.figures.sections import Section
from .baselines import rivals
from .model import Subject
from .sections.data import data_section
from .sections.errors import errors_section
from .sections.gradients import gradients_section
from .sections.learning import learning_section
from .sections.memory import memory_section


def diagnose(
    subject: Subject, against: Sequence[str] = (), say: Callable[[str], None] = lambda sentence: None
) -> tuple[Section, ...]:
    """Looks at everything.

    Args:
        subject: What to look at.
        against: Some of ``rivals.RIVALS``, to train and hold the gradients of against each other.
        say: Told what takes long.
    """
    sections = [data_section(subject), learning_section(subject), errors_section(subject)]
    say("Looking at what it holds in memory")
    sections.append(memory_section(subject))
    compared = rivals(subject, against, say) if against else ()
    say("Looking at gradients")
    sections.append(gradients_section(subject, compared))
    return tuple(sections)
