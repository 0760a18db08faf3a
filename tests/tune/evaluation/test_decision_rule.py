"""The rule by which streams are decided, chosen on validation."""

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.tune.evaluation.test_events import stream
from tune.evaluation.decision_rule import choose_rule, plain_rule, rule_in
from tune.evaluation.evaluate import evaluate
from tune.evaluation.events import judge_events, probabilities_of
from tune.training.decisions import DecisionRule

# Six waves of two seconds, and as much of nothing between them.
WAVES = [(1, 4.0 * k + 2, 4.0 * k + 4) for k in range(6)]
PART = stream(WAVES, 52)


def hesitant(seed: int, sureness: float) -> Tensor:
    """Logits of a network that thinks null likely at all times, and less so of windows that hold most of a wave."""
    starts = np.arange(len(PART)) * 0.5
    held = np.array([sum(max(min(b, s + 1) - max(a, s), 0) for _, a, b in WAVES) for s in starts])
    rng = np.random.default_rng(seed)
    wave = sureness * (held > 0.5) + 0.05 + rng.uniform(0, 0.05, len(starts))
    return torch.from_numpy(np.stack([1 - wave - 0.01, wave, np.full(len(starts), 0.01)], axis=1)).log()


def test_a_threshold_finds_what_the_likeliest_class_does_not() -> None:
    logits = hesitant(0, 0.3)
    plain = plain_rule(PART)
    assert plain == DecisionRule(hop=5)
    rule = choose_rule([logits], [PART])
    assert rule is not None
    assert rule.threshold is not None
    before, after = (evaluate([logits], [PART], rule=one).events for one in (plain, rule))
    assert before is not None
    assert after is not None
    assert (before["n_found"], after["n_found"], after["f1"]) == (0, 6, 1.0)
    assert rule_in({"events": after}) == rule


def test_false_alarms_are_kept_to_at_the_cost_of_recall() -> None:
    """Waves that are ever less certain, and after the first and the second what looks like a clap."""
    shares = np.tile((0.98, 0.01, 0.01), (len(PART), 1))
    for k in range(6):
        shares[8 * k + 4 : 8 * k + 7] = (0.1 + 0.1 * k, 0.89 - 0.1 * k, 0.01)
    for k in (0, 1):
        shares[8 * k + 8 : 8 * k + 12] = (0.3 + 0.2 * k, 0.01, 0.69 - 0.2 * k)
    logits = torch.from_numpy(shares).log()
    judged = []
    for most in (None, 1000.0, 200.0, 0.0):
        rule = choose_rule([logits], [PART], false_alarms_per_hour=most)
        assert rule is not None
        found = judge_events(probabilities_of([logits], 1.0), [PART], rule)
        assert found is not None
        if most is not None:
            assert found["false_alarms_per_hour"] <= most
        judged.append(found)
    recalls = [one["recall"] for one in judged[1:]]
    assert recalls[0] >= recalls[1] >= recalls[2] < recalls[0]
    assert judged[0]["f1"] == max(one["f1"] for one in judged)


def test_a_temperature_changes_what_a_threshold_means() -> None:
    logits = hesitant(0, 0.3)
    rule = DecisionRule(hop=5, n_windows=1, threshold=0.25)
    cold, hot = (evaluate([logits], [PART], rule=rule, temperature=t).events for t in (1.0, 20.0))
    assert cold is not None
    assert hot is not None
    # Of probabilities that are all alike each is above it: one endless wave.
    assert (cold["n_predicted"], hot["n_predicted"]) == (6, 1)


def test_a_flicker_that_is_as_sure_as_a_wave_is_no_event_where_events_have_to_last() -> None:
    shares = np.tile((0.98, 0.01, 0.01), (len(PART), 1))
    for k in range(6):
        shares[8 * k + 4 : 8 * k + 7] = (0.01, 0.98, 0.01)
        shares[8 * k + 8] = (0.01, 0.01, 0.98)
        shares[8 * k + 10] = (0.01, 0.98, 0.01)
    rule = choose_rule([torch.from_numpy(shares).log()], [PART], false_alarms_per_hour=0.0)
    assert rule is not None
    found = judge_events([torch.from_numpy(shares)], [PART], rule)
    assert found is not None
    assert (found["recall"], found["n_false"]) == (1.0, 0)


def test_what_smooths_as_usual_is_preferred_among_equals() -> None:
    certain = 50.0 * torch.nn.functional.one_hot(torch.zeros(len(PART), dtype=torch.long), 3)
    assert choose_rule([certain], [PART]) == plain_rule(PART)


def test_there_is_none_of_what_came_as_no_streams() -> None:
    part = PART.subset(torch.arange(4))
    object.__setattr__(part, "timeline", None)
    assert choose_rule([torch.zeros(4, 3)], [part]) is None
    assert evaluate([torch.zeros(4, 3)], [part]).events is None
    assert rule_in(None) is rule_in({"events": None}) is None


@pytest.mark.parametrize("hop", [0.2, 0.5, 1.0])
def test_windows_are_as_far_apart_as_they_were(hop: float) -> None:
    assert plain_rule(stream(WAVES, 30, hop)) == DecisionRule(hop=round(10 * hop))
