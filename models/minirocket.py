"""MiniRocket: shares of positive values of fixed dilated convolutions, under a linear head that is solved, not trained.

Source: Dempster, Schmidt & Webb 2021, "MiniRocket: A very fast (almost) deterministic transform for time series
classification" (arXiv 2012.08791); several channels as in the authors' multivariate code, which sktime and aeon carry:
every kernel at every dilation adds up a random subset of at most nine.

It is written here rather than taken from aeon 1.6, whose features and accuracy it has (benchmarks/README.md). aeon
wants sequences of one length, of nine steps at least; its numba code cannot be exported, to ONNX or otherwise; and it
brings 230 MB of packages, 1.9 s of processor time an import, and 20 s the first time, to be compiled.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import conv1d

from .base import SequenceClassifier
from .checks import whole_number
from .pooling import Pooling

KERNEL_SIZE = 9
# Six weights of -1 and three of 2, in every order: section 3.1.1.
TWOS = tuple(combinations(range(KERNEL_SIZE), 3))
N_KERNELS = len(TWOS)
MOST_DILATIONS = 32
MOST_CHANNELS_A_KERNEL = 9
GOLDEN_RATIO = (math.sqrt(5) + 1) / 2
# Of a channel, in its standard deviations.
LARGEST_VALUE = 64
SIGNIFICANT_BITS = 24
# Responses at once: what fits a core's cache is counted several times as fast.
CHUNK = 2**19

Sample = Callable[[int], tuple[Tensor, Tensor]]


class KernelFeatures(nn.Module):
    """The share of steps at which each convolution exceeds each of its biases, as one step of features.

    Every other kernel counts only steps at which it lies within the sequence. Where it is too long for that, it counts
    all of them.

    Values are rounded to steps so coarse that float32 adds them without error: a count then depends neither on the
    order of additions, hence on batch, machine and format, nor on what rounding leaves of a signal that stands still.

    Args:
        n_channels: Channels of a step.
        n_features: Features, rounded down to a multiple of 84.
        receptive_field: Steps that the most dilated kernel spans.

    Attributes:
        dilations: Different ones, ascending.
        n_biases: Of every kernel, at each of the dilations.
        n_outputs: Features.
    """

    channels: Tensor
    biases: Tensor
    kernels: Tensor

    def __init__(self, n_channels: int, *, n_features: int, receptive_field: int) -> None:
        super().__init__()
        self.dilations, self.n_biases = spread(n_features // N_KERNELS, receptive_field)
        self.n_outputs = N_KERNELS * sum(self.n_biases)
        most = min(n_channels, MOST_CHANNELS_A_KERNEL)
        # A kernel's weights have 12 as the sum of their absolute values.
        self.resolution = 2.0 ** (SIGNIFICANT_BITS - math.ceil(math.log2(12 * most * LARGEST_VALUE)))
        self.margin = 12 * most / self.resolution
        shape = (len(self.dilations), N_KERNELS, n_channels)
        n_chosen = (2 ** (torch.rand(*shape[:2], 1) * math.log2(most + 1))).floor()
        self.register_buffer("channels", torch.rand(shape).argsort(dim=2).argsort(dim=2) < n_chosen)
        self.register_buffer("biases", 4 * torch.randn(self.n_outputs))
        weights = [[2.0 if place in twos else -1.0 for place in range(KERNEL_SIZE)] for twos in TWOS]
        self.register_buffer("kernels", torch.tensor(weights), persistent=False)

    def forward(
        self, values: Float[Tensor, "batch time channels"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch 1 outputs"], Int[Tensor, " batch"]]:
        """One step of features, between 0 and 1, and lengths of one; padding must be zero."""
        values, ones = self.rounded(values), torch.ones_like(lengths)
        if torch.compiler.is_compiling():
            return self._shares(values, lengths)[:, None], ones
        n_rows = max(1, CHUNK // (N_KERNELS * values.shape[2]))
        pieces = zip(torch.split(values, n_rows), torch.split(lengths, n_rows), strict=True)
        return torch.cat([self._shares(*piece) for piece in pieces])[:, None], ones

    def rounded(self, values: Float[Tensor, "batch time channels"]) -> Float[Tensor, "batch channels time"]:
        """What is convolved; counts have no gradient, so nothing is kept for one."""
        limited = values.detach().clamp(-LARGEST_VALUE, LARGEST_VALUE)
        rounded = (limited * self.resolution).round().div(self.resolution).transpose(1, 2)
        # Strides of their own, also of one channel: convolutions hand the others on, and all after them is slow.
        return rounded.clone(memory_format=torch.contiguous_format)

    def weights(self, index: int) -> Float[Tensor, "kernels channels places"]:
        """Of the convolution at one of the dilations."""
        return self.channels[index, :, :, None] * self.kernels[:, None]

    def _shares(
        self, values: Float[Tensor, "batch channels time"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch outputs"]:
        steps, ends = torch.arange(values.shape[2], device=values.device), lengths[:, None]
        shares, before = [], 0
        for index, (dilation, n_biases) in enumerate(zip(self.dilations, self.n_biases, strict=True)):
            reach = dilation * (KERNEL_SIZE // 2)
            inset = torch.where(ends > 2 * reach, reach, 0)
            within = (steps >= inset) & (steps < ends - inset)
            both = [(steps < ends, ends), (within, ends - 2 * inset)]
            first, second = both if index % 2 == 0 else both[::-1]
            left_out = torch.where(torch.stack([first[0], second[0]], dim=1), 0.0, -torch.inf)
            n_counted = torch.cat([first[1], second[1]], dim=1).repeat(1, N_KERNELS // 2)
            responses = conv1d(values, self.weights(index), padding=reach, dilation=dilation)
            responses = (responses.view(-1, N_KERNELS // 2, 2, values.shape[2]) + left_out[:, None]).flatten(1, 2)
            after = before + N_KERNELS * n_biases
            biases = self.biases[before:after].view(N_KERNELS, n_biases, 1)
            # A sum of float32 takes a seventh of the time of a count of truth values, and is exact.
            exceeds = torch.empty_like(responses)
            counts = [torch.gt(responses, biases[:, k], out=exceeds).sum(dim=2) for k in range(n_biases)]
            shares.append((torch.stack(counts, dim=2) / n_counted[:, :, None]).flatten(1))
            before = after
        return torch.cat(shares, dim=1)

    @torch.no_grad()
    def fit_biases(self, sample: Sample) -> None:
        """Takes the biases from convolutions of training sequences: section 3.1.3.

        They are moved up by as much as rounding of the input can change a response. Else, where many responses are the
        very quantile, as in a signal of few levels, its last bit would decide whether they exceed it.

        Args:
            sample: Draws as many padded training sequences as it is asked for, and their lengths.
        """
        quantiles = torch.arange(1, self.n_outputs + 1, dtype=torch.double) * GOLDEN_RATIO % 1
        # In the order of the features: dilations, in each of them kernels, in each of them biases.
        n_each = [n_biases for n_biases in self.n_biases for _ in range(N_KERNELS)]
        responses = (row for index in range(len(self.dilations)) for row in self._responses(index, sample))
        biases = [
            row.double().quantile(wanted) for row, wanted in zip(responses, torch.split(quantiles, n_each), strict=True)
        ]
        self.biases.copy_(torch.cat(biases) + self.margin)

    def _responses(self, index: int, sample: Sample) -> list[Float[Tensor, " steps"]]:
        """Of each kernel to a sequence of its own, at one of the dilations."""
        values, lengths = sample(N_KERNELS)
        dilation = self.dilations[index]
        reach = dilation * (KERNEL_SIZE // 2)
        side_by_side = self.rounded(values).flatten(0, 1)[None]
        found = conv1d(side_by_side, self.weights(index), padding=reach, dilation=dilation, groups=N_KERNELS)[0].cpu()
        return [row[:length] for row, length in zip(found, lengths.tolist(), strict=True)]


def spread(n_biases: int, receptive_field: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Dilations, spaced evenly on a logarithmic scale, and how many of a kernel's biases each gets: section 3.1.2."""
    n_places = min(n_biases, MOST_DILATIONS)
    largest = math.log2((receptive_field - 1) / (KERNEL_SIZE - 1))
    exponents = [largest * place / max(n_places - 1, 1) for place in range(n_places)]
    counts = Counter(int(2**exponent) for exponent in exponents)
    shares = [int(count * n_biases / n_places) for count in counts.values()]
    left = n_biases - sum(shares)
    return tuple(counts), tuple(share + (left - place - 1) // len(shares) + 1 for place, share in enumerate(shares))


class MiniRocket(SequenceClassifier):
    """Shares of positive values of 84 fixed kernels at several dilations, linear head.

    Args:
        n_features: What the head is given, rounded down to a multiple of 84.
        receptive_field: Steps that the most dilated kernel spans; in the paper, those of a sequence.
    """

    closed_form: ClassVar[bool] = True

    def __init__(
        self, n_channels: int, n_classes: int, *, n_features: int = 10_000, receptive_field: int = 128
    ) -> None:
        super().__init__(n_channels, n_classes)
        whole_number("n_features", n_features, N_KERNELS, 100_000)
        whole_number("receptive_field", receptive_field, KERNEL_SIZE, 65_536)
        features = KernelFeatures(n_channels, n_features=n_features, receptive_field=receptive_field)
        self.assemble([features], Pooling("last", features.n_outputs), dropout=0.0)

    def fit_features(self, sample: Sample) -> None:
        """Fits what stands before the head; see ``KernelFeatures.fit_biases``."""
        self.stages[0].fit_biases(sample)  # type: ignore[operator]
