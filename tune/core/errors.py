"""Errors that a person can mend; each carries the exit code that goes with it.

``data.errors.DataError`` carries one too, but is no child of ``SeqtuneError``: ``data`` knows nothing of the tuner.
"""

from __future__ import annotations

from typing import ClassVar

INPUT, DATABASE, INTERRUPTED = 2, 3, 130


class SeqtuneError(Exception):
    """Something that a person can mend; the message says what, why and what to do."""

    exit_code: ClassVar[int] = INPUT

    @property
    def sentences(self) -> list[str]:
        """The message, a sentence for each thing that is wrong."""
        return [str(self)]


class StudyError(SeqtuneError):
    """The study cannot be created or resumed."""


class StudyExistsError(StudyError):
    """A study was to begin under a name that has one."""


class OtherStudyError(StudyError):
    """The database has another study of this name: it seeks something else, or in other recordings."""

    exit_code = DATABASE


class StorageError(SeqtuneError):
    """The database cannot be used."""

    exit_code = DATABASE
