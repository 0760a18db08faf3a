"""A network with everything around it as one torch module: measured values in, logits and probabilities out.

``data.channels`` prepares a long table of all steps, which is quick for a data set; here the same is done on a padded
batch, as whoever uses the network has it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from data.tensors.channels import SMALLEST_DEVIATION, Preparation
from data.tensors.triples import sensor_triples
from models import SequenceClassifier, step_mask

from ..training.model_folder import StoredModel


class Deployed(nn.Module):
    """What an exported file computes."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: StoredModel) -> None:
        super().__init__()
        self.network: SequenceClassifier = model.network
        self.preparation: Preparation = model.preparation
        self.triples = sensor_triples(model.description.channel_names)
        self.temperature = model.description.temperature
        self.register_buffer("mean", model.normaliser.mean)
        self.register_buffer("deviation", model.normaliser.deviation)

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, before the temperature, and calibrated probabilities, each [batch, classes].

        Args:
            values: As measured, [batch, time, channels]; row i is meaningful for t < lengths[i].
            lengths: Real steps of each sequence, each in 1..time.
        """
        logits: Tensor = self.network(self.prepared(values, lengths), lengths)
        return logits, (logits / self.temperature).softmax(dim=1)

    def prepared(self, values: Tensor, lengths: Tensor) -> Tensor:
        """``data.channels.prepare_measured`` on a padded batch; what it gives in the padding means nothing."""
        real = step_mask(lengths, values.shape[1])
        values = values.masked_fill(~real, 0.0)
        columns = [values]
        if self.preparation.derived_channels in ("differences", "both"):
            columns.append(torch.cat([torch.zeros_like(values[:, :1]), values[:, 1:] - values[:, :-1]], dim=1))
        if self.preparation.derived_channels in ("magnitude", "both"):
            columns += [values[..., first : last + 1].norm(dim=2, keepdim=True) for first, _, last in self.triples]
        globally = (torch.cat(columns, dim=2) - self.mean) / self.deviation
        if self.preparation.normalisation == "global":
            return globally
        n_steps = lengths[:, None, None]
        centred = globally - (globally * real).sum(dim=1, keepdim=True) / n_steps
        deviation = ((centred * real).square().sum(dim=1, keepdim=True) / n_steps).sqrt()
        by_instance = centred / deviation.clamp_min(SMALLEST_DEVIATION)
        if self.preparation.normalisation == "instance":
            return by_instance
        return torch.cat([globally, by_instance], dim=2)
