"""Damage to files as disks and people do it, drawn from a random number generator."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

PAGE = 4096


def flip_bits(content: bytearray, dice: Random) -> None:
    for _ in range(dice.choice((1, 1, 3, 30))):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)


def cut(content: bytearray, dice: Random) -> None:
    del content[dice.randrange(len(content)) :]


def swap_pages(content: bytearray, dice: Random) -> None:
    size = min(PAGE, len(content) // 2)
    first, second = (size * k for k in dice.sample(range(len(content) // size), 2))
    kept = content[first : first + size]
    content[first : first + size] = content[second : second + size]
    content[second : second + size] = kept


def write_zeros(content: bytearray, dice: Random) -> None:
    _overwrite(content, dice, bytes)


def write_noise(content: bytearray, dice: Random) -> None:
    _overwrite(content, dice, dice.randbytes)


def _overwrite(content: bytearray, dice: Random, make: Callable[[int], bytes]) -> None:
    start, size = dice.randrange(len(content)), dice.choice((1, 16, 512, PAGE))
    content[start : start + size] = make(len(content[start : start + size]))


KINDS = (flip_bits, cut, swap_pages, write_zeros, write_noise)


def damaged(content: bytes, dice: Random) -> tuple[bytes, str]:
    """A damaged copy, and what was done to it."""
    kind, copy = dice.choice(KINDS), bytearray(content)
    kind(copy, dice)
    return bytes(copy), kind.__name__
