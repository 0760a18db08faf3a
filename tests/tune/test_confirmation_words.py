"""What a confirmation says for people."""

from __future__ import annotations

import pytest

from tests.report_facts import confirmation
from tune.confirmation import sentences


@pytest.mark.parametrize(("n_seeds", "hint"), [(1, False), (2, True), (3, True), (5, False)])
def test_few_seeds_are_no_proof_of_equality(n_seeds: int, hint: bool) -> None:
    found = confirmation(3, cut_short=False, random_split=None)
    for one in found["configurations"]:
        one["scores"] = [one["mean"]] * n_seeds
    (said,) = [sentence for sentence in sentences(found) if "cannot be told from trial 0" in sentence]
    assert ("say little of how seeds differ" in said) == hint
