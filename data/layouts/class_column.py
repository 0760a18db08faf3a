"""Where the class is told twice, by the folder and by a column: which of the two is meant, said or asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import DataError, some
from ..recording import CHECK
from .people import PERSON_FOLDER

LABEL_FROM = ("auto", "folder", "column")
FOLDER, COLUMN = (f"--set data.label_from={kind}" for kind in LABEL_FROM[1:])


class Told(NamedTuple):
    """What one file says of its class and its person.

    Attributes:
        place: How errors name the file.
        folder: Class by its place; empty where that says none.
        person: By its place or its column; None where neither says.
        labels: Row of the file in which each label of its column is first; empty without such a column.
    """

    place: str
    folder: str
    person: str | None
    labels: dict[str, int]


def settle(files: Sequence[Told], column: str | None, label_from: str) -> tuple[list[str], list[str | None], list[str]]:
    """The class and the person of every file, and notes.

    Folder and column that say the same in other words (``wave``, ``3``) agree: the folder's word is used. Where every
    folder holds several classes of the column, which other folders hold too, folders are people.

    Args:
        files: What each of them says.
        column: Name of the column that holds a class; None without one.
        label_from: One of ``LABEL_FROM``.

    Raises:
        DataError: If the two contradict each other in another way, or a file has several classes and the folder is not
            asked for.
    """
    folders, people = [file.folder for file in files], [file.person for file in files]
    if column is None or label_from == "folder":
        if label_from == "column":
            raise DataError(f"{files[0].place} has no column that is the label: take the folder ({FOLDER})")
        nameless = next((file for file in files if not file.folder), None)
        if nameless is not None:
            raise DataError(f"{nameless.place}: neither a folder nor a column says its class")
        return folders, people, []
    for file in files:
        if len(file.labels) > 1:
            (first, _), (second, row), *_ = file.labels.items()
            raise DataError(
                f"{file.place}: its column {column!r} changes, from {first!r} to {second!r} in row {row}, and its "
                f"folder is {file.folder!r}: cut it where the label changes, or take the folder for the class "
                f"({FOLDER})"
            )
    labels = [next(iter(file.labels), "") for file in files]
    if len(files) != len([label for label in labels if label]):
        nameless = files[labels.index("")]
        raise DataError(f"{nameless.place}: its column {column!r} names no label: fill it in, or {FOLDER}")
    labels_of, folders_of = defaultdict(set), defaultdict(set)
    for folder, label in zip(folders, labels, strict=True):
        labels_of[folder].add(label)
        folders_of[label].add(folder)
    agree = all(len(found) == 1 for found in (*labels_of.values(), *folders_of.values()))
    like_people = all(PERSON_FOLDER.fullmatch(folder) for folder in labels_of) and not all(
        PERSON_FOLDER.fullmatch(label) for label in folders_of
    )
    crossed = len(labels_of) > 1 and all(len(found) > 1 for found in labels_of.values())
    crossed = crossed and any(len(found) > 1 for found in folders_of.values())
    # Folders that are called like classes are no people, however they are mixed.
    crossed = crossed and not {one.casefold() for one in labels_of} & {one.casefold() for one in folders_of}
    if label_from == "auto" and agree and not like_people:
        return folders, people, []
    if label_from == "auto" and not (like_people or crossed or "" in labels_of):
        several = max(labels_of, key=lambda folder: len(labels_of[folder]))
        if len(labels_of[several]) > 1:
            said = f"the folder {several!r} holds {some(sorted(labels_of[several]))} by its column {column!r}"
        else:
            label = max(folders_of, key=lambda one: len(folders_of[one]))
            said = f"the folders {some(sorted(folders_of[label]))} all hold {label!r} by their column {column!r}"
        raise DataError(
            f"folder and column contradict each other ({files[folders.index(several)].place}): {said}; correct the "
            f"files, or say which is the class ({FOLDER} or {COLUMN})"
        )
    if "" in labels_of or (agree and not like_people) or None not in people:
        return labels, people, [f"{CHECK}the class is taken from the column {column!r}; {FOLDER} takes the folder"]
    note = (
        f"{CHECK}the class is taken from the column {column!r} and the folders, such as {folders[0]!r}, are taken for "
        f"people; {FOLDER} takes the folders for classes"
    )
    return labels, list(folders), [note]
