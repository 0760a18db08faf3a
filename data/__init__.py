"""From files on disk to tensors.

Reading a table needs NumPy alone; torch is loaded when a data set is asked for, so that a network that is used without
torch reads its recordings with the same code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import DataError

if TYPE_CHECKING:
    from .registry import DATASETS, DatasetEntry, load
    from .sequences import SequenceDataset
    from .source import Source

__all__ = ["DATASETS", "DataError", "DatasetEntry", "SequenceDataset", "Source", "load"]


def __getattr__(name: str) -> Any:
    """What ``__all__`` promises and needs torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import registry

    return getattr(registry, name)
