"""Projections of clouds of points whose shape is known."""

from __future__ import annotations

import pytest
import torch

from tune.diagnosis.measures.projections import own_neighbours, principal_components, tsne


def test_a_line_has_one_component() -> None:
    direction = torch.tensor([3.0, 0.0, -4.0])
    points = torch.linspace(-2, 2, 11)[:, None] * direction + torch.tensor([1.0, 2.0, 3.0])
    found = principal_components(points)
    assert found.explained.tolist() == pytest.approx([1, 0, 0], abs=1e-6)
    assert found.directions[0].tolist() == pytest.approx([-0.6, 0, 0.8], abs=1e-6)
    assert found.needed_for(0.9) == 1
    assert found.project(points)[:, 0].tolist() == pytest.approx((torch.linspace(2, -2, 11) * 5).tolist(), abs=1e-5)


def test_shares_of_the_variance_are_those_of_the_axes() -> None:
    points = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    found = principal_components(points)
    assert found.explained.tolist() == pytest.approx([0.9, 0.1])
    assert found.needed_for(0.9) == 1
    assert found.needed_for(0.95) == 2


def test_one_point_and_one_feature_are_no_trouble() -> None:
    still = principal_components(torch.ones(5, 3))
    assert still.explained.tolist() == [0, 0, 0]
    single = principal_components(torch.arange(4.0)[:, None])
    assert single.project(torch.arange(4.0)[:, None]).shape == (4, 2)
    assert not single.project(torch.arange(4.0)[:, None])[:, 1].any()


def test_two_groups_are_apart_in_the_map_and_it_is_seeded() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(40, 5, generator=generator)
    points[20:] += 30
    labels = torch.arange(40) // 20
    found = tsne(points, labels, seed=3)
    assert found is not None
    assert found.perplexity == pytest.approx(13)  # 30 is too many for 40 points
    assert found.same_neighbour == 1
    gap = (found.places[:20].mean(dim=0) - found.places[20:].mean(dim=0)).norm()
    assert gap > 2 * (found.places[:20] - found.places[:20].mean(dim=0)).norm(dim=1).mean()
    again = tsne(points, labels, seed=3)
    assert again is not None
    assert torch.equal(found.places, again.places)


def test_too_little_for_a_map() -> None:
    assert tsne(torch.randn(4, 2), torch.zeros(4)) is None
    assert tsne(torch.ones(20, 2), torch.zeros(20)) is None


def test_whose_neighbours_are_of_their_own_class() -> None:
    points = torch.tensor([[0.0], [0.1], [5.0], [5.2], [5.1]])
    assert own_neighbours(points, torch.tensor([0, 0, 1, 1, 0])) == {0: pytest.approx(2 / 3), 1: 0.0}
