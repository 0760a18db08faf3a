"""Networks of people's own, each a class in a file that they name: trusted for that, and known by the file's hash."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from typing import Any, NamedTuple

from .base import SequenceClassifier


class Own(NamedTuple):
    """A class in use, and the SHA-256 of the file that it was read from."""

    architecture: type[SequenceClassifier]
    sha256: str


# By their names; none is among the registered ones.
OWN: dict[str, Own] = {}
_loaded: dict[tuple[str, str], Any] = {}


def read_class(path: Path, name: str) -> Own:
    """Runs a file, once for each content of it, and takes a class out.

    Args:
        path: Of Python code.
        name: Of a subclass of ``SequenceClassifier`` in it.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If running it fails, it has no such class, or the class is none of these.
    """
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if (digest, name) not in _loaded:
        _loaded[digest, name] = _class_in(path, content, name, digest)
    found = _loaded[digest, name]
    if not (isinstance(found, type) and issubclass(found, SequenceClassifier)):
        raise ValueError(f"{name} is no subclass of models.SequenceClassifier")
    if found.closed_form:
        raise ValueError(f"{name} is fitted in closed form: only networks that are trained by gradients can be tuned")
    for parameter in list(inspect.signature(found).parameters.values())[2:]:
        is_plain = type(parameter.default) in (bool, int, float, str)
        if parameter.kind is not parameter.KEYWORD_ONLY or not is_plain:
            raise ValueError(
                f"{name} takes {parameter.name!r}: after n_channels and n_classes a constructor takes hyperparameters "
                "by keyword (after a *), each with a plain default"
            )
    return Own(found, digest)


def keep_class(found: type, path: Path) -> None:
    """Has ``read_class`` give this class for what the file holds now: a script is not run again for its own."""
    _loaded.setdefault((hashlib.sha256(path.read_bytes()).hexdigest(), found.__name__), found)


def _class_in(path: Path, content: bytes, name: str, digest: str) -> Any:
    # A module of its own for each content: what was made by an earlier one goes on working.
    module_name = f"own_network_{digest[:16]}"
    spec = importlib.util.spec_from_loader(module_name, None, origin=str(path))
    assert spec is not None  # that it is not is for loaders to say
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    sys.modules[module_name] = module
    try:
        exec(compile(content, str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f" (line {lines[-1]})" if lines else ""
        beside = isinstance(error, ModuleNotFoundError) and (path.parent / f"{error.name}.py").exists()
        why = ": files beside it are not found, a network is one file" if beside else ""
        raise ValueError(f"running it fails: {type(error).__name__}: {error}{where}{why}") from error
    if not hasattr(module, name):
        classes = [key for key, one in vars(module).items() if getattr(one, "__module__", "") == module_name]
        raise ValueError(f"it has no {name}; it has {', '.join(classes) or 'no class'}")
    return getattr(module, name)
