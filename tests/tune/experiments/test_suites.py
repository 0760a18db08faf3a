"""Suites: what a person may write, what they are told when it is wrong, and what the shipped ones mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data import DataError
from data.tensors.resampling import padded
from models import build
from tests.processes import ROOT
from tune.config.initial import INITIAL_CONFIGURATIONS
from tune.core.problems import SettingsError
from tune.experiments.conclusions import conclude
from tune.experiments.evidence import Judged, Predictions
from tune.experiments.schema import Configuration, Protocol, Published, Suite, read_suite
from tune.experiments.selection import selected
from tune.experiments.settings import check_suite, entries_of, filled, parameters_as_layer
from tune.experiments.words import judged_sentences, pair_sentence, published_sentence
from tune.training.fit import TrainingSettings, begin_fit
from tune.training.hyperparameters import model_parameters
from tune.training.predictions import pack, unpack

SHIPPED = sorted((ROOT / "studies" / "suites").glob("*.json"))
TWO = [{"name": "a"}, {"name": "b"}]


def read(tmp_path: Path, written: Any) -> Suite:
    path = tmp_path / "suite.json"
    path.write_text(written if isinstance(written, str) else json.dumps(written))
    return read_suite(path)


def told(tmp_path: Path, written: Any) -> str:
    def read_and_check() -> None:
        check_suite(read(tmp_path, written))

    with pytest.raises(SettingsError) as caught:
        read_and_check()
    return str(caught.value)


def test_all_five_published_experiments_are_shipped() -> None:
    names = ["asl-models", "gesture-bayes", "gesture-pooling", "gesture-rnn-report", "har-rnn"]
    assert [path.stem for path in SHIPPED] == names


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", INITIAL_CONFIGURATIONS)
def test_a_shipped_suite_leaves_nothing_to_search_and_builds(path: Path, kind: str) -> None:
    suite = read_suite(path)
    assert suite.name == path.stem
    check_suite(suite)
    for protocol in suite.protocols:
        for entry in entries_of(suite, protocol, ()):
            settings = filled(entry.layers, kind, protocol.unmentioned)
            searched, fixed = settings.ranges()
            assert searched == {}
            build(settings.architecture, 3, 20, **model_parameters(settings.architecture, fixed))


@pytest.mark.parametrize(
    ("name", "n_parameters"),
    [
        ("gru-64", 14_548),
        ("gru-128", 53_652),
        ("gru-256", 205_588),
        ("gru-128x2", 152_724),
        ("lstm-128x2", 202_772),
        ("bigru-128x2", 403_732),
        ("bigru-256x2", 1_593_876),
    ],
)
def test_the_networks_of_the_report_have_the_published_sizes(name: str, n_parameters: int) -> None:
    """Golden values of the published report, for 3 channels and 20 classes."""
    suite = read_suite(ROOT / "studies" / "suites" / "gesture-rnn-report.json")
    (entry,) = [entry for entry in entries_of(suite, suite.protocols[0], ()) if entry.configuration.name == name]
    settings = filled(entry.layers, "gesture", "plain")
    _, fixed = settings.ranges()
    model = build(settings.architecture, 3, 20, **model_parameters(settings.architecture, fixed))
    assert sum(weight.numel() for weight in model.parameters()) == n_parameters
    training = settings.training
    assert (training.epochs, training.patience, training.min_delta, training.plateau_patience) == (40, 7, 0.001, 5)
    assert (fixed["batch_size"], fixed["learning_rate"], fixed["schedule"]) == (64, 1e-3, "plateau")
    assert (fixed["weight_decay"], fixed["rotation"], fixed["mixup"], fixed["pooling"]) == (0.0, 0.0, 0.0, "last")


def test_the_stronger_layer_wins_and_what_nobody_mentions_is_filled_in() -> None:
    layers = ({"space": {"gru": {"hidden_size": 32}}}, {"space": {"gru": {"hidden_size": 16}}})
    _, plain = filled(layers, "gesture", "plain").ranges()
    assert (plain["hidden_size"], plain["bidirectional"], plain["front_layers"]) == (16, False, 0)
    _, good = filled(layers, "gesture", "known-good").ranges()
    assert (good["hidden_size"], good["bidirectional"], good["learning_rate"]) == (16, True, 5e-3)


def test_what_a_search_has_found_becomes_fixed_settings() -> None:
    layer = parameters_as_layer("gru", {"hidden_size": 24, "learning_rate": 0.004})
    _, fixed = filled((layer,), "gesture", "plain").ranges()
    assert (fixed["hidden_size"], fixed["learning_rate"]) == (24, 0.004)


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    words = told(
        tmp_path,
        {
            "name": "not good",
            "protocol": [],
            "configurations": [
                {"name": "a", "publish": 1, "published": [{"metric": "accuracy", "value": 99.2}]},
                {"settings": {}},
            ],
        },
    )
    assert "name" in words
    assert "letters, digits and hyphens" in words
    assert "did you mean 'protocols'?" in words
    assert "configurations[0].publish" in words
    assert "did you mean 'published'?" in words
    assert "write 0.992 for 99.2%" in words
    assert "configurations[1].name" in words
    assert "is missing" in words


def test_wrong_settings_are_told_with_their_place(tmp_path: Path) -> None:
    words = told(
        tmp_path,
        {
            "name": "s",
            "settings": {"trainig": {}, "search": {"trials": 3}},
            "protocols": [{"name": "p", "settings": {"split": {"kind": "grup"}}}],
            "configurations": [{"name": "a", "settings": {"space": {"gru": {"hiden_size": 3}}}}, {"name": "b"}],
        },
    )
    assert "settings.trainig" in words
    assert "settings.search.trials" in words
    assert "is no matter of a comparison" in words
    assert "protocols[0].settings.split.kind" in words
    assert "configurations[0].settings.space.gru.hiden_size" in words
    assert "did you mean 'hidden_size'?" in words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"name": "s", "configurations": [{"name": "a"}]}, "configurations"),
        ({"name": "s", "configurations": [{"name": "a"}, {"name": "a"}]}, "stands twice"),
        ({"name": "s", "configurations": TWO, "pairs": [["a", "c"]]}, "no such configuration"),
        ({"name": "s", "configurations": TWO, "pairs": [["a", "a"]]}, "not compared with itself"),
        ({"name": "s", "configurations": TWO, "pairs": [["a", "b"], ["b", "a"]]}, "stands twice"),
        ({"name": "s", "configurations": TWO, "settings": {"space": {"gru": {"dropout": [0.1, 0.2]}}}}, "is a range"),
        ({"name": "s", "configurations": TWO, "settings": {"machine": {"workers": 2}}}, "is no matter of a comparison"),
        ('{"name": "s", "name": "t"}', "stands twice in the same object"),
        ("[1, 2", "is no JSON"),
        ("[]", "must be a JSON object"),
    ],
)
def test_a_suite_that_cannot_be_run_is_refused(tmp_path: Path, written: Any, words: str) -> None:
    assert words in told(tmp_path, written)


def test_what_is_asked_for_is_checked_with_the_suite() -> None:
    suite = Suite(name="s", configurations=(Configuration(name="gru"), Configuration(name="lstm")))
    with pytest.raises(SettingsError) as caught:
        selected(suite, [{"search": {"trials": 3}}], seeds="0", only=["grü"], protocols=["plane"], study_name="../x")
    words = str(caught.value)
    for expected in ("--seeds", "--only", "did you mean 'gru'?", "did you mean 'plain'?", "study name"):
        assert expected in words
    chosen = selected(suite, [{"search": {"timeout_seconds": 60}}], seeds="2", only=["lstm"])
    assert [entry.study_name for entry in chosen.entries(chosen.protocols[0])] == ["s.lstm"]
    assert chosen.timeout_seconds == 60
    with pytest.raises(SettingsError, match=r"search\.trials"):
        selected(suite, [{"search": {"trials": 3}}])


def test_answers_are_the_same_after_packing() -> None:
    right = np.random.default_rng(0).random(83) < 0.7
    assert np.array_equal(unpack(pack(right), 83), right)
    with pytest.raises(ValueError, match="cannot be 90 answers"):
        unpack(pack(right), 90)


def test_padding_appends_zeros_that_count_as_steps(toy: Any) -> None:
    longest = int(toy.lengths.max())
    found = padded(toy, longest + 1)
    assert set(found.lengths.tolist()) == {longest + 1}
    for k in range(len(toy)):
        n_steps = int(toy.lengths[k])
        assert torch.equal(found.sequence(k)[:n_steps], toy.sequence(k))
        assert not found.sequence(k)[n_steps:].any()
    with pytest.raises(DataError, match=f"has {longest} steps: data.pad_length is 4"):
        padded(toy, 4)


def test_the_plateaus_patience_is_a_setting() -> None:
    def patience(wanted: int | None) -> int:
        settings = TrainingSettings(40, 7, 0.0, 1.0, "loss", 1e-3, 8, 0.0, "plateau", 0, plateau_patience=wanted)
        return int(begin_fit(build("gru", 3, 2), 10, settings).schedule.patience)  # type: ignore[attr-defined]

    assert (patience(None), patience(5), patience(0)) == (2, 5, 0)


def simulated(accuracies: dict[str, float], n_sequences: int = 400, n_seeds: int = 5) -> list[Predictions]:
    rng = np.random.default_rng(7)
    return [
        Predictions(name, tuple(range(n_seeds)), (rng.random((n_seeds, n_sequences)) < share).astype(float), (), 0)
        for name, share in accuracies.items()
    ]


def suite_of(*names: str, pairs: Any = None) -> Suite:
    published = (Published(value=0.5),)
    return Suite(name="s", pairs=pairs, configurations=tuple(Configuration(name=n, published=published) for n in names))


SEQUENCES = Judged("validation", np.arange(400), np.zeros(400, dtype=np.int64), "sequences", 8, False)


def test_a_clear_winner_is_better_and_two_alike_are_not_told_apart() -> None:
    found = conclude(suite_of("good", "alike", "bad"), SEQUENCES, simulated({"good": 0.95, "alike": 0.95, "bad": 0.6}))
    assert found.rows[-1].name == "bad"
    sentences = [pair_sentence(pair, SEQUENCES, len(found.pairs)) for pair in found.pairs if pair.matters]
    assert len(found.pairs) == 3
    assert len(sentences) == 2  # The best against the others.
    assert any("is better than bad: by 3" in one and "Holm's correction for 3 pairs" in one for one in sentences)
    assert any("good and alike" in one or "alike and good" in one for one in sentences if "not distinguishable" in one)
    assert published_sentence(found.rows[-1]) == "bad: published 50.00% is below our interval of " + (
        f"{100 * (found.rows[-1].interval or (0, 0))[0]:.1f}% to {100 * (found.rows[-1].interval or (0, 0))[1]:.1f}%."
    )
    assert found.blocks == "seeds"


def test_only_named_pairs_are_tested_and_runs_are_paired_by_their_number() -> None:
    answers = simulated({"a": 0.9, "b": 0.9, "c": 0.9})
    late = Predictions("b", (1, 2, 3, 4, 5), answers[1].right, (), 1)
    found = conclude(suite_of("a", "b", "c", pairs=[("a", "b")]), SEQUENCES, [answers[0], late, answers[2]])
    (pair,) = found.pairs
    assert (pair.n_seeds, pair.matters) == (4, True)
    expected = answers[0].right[1:].mean() - late.right[:4].mean()
    assert pair.difference is not None
    assert pair.difference.mean.mean == pytest.approx(expected)


def test_one_seed_is_not_tested() -> None:
    found = conclude(suite_of("a", "b"), SEQUENCES, simulated({"a": 0.9, "b": 0.5}, n_seeds=1))
    (pair,) = found.pairs
    assert not pair.different
    assert "not tested, since at least two seeds" in pair_sentence(pair, SEQUENCES, 0)
    assert (found.rows[0].interval, found.ranks) == (None, None)


def test_a_configuration_without_runs_is_in_the_table_and_in_no_pair() -> None:
    nothing = Predictions("b", (), np.zeros((0,)), (), 3)
    found = conclude(suite_of("a", "b"), SEQUENCES, [*simulated({"a": 0.9}), nothing])
    assert (found.rows[1].name, found.rows[1].n_lost, found.pairs) == ("b", 3, ())


def test_what_is_resampled_is_said() -> None:
    said = " ".join(judged_sentences(SEQUENCES, 1))
    assert "draw both seeds and sequences (400) anew" in said
    assert "nothing about new people: the same people are trained on" in said
    assert "All seeds share one split" in said
    people = Judged("test", np.repeat(np.arange(8), 50), np.zeros(400, dtype=np.int64), "people", 8, True)
    said = " ".join(judged_sentences(people, 8))
    assert "draw both seeds and people (8) anew" in said
    assert "nothing about new people" not in said
    assert "folds share most of their training data" in said


def test_the_protocol_is_part_of_a_studys_name_where_there_are_several() -> None:
    suite = Suite(
        name="s", protocols=(Protocol(name="p"), Protocol(name="q")), configurations=suite_of("a", "b").configurations
    )
    assert suite.study_name(suite.protocols[1], suite.configurations[0]) == "s.q.a"
    assert suite_of("a", "b").study_name(Protocol(), suite.configurations[0], "other") == "other.a"
