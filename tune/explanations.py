"""What a person can mend, in sentences, with the exit code that goes with it."""

from __future__ import annotations

import sys

INPUT, DATABASE, INTERRUPTED = 2, 3, 130


def explain(error: BaseException) -> tuple[list[str], int] | None:
    """Sentences and exit code for an error that is not ours; None for a bug, which shall show its traceback.

    A class that was never imported cannot have been raised, so nothing is imported here: a command that fails at once
    shall say so at once.
    """
    if isinstance(error, KeyboardInterrupt):
        return [], INTERRUPTED
    if _is(error, "tune.problems", "SettingsError"):
        return [str(problem) for problem in error.problems], INPUT  # type: ignore[attr-defined]
    if _is(error, "data.errors", "DataError") or _is(error, "tune.study", "StudyError"):
        return [str(error)], INPUT
    if _is(error, "tune.storage", "StorageError"):
        return [str(error)], DATABASE
    if _is(error, "optuna.exceptions", "StorageInternalError"):
        # Optuna's own words name no reason; the driver's do.
        return [f"the study database failed: {error.__cause__ or error}"], DATABASE
    if isinstance(error, OSError):
        return [f"{error.filename or 'a file'} cannot be used: {error.strerror or error}"], DATABASE
    return None


def _is(error: BaseException, module: str, name: str) -> bool:
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(error, getattr(loaded, name, ()))
