"""The tuner; ``SequenceTuner`` and ``load_model`` are for programs and notebooks of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import SequenceTuner, load_model

__all__ = ["SequenceTuner", "load_model"]


def __getattr__(name: str) -> Any:
    """Only when it is asked for: the command line answers ``--help`` without torch and scikit-learn."""
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
