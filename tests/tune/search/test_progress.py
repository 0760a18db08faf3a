"""What a person sees while a study runs."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from tune.search.progress import Progress, show, show_score, show_seconds


def test_lines_tell_a_run_where_there_is_no_terminal() -> None:
    text = io.StringIO()
    progress = Progress("accuracy", n_epochs=3, n_trials=2)
    with show(progress, Console(file=text, width=40)) as observer:
        observer.trial_started(0, {"hidden_size": 4}, resumed=False)
        observer.epoch_finished(0, 3, 0.5)
        observer.trial_finished(0, "complete", 0.5, "")
        observer.trial_started(1, {"hidden_size": 8}, resumed=True)
        observer.epoch_finished(1, 1, 0.25)
        observer.trial_finished(1, "pruned", None, "pruned after epoch 1")
    first, second = text.getvalue().splitlines()
    assert "trial 0  complete  3 of 3 epochs  50.00%" in first
    assert "trial 1  pruned  1 of 3 epochs  25.00%  best 50.00%  2/2 done" in second
    assert (progress.n_done, progress.n_pruned, progress.best_number) == (2, 1, 0)


def test_a_failed_trial_is_not_done_and_a_lower_loss_is_better() -> None:
    progress = Progress("loss", n_epochs=3, n_trials=9)
    for number, (state, value) in enumerate([("complete", 0.5), ("failed", None), ("complete", 0.25)]):
        progress.trial_started(number, {}, resumed=False)
        progress.trial_finished(number, state, value, "")
    assert (progress.n_done, progress.best, progress.best_number) == (2, 0.25, 2)
    assert progress.seconds_left is not None


def test_trials_that_are_paused_count_in_what_is_left() -> None:
    progress = Progress("accuracy", n_epochs=9, n_trials=9, started=time.monotonic() - 900)
    for number in range(9):
        progress.trial_started(number, {}, resumed=False)
        progress.trial_finished(number, "paused", 0.5, "")
    assert progress.seconds_left == pytest.approx(900, rel=0.1)
    progress.trial_finished(0, "pruned", None, "")
    assert progress.seconds_left == pytest.approx(800, rel=0.1), "it was 7200"


def test_what_comes_before_the_first_trial_does_not_tell_how_long_one_takes() -> None:
    progress = Progress("accuracy", n_epochs=9, n_trials=9)
    time.sleep(0.3)
    progress.trial_started(0, {}, resumed=False)
    progress.trial_finished(0, "complete", 0.5, "")
    assert progress.seconds_left is not None
    assert progress.seconds_left < 8 * 0.3


def test_a_terminal_shows_a_table_of_the_last_trials() -> None:
    text = io.StringIO()
    progress = Progress("accuracy", n_epochs=3, n_trials=30)
    with show(progress, Console(file=text, width=100, height=40, force_terminal=True)) as observer:
        for number in range(15):
            observer.trial_started(number, {"hidden_size": 4, "dropout": 0.123456}, resumed=False)
            observer.trial_finished(number, "complete", number / 20, "")
        for sentence in ("a note at the begin", "what is done at the end"):
            observer.say(sentence)
    assert "a note at the begin" in text.getvalue().rpartition("15 of 30 trials")[2]
    assert "what is done at the end" in text.getvalue()
    assert "3 earlier" in text.getvalue()
    assert "15 of 30 trials" in text.getvalue()


def test_a_crashed_trial_is_shown_with_its_reason_until_another_worker_goes_on() -> None:
    text = io.StringIO()
    progress = Progress("accuracy", n_epochs=3, n_trials=2)
    with show(progress, Console(file=text, width=100)) as observer:
        observer.trial_started(0, {}, resumed=False)
        observer.trial_crashed(0, "its worker was ended by SIGKILL")
        assert [row.state for row in progress.rows] == ["crashed"]
        observer.trial_started(0, {}, resumed=True)
        observer.trial_finished(0, "complete", 0.5, "")
    assert [(row.number, row.state) for row in progress.rows] == [(0, "complete")]
    assert (progress.n_done, progress.best_number) == (1, 0)
    crashed, finished = text.getvalue().splitlines()
    assert crashed == "trial 0  crashed: its worker was ended by SIGKILL; it goes on in the next worker"
    assert finished.startswith("trial 0  complete")


def test_a_terminal_keeps_what_runs_in_sight() -> None:
    text = io.StringIO()
    progress = Progress("accuracy", n_epochs=3, n_trials=30)
    with show(progress, Console(file=text, width=100, height=40, force_terminal=True)) as observer:
        observer.trial_started(0, {"hidden_size": 777}, resumed=False)
        observer.trial_started(1, {}, resumed=False)
        observer.trial_crashed(1, "its worker was ended by SIGSEGV")
        for number in range(2, 20):
            observer.trial_started(number, {}, resumed=False)
            observer.trial_finished(number, "complete", 0.5, "")
    assert "hidden_size 777" in text.getvalue().rpartition("8 earlier")[2]
    assert "its worker was ended by SIGSEGV" in text.getvalue().rpartition("8 earlier")[2]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "-"), (0.4, "0 s"), (59.6, "1 min 00 s"), (61, "1 min 01 s"), (7325, "2 h 02 min")]
)
def test_a_time_span_as_people_read_it(seconds: float | None, shown: str) -> None:
    assert show_seconds(seconds) == shown


def test_a_score_as_people_read_it() -> None:
    assert [show_score(None, "loss"), show_score(0.12345, "loss"), show_score(0.98765, "accuracy")] == [
        "-",
        "0.1235",
        "98.77%",
    ]
