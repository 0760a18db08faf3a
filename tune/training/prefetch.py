"""The next epoch's batches are made while this one's are trained on: a core that would idle does it for nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def made_ahead(make: Callable[[int], Item], numbers: Iterable[int]) -> Generator[Item, None, None]:
    """``map(make, numbers)``, with the next item in the making while the last is used.

    Close the generator when nothing more is needed of it; it then waits for what is in the making.

    Args:
        make: Depends on its argument alone, since it is called in another thread.
        numbers: One for each item.

    Raises:
        Exception: Whatever ``make`` raised, when its item is asked for.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as pool:
        coming = None
        for number in numbers:
            last, coming = coming, pool.submit(make, number)
            if last is not None:
                yield last.result()
        if coming is not None:
            yield coming.result()
