"""Ranges of hyperparameters as people write them in JSON, and back.

=============================================  =========================================
``{"low": 16, "high": 256, "log": true}``      a range, here on a logarithmic scale
``{"low": 3, "high": 7, "step": 2}``           a range in steps
``{"high": 128}``                              the built-in range, narrowed
``["mean", "max"]``                            a choice
``64``                                         fixed: not searched
=============================================  =========================================
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from ..core.problems import Problem, did_you_mean
from .spaces import LIMITS, ODD, Scalar

RANGE_KEYS = ("low", "high", "log", "step")


def to_plain(distribution: BaseDistribution) -> dict[str, Scalar] | list[Scalar]:
    """A distribution in the notation of the configuration file."""
    if isinstance(distribution, CategoricalDistribution):
        return [choice for choice in distribution.choices if choice is not None]
    if not isinstance(distribution, IntDistribution | FloatDistribution):
        raise TypeError(f"no notation for {distribution!r}")
    plain: dict[str, Scalar] = {"low": distribution.low, "high": distribution.high}
    if distribution.log:
        plain["log"] = True
    elif distribution.step is not None and distribution.step != 1:
        plain["step"] = distribution.step
    return plain


def from_plain(path: str, name: str, default: BaseDistribution, written: Any) -> BaseDistribution | Scalar:
    """Reads what a person wrote for one hyperparameter.

    Args:
        path: Where it stands in the configuration, for the message.
        name: Of the hyperparameter.
        default: The built-in distribution: gives the type, and what a narrowed range leaves out.
        written: A scalar, a list or an object, as parsed from JSON.

    Returns:
        A distribution, or the value where it is fixed (also by a range or list of one).

    Raises:
        ExceptionGroup: Of ``Problem``, everything that is wrong with it.
    """
    if isinstance(written, dict):
        distribution = _range(path, name, default, written)
    elif isinstance(written, list):
        distribution = _choice(path, name, default, written)
    else:
        _raise(_value_problems(path, name, default, written))
        return float(written) if isinstance(default, FloatDistribution) else written
    return _only_value(distribution) if distribution.single() else distribution


def _only_value(distribution: BaseDistribution) -> Scalar:
    match distribution:
        case CategoricalDistribution(choices=(only, *_)):
            return only  # type: ignore[return-value]
        case IntDistribution() | FloatDistribution():
            return distribution.low
    raise TypeError(f"no single value of {distribution!r}")


def _range(path: str, name: str, default: BaseDistribution, written: dict[str, Any]) -> BaseDistribution:
    if _limits(name, default) is None:
        choices = ", ".join(map(repr, default.choices)) if isinstance(default, CategoricalDistribution) else ""
        _raise([Problem(path, written, f"{name} is a choice, not a range", f"write a list of some of {choices}")])
    problems = [
        Problem(f"{path}.{key}", written[key], "no such key of a range", did_you_mean(key, RANGE_KEYS))
        for key in written
        if key not in RANGE_KEYS
    ]
    built_in = to_plain(default)
    merged: dict[str, Any] = {**(built_in if isinstance(built_in, dict) else {}), **written}
    for key in ("low", "high"):
        if key not in merged:
            problems.append(Problem(path, written, f"a range needs {key!r}", 'for example {"low": 16, "high": 64}'))
        elif key in written:
            problems += _value_problems(f"{path}.{key}", name, default, written[key])
    log, step = merged.get("log", False), merged.get("step")
    if not isinstance(log, bool):
        problems.append(Problem(f"{path}.log", log, "must be true or false"))
    if step is not None:
        whole = isinstance(step, int) and not isinstance(step, bool)
        if not (whole or (isinstance(step, float) and not _is_whole(default))) or not step > 0:
            kind = "a whole number" if _is_whole(default) else "a number"
            problems.append(Problem(f"{path}.step", step, f"must be {kind} above 0"))
        if log is True:
            problems.append(Problem(path, written, "a logarithmic range has no step", "leave out 'log' or 'step'"))
    _raise(problems)
    low, high = merged["low"], merged["high"]
    if low > high:
        problems.append(Problem(path, written, f"low ({low}) must not be above high ({high})"))
    if _is_odd(name, default) and (step or 1) % 2:
        problems.append(Problem(f"{path}.step", step or 1, "must be even, so that every value is odd", "write 2"))
    if log and low <= 0:
        problems.append(Problem(f"{path}.low", low, "a logarithmic range begins above 0", "raise 'low', or drop 'log'"))
    _raise(problems)
    if _is_whole(default):
        return IntDistribution(low, high, log=log, step=step or 1)
    return FloatDistribution(float(low), float(high), log=log, step=None if step is None else float(step))


def _choice(path: str, name: str, default: BaseDistribution, written: list[Any]) -> BaseDistribution:
    problems = [
        problem for k, value in enumerate(written) for problem in _value_problems(f"{path}[{k}]", name, default, value)
    ]
    if not written:
        problems.append(Problem(path, written, "a choice needs at least one value"))
    if not problems and len(set(written)) < len(written):
        problems.append(Problem(path, written, "a choice names each value once"))
    _raise(problems)
    return CategoricalDistribution([float(v) if isinstance(default, FloatDistribution) else v for v in written])


def _value_problems(path: str, name: str, default: BaseDistribution, value: Any) -> Iterator[Problem]:
    """What is wrong with one value of a hyperparameter."""
    limits = _limits(name, default)
    if limits is None:
        choices = default.choices if isinstance(default, CategoricalDistribution) else ()
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            rule = f"must be one of {', '.join(_as_json(choice) for choice in choices)}"
            yield Problem(path, value, rule, did_you_mean(value, [c for c in choices if isinstance(c, str)]))
        return
    low, high = limits
    whole = _is_whole(default)
    allowed = int if whole else int | float
    if (
        isinstance(value, bool)
        or not isinstance(value, allowed)
        or (isinstance(value, float) and not math.isfinite(value))
    ):
        yield Problem(path, value, f"must be a {'whole ' if whole else ''}number", f"{name} is {low:g} to {high:g}")
    elif not low <= value <= high:
        yield Problem(path, value, f"must be {low:g} to {high:g}")
    elif _is_odd(name, default) and value % 2 == 0:
        yield Problem(path, value, "must be odd, so that a step stays in the middle of what is seen around it")


def _limits(name: str, default: BaseDistribution) -> tuple[float, float] | None:
    """Lowest and highest value that may be written; None of a choice. Those of one's own network are its range."""
    if isinstance(default, IntDistribution | FloatDistribution):
        low, high = LIMITS.get(name, (default.low, default.high))
        return min(low, default.low), max(high, default.high)
    return LIMITS.get(name)


def _is_odd(name: str, default: BaseDistribution) -> bool:
    """Whether only odd values make sense; one's own network may mean something else by the name."""
    return name in ODD and not (isinstance(default, IntDistribution) and default.step % 2)


def _is_whole(default: BaseDistribution) -> bool:
    if isinstance(default, CategoricalDistribution):
        return all(isinstance(choice, int) for choice in default.choices)
    return isinstance(default, IntDistribution)


def _as_json(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _raise(problems: list[Problem] | Iterator[Problem]) -> None:
    problems = list(problems)
    if problems:
        raise ExceptionGroup("the range cannot be used", problems)
