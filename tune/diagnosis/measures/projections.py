"""Many features drawn in two: principal components and t-SNE, both with what is needed to know how far to believe."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .states import classes_in


class Components(NamedTuple):
    """Principal components (Pearson 1901).

    Attributes:
        directions: Unit vectors, the one of the largest variance first.
        explained: Share of the variance along each.
    """

    mean: Float[Tensor, " features"]
    directions: Float[Tensor, "components features"]
    explained: Float[Tensor, " components"]

    def project(self, points: Float[Tensor, "... features"], n_components: int = 2) -> Tensor:
        """Coordinates along the first components; zero where there are fewer."""
        chosen = self.directions[:n_components]
        coordinates = (points.double() - self.mean) @ chosen.T
        missing = n_components - len(chosen)
        return torch.cat([coordinates, coordinates.new_zeros(*coordinates.shape[:-1], missing)], dim=-1)

    def needed_for(self, share: float) -> int:
        """Components that hold this share of the variance."""
        reached = self.explained.cumsum(0) >= share - 1e-12
        return int(reached.nonzero()[0]) + 1 if reached.any() else len(self.explained)


def principal_components(points: Float[Tensor, "points features"]) -> Components:
    """Principal components of a cloud of points; the sign of each is such that its largest entry is above zero."""
    from sklearn.decomposition import PCA

    with np.errstate(invalid="ignore"):  # Where all points are one, no component explains anything.
        found = PCA(svd_solver="full").fit(points.double().numpy())
    directions = torch.from_numpy(found.components_)
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    explained = torch.from_numpy(found.explained_variance_ratio_).nan_to_num()
    return Components(torch.from_numpy(found.mean_), directions * largest.sign(), explained)


class Embedding(NamedTuple):
    """A t-SNE map (van der Maaten & Hinton 2008).

    Attributes:
        perplexity: How many neighbours each point was to keep, about.
        same_neighbour: Share of the points whose nearest neighbour, in all features, has the same class: what a map
            of two dimensions can show at best.
    """

    places: Float[Tensor, "points 2"]
    perplexity: float
    same_neighbour: float


def tsne(
    points: Float[Tensor, "points features"], labels: Tensor, *, perplexity: float = 30.0, seed: int = 0
) -> Embedding | None:
    """A t-SNE map of points; None with fewer than five, or where all are one point.

    Args:
        points: At most some thousands: the time grows with them.
        labels: Class of each.
        perplexity: Is lowered where there are few points, which it must stay below a third of.
        seed: Of what is random in it; the start is the principal components.
    """
    from sklearn.manifold import TSNE

    # Features that hardly vary would count as much as the others if they were scaled: they are left as they are.
    features = points.double().numpy()
    if len(features) < 5 or float(np.ptp(features, axis=0).max()) == 0:
        return None
    perplexity = min(perplexity, (len(features) - 1) / 3)
    places = TSNE(perplexity=perplexity, init="pca", random_state=seed, n_jobs=1).fit_transform(features)
    same = nearest_is_alike(points, labels)
    return Embedding(torch.from_numpy(np.ascontiguousarray(places)), perplexity, float(same.double().mean()))


def nearest_is_alike(points: Float[Tensor, "points features"], labels: Tensor) -> Tensor:
    """Whether the nearest other point of each, in all features, is of its class."""
    distances = torch.cdist(points.double(), points.double()).fill_diagonal_(torch.inf)
    return labels[distances.argmin(dim=1)] == labels


def own_neighbours(points: Float[Tensor, "points features"], labels: Tensor) -> dict[int, float]:
    """For every class, the share of its points whose nearest other point is of it too."""
    same = nearest_is_alike(points, labels)
    return {k: float(same[labels == k].double().mean()) for k in classes_in(labels)}
