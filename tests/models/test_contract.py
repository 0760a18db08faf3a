"""What every architecture promises; one that is added to the table is held to it without a line here."""

import inspect
import math
from collections.abc import Mapping

import pytest
import torch
from jaxtyping import TypeCheckError
from torch import Tensor
from torch.nn.functional import cross_entropy, pad

from models import ARCHITECTURES, SequenceClassifier, build, n_parameters, step_mask
from models.front import NORMS
from models.pooling import POOLINGS
from models.positions import POSITIONAL_ENCODINGS

Hyperparameters = Mapping[str, object]

N_CHANNELS, N_CLASSES = 3, 5
LENGTHS = torch.tensor([11, 4, 1, 7, 10])


def parameters_of(name: str) -> dict[str, inspect.Parameter]:
    parameters = dict(inspect.signature(ARCHITECTURES[name]).parameters)
    return {key: parameters[key] for key in parameters if key not in ("n_channels", "n_classes")}


VARIATIONS: list[Hyperparameters] = [
    {},
    *[{"pooling": pooling} for pooling in POOLINGS],
    {"bidirectional": True, "pooling": "last"},
    {"bidirectional": True, "pooling": "mean_max", "n_layers": 3, "dropout": 0.4, "layer_norm": True},
    {"n_layers": 2, "dropout": 0.4},
    *[{"front_layers": 2, "front_norm": norm, "front_channels": 8} for norm in NORMS],
    {"front_layers": 3, "front_stride": 2, "front_kernel_size": 3, "front_dropout": 0.4, "bidirectional": True},
    {"conv_kernel_size": 5, "pool_size": 3, "bidirectional": True},
    {"attention_heads": 0, "cross_resolution": False, "gated_residual": False},
    {"attention_heads": 3, "attention_head_dim": 5, "cross_resolution": False},
    {"attention_heads": 0, "cross_resolution": True, "front_layers": 1, "front_stride": 2},
    {"attention_heads": 0, "cross_resolution": False, "gated_residual": True, "n_layers": 3},
    {"temporal_dropout": 0.4, "feature_dropout": 0.0},
    {"temporal_dropout": 0.0, "feature_dropout": 0.4, "dropout": 0.4},
    *[{"positional_encoding": encoding, "n_heads": 3, "head_dim": 5} for encoding in POSITIONAL_ENCODINGS],
    {"n_heads": 1, "head_dim": 2, "n_layers": 4, "feed_forward_size": 3, "dropout": 0.4},
    {"residual": False, "n_blocks": 2},
    {"n_blocks": 4, "dilation_growth": 3, "conv_kernel_size": 7, "conv_channels": 8, "dropout": 0.4},
    *[{"conv_norm": norm, "n_blocks": 2, "conv_channels": 3} for norm in NORMS],
    {"n_features": 84},
    {"n_features": 840, "receptive_field": 33},
]
CASES = [
    pytest.param(name, variation, id=f"{name}-{'-'.join(f'{key}={value}' for key, value in variation.items())}")
    for name in ARCHITECTURES
    for variation in VARIATIONS
    if variation.keys() <= parameters_of(name).keys()
]
every_case = pytest.mark.parametrize(("name", "hyperparameters"), CASES)
every_architecture = pytest.mark.parametrize("name", ARCHITECTURES)
# Gradients are promised where there are any to train by; what is solved instead is held to tests/tune/training.
BY_GRADIENT = [name for name, architecture in ARCHITECTURES.items() if not architecture.closed_form]
every_case_by_gradient = pytest.mark.parametrize(
    ("name", "hyperparameters"), [case for case in CASES if case.values[0] in BY_GRADIENT]
)
every_architecture_by_gradient = pytest.mark.parametrize("name", BY_GRADIENT)


def built(name: str, hyperparameters: Hyperparameters | None = None) -> SequenceClassifier:
    torch.manual_seed(0)
    return build(name, N_CHANNELS, N_CLASSES, **(hyperparameters or {}))


