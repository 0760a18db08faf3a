"""The picture of an example of each class: drawn from whatever one has recorded."""

from __future__ import annotations

import io
from dataclasses import replace

import matplotlib.image
import pytest
import torch
from matplotlib.colors import to_rgba

from data.landmarks import channel_names
from data.sequences import SequenceDataset
from tune.report.figures.examples import Signals, examples_picture
from tune.report.figures.narrow import narrowed
from tune.report.figures.sheets import legend_below, panels, png
from tune.report.figures.skeleton import COLOURS, N_MOMENTS


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


def test_channels_of_unlike_units_have_a_scale_each_which_no_spike_sets() -> None:
    dataset = make(2, 2, 200)
    assert Signals(dataset).scale == "as measured"
    unlike = replace(dataset, channel_names=("across (m/s²)", "turning (rad/s)"))
    assert Signals(unlike).scale == "each in its standard deviations"
    spiked = replace(dataset, values=dataset.values.clone())
    spiked.values[100, 0] = 12.0
    _, (axes,) = panels(1, 1, 2.0)
    Signals(spiked).draw(axes, 0)
    Signals(spiked).fit(axes, range(4))
    assert axes.get_ylim()[1] < 6
    assert len({str(line.get_color()) for line in axes.get_lines()}) == 2


def test_landmarks_are_drawn_as_bodies() -> None:
    names = tuple(name for name in channel_names(("pose", "left_hand", "right_hand")) if "visibility" not in name)
    dataset = replace(make(1, 225, 9), channel_names=names)
    dataset.values[:9, names.index("left_hand 0 x") : names.index("right_hand 0 x")] = 0.0
    _, (axes,) = panels(1, 1, 2.0)
    assert Signals(dataset).draw(axes, 0) is None
    drawn = [tuple(line.get_edgecolor()[0]) for line in axes.collections]
    assert not axes.images
    assert drawn.count(to_rgba(COLOURS["pose"])) == drawn.count(to_rgba(COLOURS["right_hand"])) == N_MOMENTS
    assert to_rgba(COLOURS["left_hand"]) not in drawn, "a hand that is not seen is no point at the shoulders"
    assert "moments" in Signals(dataset).words


def test_a_narrow_picture_has_half_of_the_columns_and_the_same_panels() -> None:
    figure, every = panels(7, 4, 1.5, titles=[f"a rather long title, number {k}" for k in range(7)], share_y=True)
    for k, axes in enumerate(every):
        axes.plot([0, k], [0, 1], label=f"a line with many words, number {k}")
        axes.set_xlabel("seconds" if k >= 4 else "")
        axes.set_ylabel("metres" if k % 4 == 0 else "")
    legend_below(figure, every)
    copy = narrowed(figure)
    png(copy)
    assert figure.get_figwidth() > 2 * copy.get_figwidth() - 1, "the wide one is what it was"
    places = [axes.get_position() for axes in copy.axes]
    assert len({round(place.x0, 2) for place in places}) == 2
    assert len({round(place.y0, 2) for place in places}) == 4
    assert [axes.get_ylabel() for axes in copy.axes] == ["metres", ""] * 3 + ["metres"]
    assert [axes.get_xlabel() for axes in copy.axes] == [""] * 5 + ["seconds"] * 2
    (legend,) = copy.legends
    assert [text.get_text() for text in legend.get_texts()] == [f"a line with many words, number {k}" for k in range(7)]
