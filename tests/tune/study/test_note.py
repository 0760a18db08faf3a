"""The note of a study: ours is kept up to date, people's is kept."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna_dashboard import save_note
from optuna_dashboard._note import get_note

from tests.report_facts import facts_of
from tune.config.settings import resolve
from tune.study.note import study_note, with_ours, write_note

EVIL = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) **b** | `c`"


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(study_name="noted")


def stored(study: optuna.Study) -> dict[str, Any]:
    return study._storage.get_study_system_attrs(study._study_id)


def note(answer: str = "None yet.", **changes: Any) -> str:
    attributes = {**facts_of([]).attributes, **changes}
    return study_note(resolve({}), attributes, "./run_tuning.sh --study-name noted --resume", [answer])


def test_it_says_what_the_study_is_about() -> None:
    text = note("Use the gru.")
    assert "Which settings of gru give the highest validation accuracy on toy?" in text
    assert "**Answer so far.** Use the gru." in text
    assert "128 sequences, 3 classes, 2 channels" in text
    assert "by person: nobody is in two parts (train 60, validation 40, test 28)" in text
    assert "```bash\n./run_tuning.sh --study-name noted --resume\n```" in text


def test_the_dashboard_reads_what_was_written(study: optuna.Study) -> None:
    assert write_note(study, note())
    assert note() in get_note(study)
    assert write_note(study, note("Use the gru. " * 400))
    assert note("Use the gru. " * 400) in get_note(study)
    assert write_note(study, note("short"))
    assert get_note(study) == with_ours("", note("short"))


def test_the_same_again_is_not_written(study: optuna.Study) -> None:
    write_note(study, note())
    before = stored(study)
    assert not write_note(study, note())
    assert stored(study) == before


def test_it_does_not_grow(study: optuna.Study) -> None:
    lengths = set()
    for n in range(10, 20):
        write_note(study, note(f"{n} trials."))
        lengths.add(len(get_note(study)))
    assert len(lengths) == 1


def test_what_people_write_around_it_stays(study: optuna.Study) -> None:
    save_note(study, "Our plan.\n")
    write_note(study, note())
    save_note(study, get_note(study).replace("\n", "\r\n") + "\r\nMind the third person.")
    assert write_note(study, note("Use the gru."))
    text = get_note(study)
    assert text.startswith("Our plan.\n")
    assert text.endswith("\nMind the third person.")
    assert text.count("**Question.**") == 1
    assert "Use the gru." in text


@pytest.mark.parametrize(
    ("old", "new"), [("None yet.", "None yet, says Ada."), ("[//]: # (seqtune ends)", ""), ("**Data.**", "**Daten.**")]
)
def test_what_people_write_within_it_stays(study: optuna.Study, old: str, new: str) -> None:
    write_note(study, note())
    edited = get_note(study).replace(old, new)
    save_note(study, edited)
    assert not write_note(study, note("Use the gru."))
    assert get_note(study) == edited


def test_nothing_of_a_study_is_taken_for_markup() -> None:
    text = note(EVIL, data={"name": EVIL, "n_sequences": EVIL})
    assert "<img" not in text.replace("\\<img", "")
    assert "](javascript" not in text.replace("\\](javascript", "")