def batch(lengths: Tensor = LENGTHS, filling: float = 0.0) -> Tensor:
    """Random sequences, the same ones every time, with ``filling`` in their padding."""
    values = torch.randn(len(lengths), int(lengths.max()), N_CHANNELS, generator=torch.Generator().manual_seed(1))
    return values.masked_fill(~step_mask(lengths, values.shape[1]), filling)


@every_case
def test_logits_for_every_class(name: str, hyperparameters: Hyperparameters) -> None:
    logits = built(name, hyperparameters)(batch(), LENGTHS)
    assert logits.shape == (len(LENGTHS), N_CLASSES)
    assert logits.isfinite().all()


@every_case_by_gradient
def test_every_parameter_has_a_finite_gradient(name: str, hyperparameters: Hyperparameters) -> None:
    model = built(name, hyperparameters)
    cross_entropy(model(batch(), LENGTHS), torch.arange(len(LENGTHS))).backward()  # type: ignore[no-untyped-call]
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, f"{key} has no gradient"
        assert parameter.grad.isfinite().all(), f"the gradient of {key} is not finite"


@every_case
@torch.no_grad()
def test_a_sequence_has_the_same_logits_alone_and_padded(name: str, hyperparameters: Hyperparameters) -> None:
    model = built(name, hyperparameters).eval()
    values = batch(filling=1e6)
    together = model(pad(values, (0, 0, 0, 4), value=-1e6), LENGTHS)
    alone = [model(values[i : i + 1, :length], LENGTHS[i : i + 1]) for i, length in enumerate(LENGTHS.tolist())]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-5)


