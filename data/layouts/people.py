"""Who performed what, as names of folders, files and sequences tell it: one rule for every format."""

from __future__ import annotations

import re
import string
from collections import Counter, defaultdict
from collections.abc import Sequence

from ..recording import CHECK
from .clips import natural_order

PERSON_FOLDER = re.compile(
    r"(subject|subj|person|user|participant|signer|volunteer)[ _-]?\w+|(sub|sbj|usr|pid|patient|player|[pus])[ _-]?\d+",
    re.IGNORECASE,
)
# What says it more surely comes first: p01 in p01_s2 is the person, s2 the session.
KINDS = ("subject|subj|sub|sbj|person|user|usr|participant|signer|volunteer|pid|patient|player", "p", "u", "s")
TOKENS = tuple(
    re.compile(rf"(?:^|[ _.-])((?:{words})[ _-]?\d+)(?=$|[ _.-])", re.IGNORECASE | re.ASCII) for words in KINDS
)
# The anna of anna_1, and the s1 of s1t1.
PERHAPS_PERSON = re.compile(r"[a-z]{1,3}\d+(?=[a-z]{1,9}\d+$)|[^\W\d_]{1,99}(?=[ _-]?\d{0,99}$)", re.IGNORECASE)
# People whose spellings are told.
MOST_SPELLED = 3
# Names of which fewer tell a person are not about people.
MOST_TELL = 0.8


def people_in_names(names: Sequence[str]) -> tuple[list[str] | None, list[str]]:
    """The person in each name, as in ``p01_wave``, ``circle_p00_1`` and ``P01``, and a note on that.

    None where names tell nobody, or do not have two sequences a person on average.
    """
    for token in TOKENS:
        found = [token.search(name) for name in names]
        people = [match[1].lower() for match in found if match is not None]
        groups = 1 < len(set(people)) <= len(people) / 2
        if groups and len(people) == len(names):
            return people, [f"people are taken from the names, such as {people[0]!r} in {names[0]!r}"]
        if groups and len(people) >= MOST_TELL * len(names):
            nobody = next(name for name, match in zip(names, found, strict=True) if match is None)
            return None, [
                f"{CHECK}most names tell a person, such as {people[0]!r}, and {nobody!r} does not: people are not "
                "known, and the same person may be in training and in test; rename the others to have nobody in both"
            ]
    return None, []


def perhaps_people(names: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Says where names tell something that occurs in several classes, as the anna of ``anna_1`` or the s1 of ``s1t1``.

    It may as well be a place or a device: that is not known.
    """
    found = [PERHAPS_PERSON.match(name) for name in names]
    classes: dict[str, set[str]] = defaultdict(set)
    for match, label in zip(found, labels, strict=True):
        classes[match[0].casefold() if match else ""].add(label)
    if "" in classes or len(classes) < 2 or min(map(len, classes.values())) < 2:
        return []
    shown = " and ".join(map(repr, sorted(classes, key=natural_order)[:2]))
    return [
        f"{CHECK}names such as {names[0]!r} tell {shown} in several classes: if these are people, call the files p01_… "
        "and so on, or put them into a folder a person (person_…), so that nobody is in training and in test"
    ]


def without_person(name: str) -> str:
    """A name without what tells a person in it."""
    for token in TOKENS:
        if token.search(name):
            return token.sub("", name, count=1)
    return name


def without_number(name: str) -> str:
    """A name without the number at its end: the ``walk`` of ``walk_2`` and ``walk (2)``."""
    opened = name.removesuffix(")").rstrip(string.digits)
    if name.endswith(")") and opened.endswith("("):
        return opened.rstrip(" _-(")
    plain = name.rstrip(string.digits)
    return name if plain == name else plain.rstrip(" _-")


def one_spelling(people: Sequence[str | None]) -> tuple[list[str | None], list[str]]:
    """People whose names differ in case or blanks only are one, by the spelling that is used most; notes on that."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for person in people:
        if person is not None:
            counts["".join(person.casefold().split())][person] += 1
    most = {key: min(spelled, key=lambda one: (-spelled[one], natural_order(one))) for key, spelled in counts.items()}
    several = [
        f"{', '.join(map(repr, sorted(spelled)))} are taken for {most[key]!r}"
        for key, spelled in counts.items()
        if len(spelled) > 1
    ]
    more = f"; so are {len(several) - MOST_SPELLED:,} more" if len(several) > MOST_SPELLED else ""
    notes = [f"one person by several spellings: {'; '.join(several[:MOST_SPELLED])}{more}"] if several else []
    return [None if one is None else most["".join(one.casefold().split())] for one in people], notes
