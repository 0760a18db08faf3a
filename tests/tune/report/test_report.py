"""The report: the answer first, all of it without a network, and nothing in the database can break out of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import plotly.graph_objects as go
import pytest
from matplotlib.patches import Rectangle
from optuna.trial import TrialState

from tests.html import Reader
from tests.report_facts import confirmation, facts_of, scores, trials_of
from tune.config.settings import resolve
from tune.core.escaping import escaped, fenced
from tune.report.confirmation import confirmation_section
from tune.report.content import Content, content
from tune.report.events import timeline_of
from tune.report.facts import Facts
from tune.report.figures.collection import Figures
from tune.report.markdown import as_markdown
from tune.report.page import as_html
from tune.report.sure import how_sure
from tune.study.study import temperature_of

HOSTILE = "</script></style><img src=x onerror=alert(1)><!-- {{ 7*7 }} `$x$` | [a](javascript:alert(1)) \"'&"
MOST_BYTES = 8_000_000


@pytest.fixture(scope="module")
def judged() -> Facts:
    return facts_of(trials_of(30))


@pytest.fixture(scope="module")
def report(judged: Facts) -> Content:
    return content(judged)


@pytest.fixture(scope="module")
def reader(report: Content) -> Reader:
    return Reader(as_html(report))


def panels_of(report: Content) -> dict[str, str]:
    return {name: figure for section in report.sections for name, figure in section.panels.items()}


def both_texts(facts: Facts) -> tuple[str, str]:
    """What the page and the Markdown say, after checking that the page is whole."""
    report = content(facts)
    read = Reader(as_html(report))
    panels = panels_of(report)
    sorts = any(section.name == "trials" for section in report.sections)
    assert len(read.scripts) == (len(panels) + 3 if panels else sorts)
    return read.text, as_markdown(report)


def test_figures_that_are_missing_for_one_reason_say_it_once(judged: Facts) -> None:
    for n_drawn in range(4):
        figures = judged.figures._replace(**dict.fromkeys(Figures._fields[n_drawn:], "nobody knows"))
        names = [section.name for section in content(replace(judged, figures=figures)).sections]
        assert {"history", "importances", "parallel", "contour"}.intersection(names) == set(Figures._fields[:n_drawn])
        assert str(content(replace(judged, figures=figures)).sections).count("nobody knows") == 1


def test_the_answer_comes_first_and_says_everything(reader: Reader, report: Content, judged: Facts) -> None:
    assert reader.values("id")[:2] == ["menu", "answer"]
    assert judged.best is not None
    assert report.answer.headline == (
        f"Use the gru of trial {judged.best.number}: "
        "it recognises 93.0% of the sequences of 3 people it has never seen."
    )
    questions = [point.question for point in report.answer.points]
    assert questions == [
        "Which network?",
        "How good is it on new people?",
        "How sure is that?",
        "What mattered?",
        "How do I run it again?",
    ]
    sure = " ".join(report.answer.points[2].sentences)
    assert "89.0% to 97.0%" in sure
    assert "the same 3 people" in sure
    assert "optimistic: among" in sure


def test_every_section_is_there_and_reachable(reader: Reader) -> None:
    identifiers = reader.values("id")
    assert len(identifiers) == len(set(identifiers))
    names = [
        "people",
        "confusion",
        "classes",
        "history",
        "importances",
        "slices",
        "contour",
        "parallel",
        "curves",
        "trials",
    ]
    assert [target[1:] for target in reader.values("href")[1:]] == [*names, "reproduction", "menu"]
    assert {target[1:] for target in reader.values("href")} <= set(identifiers)


def test_nothing_is_loaded_from_anywhere(reader: Reader) -> None:
    assert reader.values("src") == []
    assert "link" not in [tag for tag, _ in reader.tags]
    (policy,) = [attrs["content"] for _, attrs in reader.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_every_panel_has_a_figure_that_plotly_accepts(reader: Reader, report: Content) -> None:
    panels = reader.values("data-panel")
    assert {"history", "parallel", "contour-0", "contour-5"} <= set(panels)
    shown = {name for name in panels_of(report) if not name.endswith("-narrow")}
    assert sorted(panels) == sorted(shown)
    for name, figure in panels_of(report).items():
        assert len(go.Figure(json.loads(figure)).data) > 0, name


def test_every_other_figure_is_drawn_for_wide_and_for_narrow_screens(reader: Reader, report: Content) -> None:
    labels = [attrs.get("aria-label") for tag, attrs in reader.tags if tag == "svg"]
    drawn = {section.name: labels.count(section.title) for section in report.sections}
    assert {name: n for name, n in drawn.items() if n} == {
        "people": 2,
        "confusion": 2,
        "importances": 2,
        "slices": 4,
        "curves": 2,
    }
    classes = [attrs["class"] for tag, attrs in reader.tags if tag == "figure" and "class" in attrs]
    assert classes == ["picture wide", "picture narrow"] * 3 + ["picture tile"] * 6
    for said in ("swipe", "Ada", "90.0%", "dropout", "Validation accuracy", "epoch"):
        assert said in reader.words


def test_every_colour_that_is_used_has_a_value(reader: Reader, report: Content) -> None:
    html = as_html(report)
    used = {name for text in (*panels_of(report).values(), html) for name in re.findall(r"var\((--[\w-]+)\)", text)}
    light = set(re.findall(r"(--[\w-]+): #", html))
    assert used - {"--least"} <= light


def test_markdown_says_what_the_page_says(reader: Reader, report: Content) -> None:
    text = as_markdown(report)
    for section in report.sections:
        assert f"## {escaped(section.title)}" in text
        assert section.summary in reader.text
    assert "| square | 90.0% | 89.0% | 89.5% | 10 |" in text
    assert "| Ada | 80.0% |" in text
    assert "\n```bash\n./run_tuning.sh --model-type gru --dataset smartwatch" in text


def test_examples_of_the_worst_class_are_drawn(reader: Reader) -> None:
    assert [attrs.get("viewbox") for _, attrs in reader.tags].count("0 0 240 110") == 2
    assert [tag for tag, _ in reader.tags].count("polyline") == 4
    assert "circle, predicted square (Ada)" in reader.text


@pytest.mark.parametrize("n_trials", [0, 1, 2, 4])
@pytest.mark.parametrize("is_judged", [True, False])
def test_a_study_of_few_trials_reads_well(n_trials: int, is_judged: bool) -> None:
    page, text = both_texts(facts_of(trials_of(n_trials), is_judged=is_judged))
    for said in (page, text):
        assert "None" not in said.replace("None of", "")
        assert "nan" not in said.split()
    assert ("There is no answer yet" in page) == (n_trials == 0)
    assert page.count("What is not known is not drawn.") == 1


def test_only_failures_are_told(judged: Facts) -> None:
    failed = [trial for trial in trials_of(30) if trial.state == TrialState.FAIL]
    page, text = both_texts(facts_of(failed))
    assert "There is no answer yet: no trial has run to its end." in page
    assert "RuntimeError: out of <memory>" in page
    assert "out of \\<memory\\>" in text


def test_one_varying_hyperparameter() -> None:
    trials = trials_of(12)
    for trial in trials:
        trial.params = {"dropout": trial.params["dropout"]}
        trial.distributions = {"dropout": trial.distributions["dropout"]}
    page, _ = both_texts(facts_of(trials))
    assert "only dropout varied among the complete trials" in page
    assert "It has dropout" in page


def test_an_older_study_without_most_attributes() -> None:
    trials = trials_of(9)
    for trial in trials:
        trial._user_attrs = {}
    bare = replace(facts_of(trials), attributes={})
    page, text = both_texts(bare)
    assert "People and classes: nothing has been judged yet, or an older version did." in page
    assert "not stored" in text


def test_people_who_are_not_known_or_were_trained_on() -> None:
    page, _ = both_texts(facts_of(trials_of(9), people=None))
    assert "It is not known who performed the sequences: if new people will, expect less." in page
    assert "How good is it?" in page
    known = facts_of(trials_of(9))
    split = json.loads(json.dumps(known.split))
    split["parts"][0]["train"]["people"].append("Ada")
    page, _ = both_texts(replace(known, attributes={**known.attributes, "split": split}))
    assert "For people who were not trained on expect less." in page
    assert "never seen" not in page


def test_a_single_test_person_is_no_figure() -> None:
    page, _ = both_texts(facts_of(trials_of(9), people=["Ada"]))
    assert "Only one person is in the test set, Ada, never trained on" in page
    assert "further sequences of the same one person" in page


def test_where_minirocket_is_handed_over_no_trial_of_the_search_has_a_star() -> None:
    facts = facts_of(trials_of(12), confirmation=confirmation(3))
    for is_floor, mark in ((False, "★ selected"), (True, "best of the search")):
        section = confirmation_section(replace(facts, is_floor=is_floor))
        assert section is not None
        assert [row[-1] for row in section.tables[0].rows].count(mark) == 1


def test_means_that_were_judged_and_left_are_told() -> None:
    single = {"networks": 1, "minirocket": False, "score": 0.9, "loss": 0.3}
    mean = {"networks": 4, "minirocket": True, "score": 0.85, "loss": 0.2}
    judged = {"candidates": [single, mean], "chosen": single}
    _, text = both_texts(facts_of(trials_of(12), ensemble=judged))
    assert (
        "No mean of several networks is better on validation: 85.0% for the mean of 4 networks and MiniRocket." in text
    )


def test_the_confirmation_decides_and_is_told() -> None:
    trials = trials_of(9)
    page, text = both_texts(facts_of(trials, confirmation=confirmation(3)))
    assert "Of the search's best score about 2.0 points did not repeat." in page
    assert "1.4 ms" in page
    assert "left after 1 seed" in text
    assert "93.0% validation accuracy, mean of fresh seeds" in page
    without, _ = both_texts(facts_of(trials, confirmation=confirmation(3, latency_ms=None, sentences=[])))
    assert " ms " not in without


@pytest.mark.parametrize(
    "spoilt",
    [
        {"confusion": [[1, 2], [3]], "per_class": [{"class": "x"}], "per_person": {"Ada": 3}},
        {"confusion": [["<b>"] * 3] * 3, "per_class": "x", "per_person": []},
        {"confusion": None, "per_class": None, "per_person": None},
    ],
)
def test_what_is_not_as_it_should_be_is_left_out(spoilt: dict[str, object]) -> None:
    facts = facts_of(trials_of(9))
    assert facts.best is not None
    judged = {str(facts.best.number): {"test": {**scores(), **spoilt}}}
    page, _ = both_texts(replace(facts, attributes={**facts.attributes, "evaluations": judged, "examples": [1]}))
    assert "Not drawn" in page


def test_nothing_in_the_database_can_break_out() -> None:
    trials = trials_of(12)
    for trial in trials:
        trial.params = {**trial.params, HOSTILE: 0.25 + trial.number / 100}
        trial.distributions = {**trial.distributions, HOSTILE: trial.distributions["dropout"]}
        trial.user_attrs["reason"] = HOSTILE
        trial.user_attrs["fixed_parameters"] = {HOSTILE: HOSTILE}
    facts = facts_of(
        trials,
        name=HOSTILE,
        classes=[HOSTILE, f"a{HOSTILE}", f"b{HOSTILE}"],
        people=[f"{k}{HOSTILE}" for k in range(3)],
        channels=[HOSTILE, f"a{HOSTILE}"],
        confirmation=confirmation(3, sentences=[HOSTILE]),
        created=HOSTILE,
        data_fingerprint=HOSTILE,
        versions={HOSTILE: HOSTILE},
    )
    report = content(facts)
    html, text = as_html(report), as_markdown(report)
    reader = Reader(html)
    assert len(reader.scripts) == len(panels_of(report)) + 3
    assert "img" not in [tag for tag, _ in reader.tags]
    assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on")]
    assert "49" not in reader.text.split()
    for figure in panels_of(report).values():
        assert "<" not in figure
    outside = re.sub(r"(`{3,})bash\n.*?\n\1", "", text, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)<", outside)
    assert not re.search(r"(?<!\\)\[a(?<!\\)\]", outside)


def test_a_command_cannot_leave_its_block() -> None:
    assert fenced("a ```` b").startswith("`````bash\n")
    assert escaped("1. a\n@you *b* 2.5-3") == "1\\. a &#64;you \\*b\\* 2.5-3"


@pytest.mark.parametrize(
    ("calibration", "temperature", "told"),
    [
        (None, 1.0, None),
        # As earlier versions put it on record, fitted and judged on the same sequences.
        ({"temperatures": [0.007], "error": 0.03, "error_with_temperature": 0.0}, 1.0, None),
        ({"temperature": 1.0, "loss": 0.2, "loss_with_temperature": 0.2}, 1.0, "leaves them as they are"),
        ({"temperature": 1.3, "loss": 0.2, "loss_with_temperature": 0.1}, 1.3, "took the loss from 0.200 to 0.100."),
    ],
)
def test_of_the_temperature_is_said_what_was_shown(
    calibration: dict[str, object] | None, temperature: float, told: str | None
) -> None:
    trials = trials_of(3)
    trials[-1].set_user_attr("calibration", calibration)
    said = " ".join(how_sure(facts_of(trials)))
    assert "are off by 4.0 points on average" in said
    assert told in said if told else "best_model/" not in said
    assert temperature_of(trials[-1]) == temperature


def test_unfinished_trials_are_not_counted_as_complete() -> None:
    trials = trials_of(9)
    n_scored = sum(trial.state == TrialState.COMPLETE for trial in trials)
    trials[3].state = TrialState.RUNNING
    said = " ".join(how_sure(facts_of(trials)))
    assert f"of the other {n_scored - 1} scored trials" in said
    assert "complete trials" not in said


def test_a_thousand_trials_fit_into_eight_megabytes() -> None:
    classes = [f"class number {k}" for k in range(60)]
    facts = facts_of(trials_of(1000, n_epochs=20), classes=classes, people=[f"person {k}" for k in range(80)])
    assert len(as_html(content(facts)).encode()) < MOST_BYTES


def test_streams_are_judged_as_streams() -> None:
    count: dict[str, float] = {
        "n_true": 20,
        "n_predicted": 25,
        "n_found": 15,
        "n_missed": 4,
        "n_split": 3,
        "n_merged": 2,
        "n_false": 6,
    }
    count |= {"precision": 0.6, "recall": 0.75, "f1": 2 / 3}
    events = {
        **count,
        "hours": 0.5,
        "false_alarms_per_hour": 12.0,
        "delay_seconds": 1.25,
        "windows_cut_at_changes": False,
        "per_class": [{"class": "wave", **count}],
    }
    facts = facts_of(trials_of(9), classes=("null", "wave"))
    assert facts.best is not None
    number = str(facts.best.number)
    test = {**scores(("null", "wave")), "events": events}
    facts = replace(facts, attributes={**facts.attributes, "evaluations": {number: {"test": test}}})
    report = content(facts)
    assert report.answer.headline.endswith("of 3 people it has never seen, 50.0% of which are 'null'.")
    good = " ".join(report.answer.points[1].sentences)
    assert "'null' is in these scores, as a class of its own; of the others 89.0% are right." in good
    assert "over 30 minutes: 15 of 20 events are found (event F1 66.7%, precision 60.0%, recall 75.0%)" in good
    assert ", known 1.2 s after they begin (median), with 12 false alarms an hour." in good
    for text in both_texts(facts):
        assert "How it does on whole streams" in text
        assert "Ward, Lukowicz and Gellersen 2011" in text
    rule = {"hop": 20, "n_windows": 2, "threshold": 0.35}
    on_validation = {**events, "recall": 0.5, "false_alarms_per_hour": 14.0, "rule": rule}
    evaluation = {"validation": {"events": on_validation}, "test": {**test, "events": {**events, "rule": rule}}}
    asked = replace(
        facts,
        attributes={**facts.attributes, "evaluations": {number: evaluation}},
        settings=resolve(facts.settings.model_dump(), {"search": {"false_alarms_per_hour": 10.0}}),
    )
    for text in both_texts(asked):
        assert "by the last 2 windows together; a class other than 'null' needs a probability of at least 0.35" in text
        assert "that is 14 false alarms an hour, a recall of 50.0% and an event F1 of 66.7%. Allowed were 10." in text
    too_good = {**test, "events": {**events, "windows_cut_at_changes": True}}
    facts = replace(facts, attributes={**facts.attributes, "evaluations": {number: {"test": too_good}}})
    assert "which nobody knows of a stream" in as_markdown(content(facts))


PERSON = {"name": "ann", "begin": 60.0, "end": 240.0, "true": [[1, 70, 75]], "predicted": [[1, 71, 75], [2, 100, 101]]}
STREAMS = {
    "people": [PERSON, {"name": HOSTILE, "begin": 0.0, "end": 30.0, "true": [[2, 10, 15]], "predicted": []}],
    "not_shown": ["eve"],
}


def test_streams_are_drawn_in_time() -> None:
    facts = facts_of(trials_of(9), classes=("null", "wave", HOSTILE))
    assert facts.best is not None
    examples = {"trial": facts.best.number, "part": "test", "streams": STREAMS}
    facts = replace(facts, attributes={**facts.attributes, "examples": examples})
    report = content(facts)
    (timeline,) = [one for one in report.sections if one.name == "timeline"]
    assert timeline.summary.startswith("2 events and 2 predicted ones in 2 streams of the test set")
    assert "Not drawn: eve." in timeline.notes
    for text in both_texts(facts):
        assert "What happened, and what was predicted" in text
    assert timeline.figure is not None
    first = timeline.figure.axes[0]
    bars = [patch for patch in first.patches if isinstance(patch, Rectangle)]
    assert [bar.get_width() for bar in bars] == [5, 4, 1]
    assert [tick.get_text() for tick in first.get_xticklabels()][1:3] == ["1:00", "1:30"]
    # The same scale for everyone.
    assert {axes.get_xlim()[1] - axes.get_xlim()[0] for axes in timeline.figure.axes} == {180.0}
    none = replace(facts, attributes={**facts.attributes, "examples": {**examples, "streams": None}})
    assert "timeline" not in [one.name for one in content(none).sections]


@pytest.mark.parametrize(
    "damage",
    [
        [],
        {"people": 3},
        {"people": [{}]},
        {"people": [{**PERSON, "true": [[7, 0, 1]]}], "not_shown": []},
        {"people": [{**PERSON, "end": float("nan")}], "not_shown": []},
    ],
)
def test_streams_of_another_version_are_not_drawn(damage: object) -> None:
    facts = facts_of(trials_of(9), classes=("null", "wave", "clap"))
    assert facts.best is not None
    examples = {"trial": facts.best.number, "part": "test", "streams": damage}
    assert timeline_of(replace(facts, attributes={**facts.attributes, "examples": examples})) is None
