"""The encoder against torch's own, and every way to tell it the order of the steps."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from models import build, step_mask
from models.attention import MultiHeadAttention
from models.positions import (
    N_LEARNED_POSITIONS,
    POSITIONAL_ENCODINGS,
    LearnedPositions,
    rotary,
    rotated,
    sinusoidal,
)
from models.transformer import Encoder

LENGTHS = torch.tensor([9, 4, 1, 7, 9, 3])
N_HEADS, HEAD_DIM, FEED_FORWARD = 3, 4, 10
WIDTH = N_HEADS * HEAD_DIM


def encoder(**changed: int | float | str) -> Encoder:
    torch.manual_seed(0)
    settings = {
        "n_heads": N_HEADS,
        "head_dim": HEAD_DIM,
        "feed_forward_size": FEED_FORWARD,
        "n_layers": 2,
        "dropout": 0.0,
        "positional_encoding": "sinusoidal",
    }
    return Encoder(5, **{**settings, **changed})  # type: ignore[arg-type]


def reference(ours: Encoder, values: Tensor) -> Tensor:
    """What torch's own pre-norm layers compute with the same weights."""
    hidden = ours.embedding(values) + sinusoidal(values.shape[1], WIDTH, like=values)
    padding = ~step_mask(LENGTHS, values.shape[1])[..., 0]
    for attention, feed_forward in zip(ours.attentions, ours.feed_forwards, strict=True):
        layer = nn.TransformerEncoderLayer(
            WIDTH, N_HEADS, FEED_FORWARD, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        ).double()
        given = {key: value for key, value in [*attention.named_parameters(), *feed_forward.named_parameters()]}
        weights = {
            "self_attn.in_proj_weight": torch.cat(
                [given["attention.query.weight"], given["attention.key_value.weight"]]
            ),
            "self_attn.in_proj_bias": torch.zeros(3 * WIDTH),
            "self_attn.out_proj.weight": given["attention.output.weight"],
            "self_attn.out_proj.bias": given["attention.output.bias"],
            "norm1.weight": given["norm.weight"],
            "norm1.bias": given["norm.bias"],
        }
        for theirs, own in (("norm2", "layers.0"), ("linear1", "layers.1"), ("linear2", "layers.3")):
            weights |= {f"{theirs}.{kind}": given[f"{own}.{kind}"] for kind in ("weight", "bias")}
        layer.load_state_dict(weights)
        hidden = layer(hidden, src_key_padding_mask=padding)
    return ours.norm(hidden)  # type: ignore[no-any-return]


def test_layers_compute_what_those_of_torch_do() -> None:
    ours = encoder().double()
    values = torch.randn(len(LENGTHS), 9, 5, dtype=torch.double)
    hidden, lengths = ours(values, LENGTHS)
    expected = reference(ours, values)
    assert torch.equal(lengths, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(hidden[row, :length], expected[row, :length])


def test_attention_to_another_sequence_sees_its_real_steps_only() -> None:
    torch.manual_seed(0)
    attention = MultiHeadAttention(6, n_heads=2, head_dim=5, n_context_features=4)
    values, context = torch.randn(len(LENGTHS), 3, 6), torch.randn(len(LENGTHS), 9, 4)
    gathered = attention(values, context, step_mask(LENGTHS, 9))
    assert gathered.shape == values.shape
    for row, length in enumerate(LENGTHS.tolist()):
        alone = attention(values[row : row + 1], context[row : row + 1, :length], torch.ones(1, length, 1).bool())
        torch.testing.assert_close(gathered[row : row + 1], alone)


@pytest.mark.parametrize("n_features", [1, 2, 7, 16])
def test_waves_are_those_of_the_formula(n_features: int) -> None:
    """Vaswani et al. 2017, section 3.5, whose sine of wave i is our feature i."""
    waves = sinusoidal(50, n_features, like=torch.zeros(1))
    width = n_features + n_features % 2
    for position in (0, 1, 13, 49):
        for feature in range(n_features):
            wave = 2 * (feature % (width // 2))
            angle = position / 10_000 ** (wave / width)
            expected = math.sin(angle) if feature < width // 2 else math.cos(angle)
            assert waves[position, feature].item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("head_dim", [2, 5, 8])
def test_products_of_turned_heads_depend_on_the_distance_only(head_dim: int) -> None:
    """Su et al. 2021, equation 16."""
    torch.manual_seed(0)
    query, key = torch.randn(2, head_dim, dtype=torch.double)
    rotation = rotary(30, head_dim, like=query)
    queries, keys = (rotated(vector.expand(1, 1, 30, head_dim), rotation)[0, 0] for vector in (query, key))
    products = queries @ keys.T
    for distance in (0, 1, 9):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    torch.testing.assert_close(products[0, 0], query @ key)
    assert (products[0] - products[0, 0]).abs().max() > 0.1


@given(length=st.integers(1, 3 * N_LEARNED_POSITIONS), further=st.integers(0, 700))
def test_a_learned_table_is_stretched_over_a_sequence_that_is_longer(length: int, further: int) -> None:
    torch.manual_seed(0)
    positions = LearnedPositions(2)
    with torch.no_grad():
        positions.table.copy_(torch.arange(N_LEARNED_POSITIONS)[:, None].expand(-1, 2))
    added = positions(torch.zeros(1, length + further, 2), torch.tensor([length]))[0, :length, 0]
    end = min(length, N_LEARNED_POSITIONS) - 1
    torch.testing.assert_close(added, torch.linspace(0, end, length), rtol=0, atol=1e-2)


@pytest.mark.parametrize("encoding", POSITIONAL_ENCODINGS)
@torch.no_grad()
def test_long_sequences_are_the_same_alone_and_padded(encoding: str) -> None:
    torch.manual_seed(0)
    lengths = torch.tensor([N_LEARNED_POSITIONS + 90, 600, 20])
    model = build("transformer", 2, 3, n_heads=2, head_dim=4, positional_encoding=encoding).eval()
    values = torch.randn(3, 700, 2)
    together = model(values, lengths)
    alone = [model(values[i : i + 1, :length], lengths[i : i + 1]) for i, length in enumerate(lengths.tolist())]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-5)


@pytest.mark.parametrize("encoding", POSITIONAL_ENCODINGS)
def test_the_order_of_the_steps_matters(encoding: str) -> None:
    torch.manual_seed(0)
    model = build("transformer", 3, 5, positional_encoding=encoding).eval()
    values, lengths = torch.randn(1, 9, 3), torch.tensor([9])
    forwards, backwards = model(values, lengths), model(values.flip(1), lengths)
    assert (forwards - backwards).abs().max() > 1e-4


def test_only_learned_positions_have_parameters() -> None:
    sizes = {
        encoding: sum(parameter.numel() for parameter in encoder(positional_encoding=encoding).parameters())
        for encoding in POSITIONAL_ENCODINGS
    }
    assert sizes["sinusoidal"] == sizes["rotary"] == sizes["learned"] - N_LEARNED_POSITIONS * WIDTH
