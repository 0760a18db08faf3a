"""Stored example signals: of the worst classes, small, and drawn without trusting what is stored."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import torch

from data.sequences import SequenceDataset
from tests.report_facts import examples
from tune.evaluation.examples import MOST_CHANNELS, MOST_CLASSES, MOST_STEPS, worst_examples
from tune.report.figures.signals import read_examples, signal_groups

MOST_BYTES = 40_000


def part_of(n_classes: int = 3, n_each: int = 10, n_channels: int = 2, n_steps: int = 20) -> SequenceDataset:
    labels = torch.arange(n_classes).repeat_interleave(n_each)
    lengths = torch.full_like(labels, n_steps)
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(int(lengths.sum()), n_channels, generator=generator) * torch.arange(1, n_channels + 1)
    return SequenceDataset(
        name="toy",
        kind="gesture",
        values=values,
        lengths=lengths,
        labels=labels,
        class_names=tuple(f"class {k}" for k in range(n_classes)),
        channel_names=tuple(f"channel {k}" for k in range(n_channels)),
        groups=labels % 2,
        group_names=("Ada", "Ben"),
        sample_rate_hz=10.0,
    )


def answers(part: SequenceDataset, mistakes: dict[int, int]) -> torch.Tensor:
    """Logits that are right but for these rows, which are taken for these classes; later ones more surely."""
    predicted = part.labels.clone()
    for row, taken in mistakes.items():
        predicted[row] = taken
    return torch.nn.functional.one_hot(predicted, part.n_classes) * torch.arange(1, len(part) + 1)[:, None].float()


def test_the_worst_class_comes_first_with_its_surest_mistakes() -> None:
    part = part_of()
    found = worst_examples(answers(part, {10: 0, 11: 2, 12: 2, 25: 1}), part)
    assert [(one["class"], one["n_wrong"], one["n_sequences"]) for one in found["classes"]] == [
        ("class 1", 3, 10),
        ("class 2", 1, 10),
    ]
    right, *wrong = found["classes"][0]["examples"]
    assert right["is_right"]
    assert right["predicted"] == "class 1"
    assert [one["predicted"] for one in wrong] == ["class 2", "class 2"]  # Rows 12 and 11: surer than row 10.
    assert wrong[0]["sureness"] >= wrong[1]["sureness"]
    assert found["seconds_per_step"] == pytest.approx(0.1)


def test_the_drawn_values_are_those_of_the_sequence() -> None:
    part = part_of()
    found = worst_examples(answers(part, {10: 0}), part)
    wrong = found["classes"][0]["examples"][1]
    assert wrong["person"] == "Ben"
    assert wrong["values"][0] == pytest.approx(part.sequence(10)[:, 0].tolist(), rel=1e-2)


def test_a_class_that_is_never_right_has_no_right_example() -> None:
    part = part_of()
    found = worst_examples(answers(part, dict.fromkeys(range(10), 1)), part)
    assert [one["is_right"] for one in found["classes"][0]["examples"]] == [False, False]


def test_without_a_mistake_there_are_none() -> None:
    part = part_of()
    assert worst_examples(answers(part, {}), part)["classes"] == []


def test_it_stays_small() -> None:
    part = part_of(n_classes=12, n_each=4, n_channels=40, n_steps=500)
    found = worst_examples(answers(part, {4 * k + j: (k + 1) % 12 for k in range(12) for j in range(2)}), part)
    assert len(found["classes"]) == MOST_CLASSES
    assert found["channels"] == [f"channel {k}" for k in range(40 - MOST_CHANNELS, 40)]  # Those that move most.
    assert len(found["classes"][0]["examples"][0]["values"][0]) == MOST_STEPS
    assert len(json.dumps(found)) < MOST_BYTES
    assert len(signal_groups(read_examples(found) or [])) == MOST_CLASSES


@pytest.mark.parametrize(
    "change",
    [
        {"channels": None},
        {"channels": [str(k) for k in range(9)]},
        {"seconds_per_step": "x"},
        {"classes": [{"class": "a"}]},
        {"classes": [{**examples()["classes"][0], "examples": [{"predicted": "a"}]}]},
    ],
)
def test_what_is_not_as_it_was_stored_is_not_drawn(change: dict[str, Any]) -> None:
    assert read_examples({**examples(), **change}) is None


def test_names_cannot_break_out_of_a_drawing() -> None:
    evil = '"><script>alert(1)</script>'
    groups = signal_groups(read_examples(examples((evil, evil, "c"), ("ax", "ay"))) or [])
    for group in groups:
        for drawing in group.drawings:
            assert "<script" not in str(drawing.svg)
            assert str(drawing.svg).count("<polyline") == 2


@pytest.mark.parametrize(("channels", "is_shared"), [(("ax (g)", "ay (g)"), True), (("ax (g)", "gx (rad/s)"), False)])
def test_channels_of_unlike_units_have_a_scale_each(channels: tuple[str, ...], is_shared: bool) -> None:
    stored = examples(channels=channels)
    for example in stored["classes"][0]["examples"]:
        example["values"] = [example["values"][0], [value / 9 for value in example["values"][0]]]
    classes = read_examples(stored)
    assert classes is not None
    drawing = signal_groups(classes)[0].drawings[0].svg
    heights = [
        [float(place.split(",")[1]) for place in points.split()] for points in re.findall(r'points="([^"]+)"', drawing)
    ]
    spans = [max(line) - min(line) for line in heights]
    assert spans[0] / spans[1] == pytest.approx(9 if is_shared else 1, rel=0.15)
