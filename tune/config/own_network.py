"""A network of one's own among the registered ones: read from its file, with the search space beside it."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution

from ..core.problems import Problem, SettingsError
from .schema import OwnNetwork
from .spaces import OWN_DEFAULTS, OWN_SPACES, SHARED, SPACES, Space

EXAMPLE = "for example mine.py:Net"


def network_layer(written: str) -> dict[str, Any]:
    """``FILE.py:CLASS`` as partial settings.

    Raises:
        SettingsError: If it is not of this form.
    """
    path, colon, name = written.rpartition(":")
    if not colon or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,59}", name) or not path:
        raise SettingsError([Problem("--model", written, "must be a Python file, a colon and a class in it", EXAMPLE)])
    place = str(Path(path).expanduser().absolute())
    return {"architecture": name, "network": {"path": place, "name": name}}


def register(network: OwnNetwork) -> OwnNetwork:
    """Makes a network known to this process; returns it with the hash of its file.

    Raises:
        SettingsError: If it cannot be used, or its file is another one than it was.
    """
    try:
        return _registered(network)
    except Problem as problem:
        raise SettingsError([problem]) from problem


def _registered(network: OwnNetwork) -> OwnNetwork:
    # Only here, since models brings torch.
    from models.own import OWN, read_class

    name, path = network.name, Path(network.path).expanduser().absolute()
    if name in SPACES:
        raise Problem("network.name", name, "is an architecture of the tuner", "give your class another name")
    try:
        own = read_class(path, name)
    except OSError as error:
        rule = f"cannot be read: {error.strerror}"
        raise Problem("network.path", network.path, rule, f"say where it is: --model FILE.py:{name}") from error
    except ValueError as error:
        raise Problem("network.path", network.path, str(error)) from error
    if network.sha256 not in (None, own.sha256):
        digests = f"{own.sha256[:12]}…, not {network.sha256[:12]}…"
        rule = f"is not the file that the study began with: its SHA-256 is {digests}"
        raise Problem("network.path", network.path, rule, "put that one back, or begin a new study")
    parameters = inspect.signature(own.architecture).parameters
    space = _space_of(own.architecture, set(parameters))
    OWN[name], OWN_SPACES[name] = own, space
    OWN_DEFAULTS[name] = {key: parameters[key].default for key in space}
    return network.model_copy(update={"path": str(path), "sha256": own.sha256})


def _space_of(found: type, accepted: set[str]) -> Space:
    space = getattr(found, "space", None)
    if not isinstance(space, dict) or not space:
        rule = "has no search space: give it 'space', a dictionary of Optuna's distributions, a hyperparameter each"
        raise Problem("network.name", found.__name__, rule)
    for key, distribution in space.items():
        place = f"{found.__name__}.space[{key!r}]"
        if not isinstance(distribution, BaseDistribution):
            raise Problem(place, distribution, "must be one of optuna.distributions")
        if key not in accepted:
            raise Problem(place, repr(distribution), "is no argument of the constructor")
        if key in SHARED:
            raise Problem(place, repr(distribution), "is a hyperparameter of every training", "give it another name")
    return dict(space)