@every_case
def test_padding_changes_nothing_in_training_either(name: str, hyperparameters: Hyperparameters) -> None:
    model = built(name, hyperparameters).train()
    logits = []
    for filling, further in ((0.0, 0), (1e6, 7), (math.nan, 1)):
        torch.manual_seed(2)  # of dropout
        logits.append(model(pad(batch(filling=filling), (0, 0, 0, further), value=filling), LENGTHS))
    torch.testing.assert_close(logits[1], logits[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(logits[2], logits[0], rtol=0, atol=1e-5)


@every_case_by_gradient
def test_no_gradient_reaches_the_padding(name: str, hyperparameters: Hyperparameters) -> None:
    values = batch(filling=1e6).requires_grad_()
    built(name, hyperparameters)(values, LENGTHS).square().sum().backward()
    assert values.grad is not None
    real = step_mask(LENGTHS, values.shape[1])
    assert values.grad.masked_fill(real, 0.0).count_nonzero() == 0
    assert values.grad[real.expand_as(values)].count_nonzero() > 0


@every_case
def test_sequences_of_one_step(name: str, hyperparameters: Hyperparameters) -> None:
    model = built(name, hyperparameters)
    for n_sequences in (1, 3):
        lengths = torch.ones(n_sequences, dtype=torch.long)
        for mode in (True, False):
            model.train(mode)
            assert model(batch(lengths), lengths).isfinite().all()


@every_case
def test_logits_are_those_of_the_seed(name: str, hyperparameters: Hyperparameters) -> None:
    logits = [built(name, hyperparameters)(batch(), LENGTHS) for _ in range(2)]
    assert torch.equal(*logits)


@every_case
def test_logits_do_not_depend_on_the_gradient_mode(name: str, hyperparameters: Hyperparameters) -> None:
    model = built(name, hyperparameters).eval()
    with torch.no_grad():
        without = model(batch(), LENGTHS)
    torch.testing.assert_close(model(batch(), LENGTHS), without, rtol=0, atol=1e-5)


@every_case
def test_state_goes_out_and_in(name: str, hyperparameters: Hyperparameters) -> None:
    model = built(name, hyperparameters)
    model(batch(), LENGTHS)  # moves what a norm remembers away from its beginning
    torch.manual_seed(3)
    other = build(name, N_CHANNELS, N_CLASSES, **hyperparameters)
    other.load_state_dict(model.state_dict())
    assert torch.equal(model.eval()(batch(), LENGTHS), other.eval()(batch(), LENGTHS))


@every_architecture_by_gradient
def test_training_twice_gives_the_same_bits(name: str) -> None:
    logits = []
    for _ in range(2):
        model = built(name, {"dropout": 0.3})
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for _ in range(3):
            optimiser.zero_grad()
            cross_entropy(model(batch(), LENGTHS), torch.arange(5)).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        logits.append(model.eval()(batch(), LENGTHS))
    assert torch.equal(*logits)


@every_architecture_by_gradient
def test_eight_sequences_are_learned_by_heart(name: str) -> None:
    lengths = torch.tensor([12, 9, 15, 7, 15, 3, 10, 12])
    values, labels = batch(lengths), torch.tensor([0, 1, 2, 3, 4, 0, 1, 2])
    model = built(name)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(150):
        optimiser.zero_grad()
        loss = cross_entropy(model(values, lengths), labels)
        if step % 10 == 9 and loss < 0.05 and torch.equal(model.eval()(values, lengths).argmax(dim=1), labels):
            return
        model.train()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    pytest.fail(f"not learned after 150 steps: the loss is {loss.item():.3f}")


@every_architecture
@pytest.mark.parametrize("length", [0, -1, 12])
def test_lengths_that_cannot_be_are_refused(name: str, length: int) -> None:
    lengths = torch.tensor([11, length, 1])
    with pytest.raises(ValueError, match=rf"lengths must be in 1\.\.11.*lengths\[1\] = {length}"):
        built(name)(batch(torch.tensor([11, 2, 1])), lengths)


@every_architecture
@pytest.mark.skipif(
    not hasattr(SequenceClassifier.forward, "__wrapped__"),
    reason="models was imported before its checks were switched on: name tests/models before other folders",
)
def test_shapes_are_checked_in_these_tests(name: str) -> None:
    with pytest.raises(TypeCheckError):
        built(name)(batch(), LENGTHS[:-1])


@every_architecture
def test_hyperparameters_are_keywords_with_plain_defaults(name: str) -> None:
    for key, parameter in parameters_of(name).items():
        assert parameter.kind is parameter.KEYWORD_ONLY, f"{key} can be given by position"
        assert type(parameter.default) in (bool, int, float, str), f"{key} has no plain default"


NEVER: dict[type, list[object]] = {
    bool: [None, 1, "yes"],
    int: [None, -1, 1.5, math.nan, "64", True, 10**9],
    float: [None, -0.5, math.nan, math.inf, "0.1", True],
    str: [None, "nonsense", 3, ["last"]],
}


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        (name, key, value)
        for name in ARCHITECTURES
        for key, parameter in parameters_of(name).items()
        for value in NEVER[type(parameter.default)]
    ],
)
def test_bad_hyperparameters_are_refused_in_a_sentence(name: str, key: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{key} must be .*got ") as refusal:
        build(name, N_CHANNELS, N_CLASSES, **{key: value})
    assert repr(value) in str(refusal.value)


@every_architecture
@pytest.mark.parametrize(("n_channels", "n_classes"), [(0, 5), (3, 1), (-1, 5), (3, 0)])
def test_sizes_that_cannot_be_are_refused(name: str, n_channels: int, n_classes: int) -> None:
    with pytest.raises(ValueError, match=r"^n_(channels|classes) must be a whole number from"):
        build(name, n_channels, n_classes)


def test_an_unknown_architecture_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no architecture 'conv-gru'.*did you mean 'conv1d-gru'\?"):
        build("conv-gru", N_CHANNELS, N_CLASSES)
    with pytest.raises(ValueError, match=r"no architecture 'zzz'; there are rnn, gru, [^?]*$"):
        build("zzz", N_CHANNELS, N_CLASSES)


@every_architecture
def test_an_unknown_hyperparameter_is_refused_with_the_nearest(name: str) -> None:
    known = next(iter(parameters_of(name)))
    wrong = known[:-1]
    with pytest.raises(ValueError, match=rf"{name} has no hyperparameter '{wrong}'; it has .*did you mean '{known}'\?"):
        build(name, N_CHANNELS, N_CLASSES, **{wrong: 1})


def test_parameters_are_counted_where_they_are_trained() -> None:
    model = built("gru")
    whole = n_parameters(model)
    model.head.requires_grad_(False)
    assert n_parameters(model) == whole - (64 + 1) * N_CLASSES
