"""What a data set may raise on what it finds on disk."""

from collections.abc import Sequence


class DataError(ValueError):
    """A data set cannot be read; the message names the file, the place in it, and what to do.

    Attributes:
        exit_code: Of a command that ends with it.
    """

    exit_code = 2


class CacheError(DataError):
    """What is more than memory cannot be put into files; the message says where, and what to do."""

    exit_code = 3


def some(names: Sequence[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more
