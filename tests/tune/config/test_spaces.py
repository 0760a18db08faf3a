"""An architecture is a file, a line and an entry: what is missing of the three is said, and all of its space builds."""

from __future__ import annotations

import inspect
from dataclasses import fields
from itertools import product

import pytest
import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from data import DATASETS
from data.sequences import SequenceDataset
from data.tensors.augment import Augmentation
from data.tensors.channels import Preparation
from models import ARCHITECTURES, build
from tune.config.initial import ADAPTED, INITIAL_CONFIGURATIONS, ever_smaller, initial_configurations, nearest
from tune.config.ranges import from_plain, to_plain
from tune.config.settings import resolve
from tune.config.spaces import CLOSED_FORM, LIMITS, MEANINGS, ODD, OF_THE_CHANNELS, OFF, SHARED, SPACES, Scalar, Space
from tune.config.suitability import suited
from tune.training.fit import TrainingSettings

N_CHANNELS, N_CLASSES = 6, 4
# Every pair of two hyperparameters' extremes would be thousands of networks; a covering set of this many meets them.
N_CORNERS = 12


def accepted(name: str) -> set[str]:
    return set(inspect.signature(ARCHITECTURES[name]).parameters)


def test_what_is_registered_has_a_space_and_what_has_a_space_is_registered() -> None:
    """A failure says which of the three places is missing."""
    for name in SPACES.keys() - ARCHITECTURES.keys():
        pytest.fail(
            f"{name!r} has an entry in SPACES (tune/config/spaces.py) but no line in ARCHITECTURES (models/__init__.py)"
        )
    for name in ARCHITECTURES.keys() - SPACES.keys():
        pytest.fail(
            f"{name!r} has a line in ARCHITECTURES (models/__init__.py) but no entry in SPACES (tune/config/spaces.py)"
        )


@pytest.mark.parametrize("name", SPACES)
def test_every_searched_hyperparameter_is_a_constructor_argument(name: str) -> None:
    for key in SPACES[name].keys() - accepted(name):
        pytest.fail(f"SPACES[{name!r}] searches {key!r}, which the constructor of {name} (models/) does not take")


def test_every_shared_hyperparameter_reaches_the_training_or_the_channels() -> None:
    known = {field.name for kind in (TrainingSettings, Preparation, Augmentation) for field in fields(kind)}
    assert known >= SHARED.keys()
    assert {field.name for kind in (Preparation, Augmentation) for field in fields(kind)} <= SHARED.keys()


def test_every_searched_hyperparameter_is_explained_and_nothing_else_is() -> None:
    searched = SHARED.keys() | {key for space in SPACES.values() for key in space}
    assert searched == MEANINGS.keys(), "see MEANINGS in tune/config/spaces.py"


def test_what_is_solved_has_the_hyperparameters_of_the_channels_alone() -> None:
    assert {name for name, architecture in ARCHITECTURES.items() if architecture.closed_form} == CLOSED_FORM
    assert {*OF_THE_CHANNELS} == {field.name for field in fields(Preparation)}


def test_what_is_off_is_known_and_lies_within_its_limits() -> None:
    for name, value in OFF.items():
        assert from_plain(name, name, SHARED[name], value) == value


@pytest.mark.parametrize("name", SPACES)
def test_no_hyperparameter_means_two_things(name: str) -> None:
    assert not SHARED.keys() & SPACES[name].keys()


def extremes(distribution: BaseDistribution) -> list[Scalar]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)  # type: ignore[arg-type]
    if not isinstance(distribution, IntDistribution | FloatDistribution):
        raise TypeError(f"no extremes of {distribution!r}")
    return [distribution.low, distribution.high]


