"""The front of two objectives and its knee, and how they are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.figure_trials import ACCURACY, LOSS
from tests.report_facts import facts_of, trials_of
from tune.report.figures.axes import cost_ticks
from tune.report.figures.pareto import ParetoInfo, draw_pareto, pareto_info, pareto_section
from tune.report.page import write_pages
from tune.study.pareto_front import Candidate, front_of, knee_of

# Of a thousand parameters to a million, by a factor of ten each: most is gained by the first step.
BENT = [Candidate(0, 0.5, 1e3), Candidate(1, 0.9, 1e4), Candidate(2, 0.93, 1e5), Candidate(3, 0.95, 1e6)]
BEATEN = [Candidate(4, 0.8, 2e4), Candidate(5, 0.9, 1e4), Candidate(6, 0.4, 1e3)]

candidates = st.lists(
    st.tuples(st.integers(0, 6), st.integers(1, 6)).map(lambda pair: (pair[0] / 6, float(pair[1]))), min_size=1
).map(lambda pairs: [Candidate(number, *pair) for number, pair in enumerate(pairs)])


@given(found=candidates, sign=st.sampled_from([1, -1]))
def test_the_front_is_what_nobody_beats(found: list[Candidate], sign: int) -> None:
    def beats(one: Candidate, other: Candidate) -> bool:
        no_worse = sign * one.score >= sign * other.score and one.cost <= other.cost
        return no_worse and ((one.score, one.cost) != (other.score, other.cost) or one.number < other.number)

    front = front_of(found, sign)
    assert set(front) == {one for one in found if not any(beats(other, one) for other in found)}
    assert [one.cost for one in front] == sorted(one.cost for one in front)
    assert knee_of(front, sign) in front


def test_the_knee_is_where_more_score_begins_to_cost_much() -> None:
    assert front_of(BEATEN + BENT, 1) == BENT
    assert knee_of(BENT, 1) == BENT[1]
    losses = [Candidate(one.number, 1 - one.score, one.cost) for one in BENT]
    assert knee_of(front_of(losses, -1), -1) == losses[1]


@pytest.mark.parametrize(
    ("scores", "knee"),
    [((0.5,), 0), ((0.5, 0.9), 1), ((0.5, 0.6, 0.9), 2), ((0.5, 0.7, 0.9), 2), ((0.5, 0.8, 0.9), 1)],
)
def test_without_a_bend_the_best_score_is_taken(scores: tuple[float, ...], knee: int) -> None:
    front = [Candidate(number, score, 10.0**number) for number, score in enumerate(scores)]
    assert knee_of(front, 1).number == knee


def info_of(found: list[Candidate], n_over: int = 0) -> ParetoInfo:
    info = pareto_info(found, n_over, "parameters", ACCURACY, is_whole=True)
    assert isinstance(info, ParetoInfo)
    return info


def test_what_the_figure_says() -> None:
    info = info_of([*BENT, *BEATEN], n_over=2)
    assert info.words.summary == "Knee: trial 1, 90.0% with 10,000 parameters. 4 trials on the front, of 7 complete."
    assert "2 trials over a cap: not trained, and not shown." in info.words.notes
    assert set(info.others) == set(BEATEN)
    assert "the best score is taken" in " ".join(info_of(BENT[:2]).words.notes)
    assert pareto_info([], 3, "parameters", ACCURACY, is_whole=True) == "no trial is complete (3 trials over a cap)"


@pytest.mark.parametrize(("low", "high"), [(900.0, 1.1e6), (0.31, 0.36), (5.0, 5.1), (0.6, 1.02), (1e3, 1e12)])
def test_the_marks_of_the_costs_are_few_and_inside(low: float, high: float) -> None:
    ticks = cost_ticks(low, high)
    assert 3 <= len(ticks) <= 8
    assert all(low <= tick.place <= high for tick in ticks)
    assert len({tick.text for tick in ticks}) == len(ticks)


def test_the_front_is_drawn_in_the_picture_and_on_the_page() -> None:
    info = info_of([*BENT, *BEATEN])
    (axes,) = draw_pareto(info, ACCURACY).figure.axes
    (line,) = axes.lines
    assert np.asarray(line.get_xdata()).tolist() == [one.cost for one in BENT]
    assert np.asarray(line.get_ydata()).tolist() == [one.score for one in BENT]
    assert "90.0%, 10,000 parameters" in [text.get_text() for text in axes.texts]

    section = pareto_section(info, ACCURACY)
    assert [row[0] for row in section.tables[0].rows] == [str(one.number) for one in BENT]
    for kind, picture in section.pictures:
        assert kind in ("wide", "narrow")
        assert "90.0%, 10,000 parameters</text>" in picture


def test_the_front_comes_first_on_both_pages(tmp_path: Path) -> None:
    facts = facts_of(trials_of(3))
    write_pages(facts, tmp_path / "front", info_of([*BENT, *BEATEN]))
    for name in ("plots.html", "report.html"):
        html = (tmp_path / "front" / name).read_text(encoding="utf-8")
        assert html.index('id="pareto"') < html.index('id="history"')
    _, not_drawn = write_pages(facts, tmp_path / "none", "no trial is complete")
    assert "The front of both objectives cannot be drawn: no trial is complete." in not_drawn
    assert not (tmp_path / "none" / "pareto_front.png").exists()
    write_pages(facts, tmp_path / "one")
    assert 'id="pareto"' not in (tmp_path / "one" / "plots.html").read_text(encoding="utf-8")
    assert not (tmp_path / "one" / "pareto_front.png").exists()


def test_latencies_are_written_with_three_digits() -> None:
    found = [Candidate(0, 0.4, 0.123456), Candidate(1, 0.3, 0.234567), Candidate(2, 0.29, 12.3456)]
    info = pareto_info(found, 0, "latency of one sequence (ms)", LOSS, is_whole=False)
    assert isinstance(info, ParetoInfo)
    assert "0.3 with 0.235 ms." in info.words.summary
