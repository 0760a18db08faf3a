"""What is stored of streams to be drawn: a few people, of each the three minutes with the most events."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from data.sequences import SequenceDataset
from data.timeline import Timeline
from tests.tune.evaluation.test_events import NAMES, stream
from tune.evaluation.decision_rule import plain_rule
from tune.evaluation.timelines import MOST_PEOPLE, MOST_SECONDS, timelines


def people(n: int) -> SequenceDataset:
    """Each with a stream of ten seconds with two waves."""
    one, windows = stream([(1, 1.0, 3.0), (1, 6.0, 8.0)]), 20
    assert one.timeline is not None
    events = np.concatenate([one.timeline.events + np.array([k, 0, 0, 0]) for k in range(n)])
    person = torch.arange(n).repeat_interleave(windows)
    return replace(
        one,
        values=one.values.repeat(n, 1),
        lengths=one.lengths.repeat(n),
        labels=one.labels.repeat(n),
        groups=person,
        group_names=tuple(f"person {k}" for k in range(n)),
        timeline=Timeline(person, one.timeline.starts.repeat(n), events, False),
    )


def test_people_from_the_worst_to_the_best_and_the_others_by_name() -> None:
    part = people(9)
    said = torch.zeros(len(part), 3)
    said[:, 0] = 1
    # Of the last four the first wave is found.
    for k in range(5, 9):
        said[20 * k + 2 : 20 * k + 7] = torch.tensor([0.0, 1.0, 0.0])
    found = timelines(said, part, plain_rule(part))
    assert found is not None
    names = [one["name"] for one in found["people"]]
    assert (len(names), names[0], names[-1]) == (MOST_PEOPLE, "person 0", "person 8")
    assert sorted([*names, *found["not_shown"]]) == sorted(part.group_names)
    assert found["people"][0]["true"] == [[1, 1.0, 3.0], [1, 6.0, 8.0]]
    assert [len(one["predicted"]) for one in found["people"]] == [0, 0, 0, 1, 1]


def test_of_a_long_stream_the_minutes_with_the_most_events() -> None:
    part = stream([(1, 10.0, 12.0), *[(1, 300.0 + 5 * k, 302.0 + 5 * k) for k in range(20)]], 1000)
    found = timelines(torch.zeros(len(part), len(NAMES)), part, plain_rule(part))
    assert found is not None
    (section,) = found["people"]
    assert section["end"] - section["begin"] == MOST_SECONDS
    assert len(section["true"]) == 20
    assert all(section["begin"] <= begin and end <= section["end"] for _, begin, end in section["true"])


def test_there_is_none_of_what_came_as_no_streams() -> None:
    part = stream([])
    assert timelines(torch.zeros(len(part), 3), part, None) is None
    assert timelines(torch.zeros(len(part), 3), replace(part, timeline=None), plain_rule(part)) is None
