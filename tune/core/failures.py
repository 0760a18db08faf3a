"""What a person can mend, in sentences, with the exit code that goes with it."""

from __future__ import annotations

import errno
import sys

from .errors import DATABASE, INPUT, INTERRUPTED, StorageError

# Of the base lock; only who installs packages by hand can lack them. What is extra has a sentence where it is used.
_MAY_BE_MISSING = ("fastapi", "httptools", "onnx", "onnxruntime", "uvicorn")
_INSTALL = ".venv/bin/python -m pip install fastapi httptools onnx onnxruntime uvicorn"
_SPACE = "; free some space or use another --save-dir, then go on with --resume"
_ACCESS = "; make it writable, or use another --save-dir"
WAYS_OUT = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EACCES: _ACCESS,
    errno.EPERM: _ACCESS,
    errno.EROFS: _ACCESS,
}


def explain(error: BaseException) -> tuple[list[str], int] | None:
    """Sentences and exit code for what a person can mend; None for a bug, which shall show its traceback."""
    if isinstance(error, KeyboardInterrupt):
        return [], INTERRUPTED
    code = getattr(error, "exit_code", None)
    if code is not None:
        return getattr(error, "sentences", [str(error)]), code
    if _is_of_database(error):
        from .storage_failures import storage_failure

        return [storage_failure("the study database", error)], DATABASE
    if isinstance(error, ModuleNotFoundError) and error.name in _MAY_BE_MISSING:
        return [f"{error.name} is not installed: {_INSTALL}"], INPUT
    if isinstance(error, OSError):
        place = error.filename or getattr(error, "lock_file", None) or "a file"
        advice = WAYS_OUT.get(error.errno or 0, "")
        return [f"{place} cannot be used: {error.strerror or error}{advice}"], DATABASE
    return None


def is_io_failure(error: Exception) -> bool:
    """Whether the place of the results has failed, which is no fault of the trial under way."""
    if isinstance(error, OSError):
        return error.errno in WAYS_OUT
    return _is_of_database(error)


def _is_of_database(error: BaseException) -> bool:
    return (
        isinstance(error, StorageError)
        or _is(error, "optuna.exceptions", "StorageInternalError")
        or _is(error, "sqlalchemy.exc", "DBAPIError")
    )


def _is(error: BaseException, module: str, name: str) -> bool:
    """Whether an error is of a library's class; one that was never imported, which takes seconds, was not raised."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(error, getattr(loaded, name, ()))
