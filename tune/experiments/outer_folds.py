"""The outer folds of a nested evaluation: a study for each, and whom or what it is tested on.

The whole tuner runs within each fold, so that what is measured is the tuner's answer, its selection included (Cawley &
Talbot 2010, "On over-fitting in model selection", section 5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from data.sequences import SequenceDataset
from data.splits.split import check_all_can_be_tested, outer_folds

from ..config.settings import Settings
from ..core.folders import check_study_name
from ..core.problems import Problem, SettingsError

FEWEST_PEOPLE = 3
# Up to so many people each is a fold of its own.
MOST_ALONE = N_FOLDS_OF_PEOPLE = 10
N_FOLDS = 5
KINDS = {"people": "group", "folds": "stratified"}
_LONGEST_PERSON = 30


@dataclass(frozen=True)
class OuterOptions:
    """Which outer folds a person asks for.

    Attributes:
        outer: ``people`` or ``folds``.
        n_folds: None for each person alone where there are few, else ten folds of people; five stratified ones.
        every_architecture: Whether each fold is tuned with all of them.
    """

    outer: str
    n_folds: int | None = None
    every_architecture: bool = False


@dataclass(frozen=True)
class OuterFold:
    """One run of the tuner.

    Attributes:
        study_name: Of its study; with all architectures, the beginning of their names.
        tested: Whom or what it is tested on, in words.
        layer: Its split, as settings over those of the evaluation.
    """

    study_name: str
    study_names: tuple[str, ...]
    tested: str
    layer: dict[str, Any]


def plan_folds(dataset: SequenceDataset, settings: Settings, name: str, options: OuterOptions) -> list[OuterFold]:
    """The outer folds, in which every person, or every sequence, is tested exactly once.

    Args:
        dataset: All of it.
        settings: As the person gives them.
        name: Of the evaluation; the studies' names begin with it.
        options: Which folds.
    """
    if problems := _problems(dataset, settings, options):
        raise SettingsError(problems)
    check_all_can_be_tested(dataset, KINDS[options.outer])
    folds = []
    for folder, tested, split in _test_parts(dataset, settings, options):
        study = f"{name}-outer-{folder}"
        check_study_name(study)
        names = tuple(f"{study}-{one}" for one in settings.architectures) if options.every_architecture else (study,)
        folds.append(OuterFold(study, names, tested, {"split": {"kind": KINDS[options.outer], **split}}))
    return folds


def _problems(dataset: SequenceDataset, settings: Settings, options: OuterOptions) -> list[Problem]:
    outer, kind, split = options.outer, KINDS[options.outer], settings.split
    if split.test_groups or split.outer_fold:
        path, value = ("test_groups", split.test_groups) if split.test_groups else ("outer_fold", split.outer_fold)
        return [Problem(f"split.{path}", value, "is what the outer folds decide", "leave it out")]
    if split.kind == "official" or (split.kind == "auto" and dataset.official is not None):
        rule = "the data has an official test set, which the tuner never sees: `run` gives that answer"
        return [Problem("--outer", outer, rule, f"to split all of it anew regardless, add --split {kind}")]
    people = _people(dataset)
    if outer == "people" and not people:
        return [Problem("--outer", outer, "the data does not say who performed a sequence", "use --outer folds")]
    if split.kind not in ("auto", kind):
        other = next(name for name in KINDS if name != outer)
        return [Problem("--outer", outer, f"cannot go with --split {split.kind}", f"use --outer {other}")]
    if outer == "people" and len(people) < FEWEST_PEOPLE:
        rule = f"needs {FEWEST_PEOPLE} people, to train, validate and test on; there are {len(people)}"
        return [Problem("--outer", outer, rule, "use --outer folds, which says nothing about new people")]
    if outer == "people" and (options.n_folds or 0) > len(people):
        return [Problem("--n-folds", options.n_folds, f"must be 2 to {len(people)}, the number of people")]
    return []


def _test_parts(
    dataset: SequenceDataset, settings: Settings, options: OuterOptions
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Of each fold the end of its study's name, what is tested in words, and as settings of the split."""
    if options.outer == "folds":
        n_folds = options.n_folds or N_FOLDS
        for k in range(1, n_folds + 1):
            yield f"fold-{k}", f"fold {k} of {n_folds}", {"outer_fold": [k, n_folds]}
        return
    people = _people(dataset)
    n_folds = options.n_folds or (len(people) if len(people) <= MOST_ALONE else N_FOLDS_OF_PEOPLE)
    if n_folds == len(people):
        for folder, person in zip(_folder_names(people), people, strict=True):
            yield folder, person, {"test_groups": [person]}
        return
    for k, rows in enumerate(outer_folds(dataset, "group", n_folds, seed=settings.split.seed), start=1):
        tested = _people(dataset, rows.tolist())
        yield f"fold-{k}", ", ".join(tested), {"test_groups": tested}


def _people(dataset: SequenceDataset, rows: Sequence[int] | None = None) -> list[str]:
    """Who performed these sequences, or any at all; nobody where that is not known."""
    if dataset.groups is None:
        return []
    groups = dataset.groups if rows is None else dataset.groups[list(rows)]
    return [dataset.group_names[k] for k in sorted(set(groups.tolist()))]


def _folder_names(people: Sequence[str]) -> list[str]:
    """Their names as parts of file names, all different even where capitals do not count."""
    plain = [re.sub(r"[^A-Za-z0-9_-]+", "-", person).strip("-_")[:_LONGEST_PERSON] for person in people]
    if len({one.lower() for one in plain if one}) == len(people):
        return plain
    return [f"{k}-{one}".rstrip("-") for k, one in enumerate(plain, start=1)]
