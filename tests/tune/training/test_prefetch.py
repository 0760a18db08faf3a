"""Items made in another thread: all of them, in order, one ahead, and no more than are asked for."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
import torch

from tune.training.prefetch import made_ahead


def test_all_items_come_in_order() -> None:
    assert list(made_ahead(lambda number: number * 10, range(5))) == [0, 10, 20, 30, 40]
    assert list(made_ahead(lambda number: number, [])) == []


def test_the_next_item_is_made_while_this_one_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def make(number: int) -> int:
        made[number].set()
        return number

    with closing(made_ahead(make, range(3))) as items:
        assert next(items) == 0
        assert made[1].wait(30)
        assert not made[2].is_set()


def test_it_is_made_in_another_thread_with_the_threads_of_this_one() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        (found,) = made_ahead(lambda _: (threading.current_thread().name, torch.get_num_threads()), [0])
    finally:
        torch.set_num_threads(before)
    assert found[0] != threading.current_thread().name
    assert found[1] == 1


def test_what_goes_wrong_is_raised_where_the_item_is_asked_for() -> None:
    def make(number: int) -> float:
        return 1 / number

    items = made_ahead(make, [1, 0])
    assert next(items) == 1.0
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_a_closed_one_leaves_no_thread() -> None:
    before = threading.active_count()
    items = made_ahead(lambda number: number, range(10))
    next(items)
    items.close()
    assert threading.active_count() == before
