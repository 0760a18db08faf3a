"""The picture of an example of each class: drawn from whatever one has recorded."""

from __future__ import annotations

import io

import matplotlib.image
import pytest
import torch

from data.sequences import SequenceDataset
from tune.report.figures.examples import examples_picture


def make(
    n_classes: int, n_channels: int, n_steps: int, scale: float = 1.0, rate: float | None = None
) -> SequenceDataset:
    n_sequences = 2 * n_classes
    values = torch.randn(n_sequences * n_steps, n_channels, generator=torch.Generator().manual_seed(0))
    values[:, 0] *= scale
    return SequenceDataset(
        name="mine",
        kind="gesture",
        values=values,
        lengths=torch.full((n_sequences,), n_steps),
        labels=torch.arange(n_sequences) % n_classes,
        class_names=tuple(f"a $class$ of a rather long name, number {k}" for k in range(n_classes)),
        channel_names=tuple(f"$channel$ {k} (m/s²)" for k in range(n_channels)),
        sample_rate_hz=rate,
    )


@pytest.mark.parametrize(
    "dataset",
    [
        make(2, 1, 1),
        make(2, 3, 2, rate=50.0),
        make(5, 9, 20, scale=1e4),
        make(7, 2, 20, scale=0.0),
        make(3, 1, 5, scale=0.0),
        make(40, 300, 10),
    ],
    ids=["one step", "two classes", "different scales", "a constant channel", "nothing but a constant", "a lot"],
)
def test_a_picture_of_any_recordings(dataset: SequenceDataset) -> None:
    picture = matplotlib.image.imread(io.BytesIO(examples_picture(dataset, "mine $x$")))
    height, width = picture.shape[:2]
    assert width == 1650
    assert 300 < height < 2000
    assert picture[:, :, :3].std() > 0.01