def corners(space: Space) -> list[dict[str, Scalar]]:
    """All low, all high, and a covering walk in which neighbours are at different extremes."""
    found = []
    for k in range(N_CORNERS):
        stride = k // 2 + 1
        values = {
            name: options[(k + position // stride) % len(options)]
            for position, (name, options) in enumerate((name, extremes(space[name])) for name in space)
        }
        found.append(values)
    return [
        {name: extremes(space[name])[0] for name in space},
        {name: extremes(space[name])[-1] for name in space},
        *found,
    ]


def check_forward(name: str, values: dict[str, Scalar]) -> None:
    torch.manual_seed(0)
    model = build(name, N_CHANNELS, N_CLASSES, **values).train()
    lengths = torch.tensor([13, 7, 1])
    logits = model(torch.randn(3, 13, N_CHANNELS), lengths)
    assert logits.shape == (3, N_CLASSES), f"{name} with {values}"
    assert logits.isfinite().all(), f"{name} with {values}"


@pytest.mark.parametrize("name", SPACES)
def test_every_corner_of_the_space_builds(name: str) -> None:
    for values in corners(SPACES[name]):
        check_forward(name, values)


@pytest.mark.parametrize("name", SPACES)
def test_every_pair_of_choices_builds(name: str) -> None:
    small = {key: extremes(space)[0] for key, space in SPACES[name].items()}
    chosen = [key for key, space in SPACES[name].items() if isinstance(space, CategoricalDistribution)]
    for values in product(*(extremes(SPACES[name][key]) for key in chosen)):
        check_forward(name, {**small, **dict(zip(chosen, values, strict=True))})


@pytest.mark.parametrize("name", SPACES)
def test_the_lowest_that_a_person_may_write_builds(name: str) -> None:
    lowest = {key: extremes(space)[0] for key, space in SPACES[name].items()}
    for key in SPACES[name].keys() & LIMITS.keys():
        low = LIMITS[key][0]
        check_forward(name, {**lowest, key: low if isinstance(SPACES[name][key], FloatDistribution) else int(low)})


@pytest.mark.parametrize("key", ["dropout", "front_layers", "front_kernel_size", "front_stride", "n_layers"])
@pytest.mark.parametrize("name", SPACES)
def test_the_highest_that_a_person_may_write_builds(name: str, key: str) -> None:
    """Of those that stay cheap."""
    if key not in SPACES[name]:
        return
    lowest = {other: extremes(space)[0] for other, space in SPACES[name].items()}
    high = LIMITS[key][1]
    check_forward(name, {**lowest, key: high if isinstance(SPACES[name][key], FloatDistribution) else int(high)})


def test_every_number_has_limits_that_hold_its_range() -> None:
    for space in (SHARED, *SPACES.values()):
        for name, distribution in space.items():
            if isinstance(distribution, IntDistribution | FloatDistribution):
                low, high = LIMITS[name]
                assert low <= distribution.low < distribution.high <= high
            if name in ODD:
                assert isinstance(distribution, IntDistribution)
                assert (distribution.low % 2, distribution.step % 2) == (1, 0)


def test_every_kind_of_data_has_a_first_trial() -> None:
    assert INITIAL_CONFIGURATIONS.keys() >= {kind for entry in DATASETS.values() for kind in entry.kind.split(" or ")}
    assert INITIAL_CONFIGURATIONS.keys() == {"gesture", "activity", "landmarks"}


@pytest.mark.parametrize("kind", INITIAL_CONFIGURATIONS)
@pytest.mark.parametrize("name", SPACES)
def test_the_first_trial_fixes_everything_and_lies_in_the_space(name: str, kind: str) -> None:
    space = {key: distribution for key, distribution in (SHARED | SPACES[name]).items() if key not in OFF}
    *_, values = initial_configurations(kind, name, space)
    for key in space.keys() - values.keys():
        pytest.fail(
            f"INITIAL_CONFIGURATIONS[{kind!r}] (tune/config/initial.py) has no {key!r} for {name}: it would be random"
        )
    for key, value in values.items():
        assert space[key]._contains(space[key].to_internal_repr(value)), f"{key} = {value} is outside its range"
    check_forward(name, {key: values[key] for key in SPACES[name]})


@pytest.mark.parametrize("channels", [("level",), ("level", "noise"), ("ax", "ay", "az")])
@pytest.mark.parametrize("kind", INITIAL_CONFIGURATIONS)
@pytest.mark.parametrize("name", SPACES)
def test_nothing_of_a_first_trial_is_drawn_at_random(name: str, kind: str, channels: tuple[str, ...]) -> None:
    """Whatever the channels are, whatever is switched on, and whichever choices somebody leaves."""
    dataset = SequenceDataset(
        name="few",
        kind=kind,
        values=torch.zeros(8, len(channels)),
        lengths=torch.tensor([4, 4]),
        labels=torch.tensor([0, 1]),
        class_names=("a", "b"),
        channel_names=channels,
    )
    switched_on = {key: to_plain(SHARED[key]) for key in OFF}
    few_choices = {"pooling": ["last", "max"]} if "pooling" in SPACES[name] else {}
    settings = resolve({"architecture": name, "space": {"shared": switched_on, name: few_choices}})
    searched, _ = suited(settings, dataset)[0].ranges()
    (values,) = initial_configurations(kind, name, searched)
    assert values.keys() == searched.keys()
    for key, value in values.items():
        assert searched[key]._contains(searched[key].to_internal_repr(value)), f"{key} = {value} is outside its range"
    if len(channels) < 3 and kind != "landmarks":
        assert values["derived_channels"] == ADAPTED.get(name, {}).get("derived_channels", "differences")


@pytest.mark.parametrize(
    ("distribution", "value", "found"),
    [
        (IntDistribution(16, 256, log=True), 300, 256),
        (IntDistribution(16, 256, log=True), 1, 16),
        (IntDistribution(3, 7, step=2), 6, 7),
        (IntDistribution(3, 7, step=2), 5, 5),
        (FloatDistribution(0.0, 0.5), 0.7, 0.5),
        (FloatDistribution(0.0, 1.0, step=0.25), 0.6, 0.5),
        (CategoricalDistribution([32, 64]), 50, 64),
        (CategoricalDistribution(["a", "b"]), "b", "b"),
        (CategoricalDistribution(["a", "b"]), "c", None),
        (CategoricalDistribution([False, True]), True, True),
        (IntDistribution(1, 3), "two", None),
    ],
)
def test_the_nearest_value_that_a_space_has(
    distribution: BaseDistribution, value: Scalar, found: Scalar | None
) -> None:
    assert nearest(distribution, value) == found


@pytest.mark.parametrize("name", SPACES)
def test_an_initial_configuration_becomes_a_smaller_network_down_to_its_ranges(name: str) -> None:
    searched, fixed = resolve({"architecture": name}).ranges()
    (values,) = initial_configurations("gesture", name, searched)
    keys = accepted(name) - {"n_channels", "n_classes"}
    n_weights = [
        sum(
            weight.numel()
            for weight in build(
                name, N_CHANNELS, N_CLASSES, **{k: v for k, v in {**smaller, **fixed}.items() if k in keys}
            )
            .state_dict()
            .values()
        )
        for smaller in ever_smaller(searched, values)
    ]
    assert n_weights == sorted(n_weights, reverse=True)
    assert n_weights[-1] < n_weights[0]


def test_sizes_that_are_words_stay_as_they_are() -> None:
    searched: Space = {"hidden_size": CategoricalDistribution(["small", "large"]), "n_layers": IntDistribution(1, 4)}
    assert [*ever_smaller(searched, {"hidden_size": "large", "n_layers": 4})][-1] == {
        "hidden_size": "large",
        "n_layers": 1,
    }
