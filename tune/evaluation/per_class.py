"""Where a network is right and where not: by class, by person, and by how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from data.sequences import SequenceDataset

from ..training.calibration import expected_calibration_error
from ..training.metrics import confusion_matrix

# Beyond, the matrix is more numbers than anybody reads, and would fill the database.
MOST_CONFUSED_CLASSES = 100


@dataclass(frozen=True)
class ClassScores:
    """How well one class is told from the others.

    Attributes:
        precision: Share of those named so that are of the class; None where none is named so.
        recall: Share of the class that is named so; None where the class does not occur.
        f1: As in ``metrics.score``; None where the class neither occurs nor is named.
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values; the name is called ``class``."""
        plain = asdict(self)
        return {"class": plain.pop("name"), **plain}


@dataclass(frozen=True)
class Breakdown:
    """The predictions behind a score.

    Attributes:
        confusion: A row for each true class, a column for each predicted one; None with more than
            ``MOST_CONFUSED_CLASSES`` classes.
        per_person: Share of correct predictions and number of sequences, by name; None where people are not known.
        calibration_error: Mean distance between how sure it is and how often right.
    """

    confusion: tuple[tuple[int, ...], ...] | None
    per_class: tuple[ClassScores, ...]
    per_person: dict[str, tuple[float, int]] | None
    calibration_error: float

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        people = self.per_person
        return {
            "confusion": None if self.confusion is None else [list(row) for row in self.confusion],
            "per_class": [one.as_json() for one in self.per_class],
            "per_person": people
            and {name: {"accuracy": accuracy, "n_sequences": n} for name, (accuracy, n) in people.items()},
            "calibration_error": self.calibration_error,
        }


def break_down(
    logits: Sequence[Float[Tensor, "sequences classes"]], parts: Sequence[SequenceDataset], *, same_part: bool
) -> Breakdown:
    """The predictions of one or several networks, each on its own part.

    Args:
        logits: Of each network.
        parts: What each network was given.
        same_part: Whether all networks judged the same sequences; the matrix then counts a prediction of each network,
            and a class or person its sequences once.
    """
    all_logits, labels = torch.cat(list(logits)), torch.cat([part.labels for part in parts])
    predicted = all_logits.argmax(dim=1)
    cells = confusion_matrix(predicted, labels, parts[0].n_classes)
    n_times = len(parts) if same_part else 1
    counted = tuple(tuple(row) for row in cells.tolist())
    return Breakdown(
        confusion=counted if len(counted) <= MOST_CONFUSED_CLASSES else None,
        per_class=class_scores(cells, parts[0].class_names, n_times),
        per_person=_by_person(predicted == labels, parts, n_times),
        calibration_error=expected_calibration_error(all_logits, labels),
    )


def class_scores(cells: Int[Tensor, "classes classes"], names: Sequence[str], n_times: int) -> tuple[ClassScores, ...]:
    """Precision, recall and F1 of every class; each sequence was predicted ``n_times``."""
    hits, occurs, named = cells.diagonal().tolist(), cells.sum(dim=1).tolist(), cells.sum(dim=0).tolist()
    return tuple(
        ClassScores(
            name=name,
            precision=hit / n_named if n_named else None,
            recall=hit / n_true if n_true else None,
            f1=2 * hit / (n_true + n_named) if n_true + n_named else None,
            support=n_true // n_times,
        )
        for name, hit, n_true, n_named in zip(names, hits, occurs, named, strict=True)
    )


def _by_person(right: Tensor, parts: Sequence[SequenceDataset], n_times: int) -> dict[str, tuple[float, int]] | None:
    groups = [part.groups for part in parts if part.groups is not None]
    if len(groups) < len(parts):
        return None
    people, found = torch.cat(groups), {}
    for person in sorted(set(people.tolist())):
        correct = right[people == person]
        found[parts[0].group_names[person]] = (float(correct.double().mean()), len(correct) // n_times)
    return found
