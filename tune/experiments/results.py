"""What a comparison leaves in its folder: all runs, the conclusions as JSON and Markdown, and a picture a protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core.escaping import escaped, fenced, table_lines
from ..core.files import csv_text, write_bytes, write_text
from ..core.terminal import print_table, say
from ..evaluation.statistics.paired import LEVEL, N_RESAMPLES
from ..report.figures.critical_difference import critical_difference_picture
from ..report.figures.words import StudyContext, Words, counted
from ..study.study import versions
from .conclusions import Conclusions, Pair, Row, conclude
from .evidence import check_same_sequences, judged_sequences, predictions_of, run_rows
from .running import Running, judged_part
from .schema import Protocol
from .selection import Selection
from .words import judged_sentences, pair_sentence, percent, published_sentence, table

TEST = (
    f"paired bootstrap over seeds and units ({N_RESAMPLES:,} resamples, studentised), and Student's t with the same "
    f"error; the larger p value of the two; Holm's correction; different at {LEVEL:g}"
)


@dataclass(frozen=True)
class Result:
    """A protocol and what its runs say.

    Attributes:
        published: A sentence for each configuration of which an accuracy has been published.
        picture: Name of its file; None where there is nothing to rank.
        measured: Day of the last run.
    """

    protocol: Protocol
    found: Conclusions
    judged: tuple[str, ...]
    pairs: tuple[str, ...]
    published: tuple[str, ...]
    missing: tuple[str, ...]
    picture: str | None
    measured: str
    versions: Mapping[str, str]


def write_results(selection: Selection, done: Mapping[str, Sequence[Running]], folder: Path) -> None:
    """Writes and prints what the runs say that are there."""
    results = []
    for k, protocol in enumerate(selection.protocols):
        running = done.get(protocol.name, ())
        if running:
            name = "critical_difference.png" if k == 0 else f"critical_difference-{protocol.name}.png"
            results.append(_result(selection, protocol, running, name))
    for result in results:
        if result.picture is not None:
            write_bytes(folder / result.picture, _picture(selection, result))
    rows = [row for some in done.values() for one in some for row in run_rows(one, selection.n_seeds)]
    write_text(folder / "comparison.csv", csv_text(rows[0], map(dict.values, rows)) if rows else "")
    write_text(folder / "comparison.json", json.dumps(_as_json(selection, results), indent=2) + "\n")
    write_text(folder / "comparison.md", markdown(selection, results))
    for result in results:
        _print(selection, result)
    pictures = ", ".join(result.picture for result in results if result.picture)
    say(
        f"Results: {folder}/  (comparison.md, comparison.json, comparison.csv{', ' if pictures else ''}{pictures})",
    )


def _result(selection: Selection, protocol: Protocol, running: Sequence[Running], picture: str) -> Result:
    part = judged_part(protocol, running[0].splits)
    check_same_sequences({one.entry.configuration.name: one.splits for one in running}, part)
    judged = judged_sequences(running[0].splits, part)
    found = conclude(selection.suite, judged, [predictions_of(one, part, selection.n_seeds) for one in running])
    n_pairs = sum(pair.p_value is not None for pair in found.pairs)
    there = {row.name for row in found.rows if row.n_runs}
    return Result(
        protocol=protocol,
        found=found,
        judged=tuple(judged_sentences(judged, len(running[0].splits.folds))),
        pairs=tuple(pair_sentence(pair, judged, n_pairs) for pair in found.pairs if pair.matters),
        published=tuple(sentence for row in found.rows if (sentence := published_sentence(row)) is not None),
        missing=tuple(c.name for c in selection.suite.configurations if c.name not in there),
        picture=picture if found.ranks is not None else None,
        measured=max((f"{end:%Y-%m-%d}" for one in running for end in _ends(one)), default="not yet"),
        versions=running[0].study.user_attrs.get("versions", {}),
    )


def _ends(one: Running) -> list[datetime]:
    trials = one.study.get_trials(deepcopy=False)
    return [trial.datetime_complete for trial in trials if trial.datetime_complete is not None]


def markdown(selection: Selection, results: Sequence[Result]) -> str:
    """The table and the sentences of every protocol, as ``comparison.md``."""
    suite = selection.suite
    lines = [f"# {escaped(selection.name)}", "", escaped(suite.description), "", escaped(suite.source), ""]
    for result in results:
        known = ", ".join(f"{name} {result.versions.get(name, '?')}" for name in ("python", "torch", "optuna", "numpy"))
        lines += [f"## {result.protocol.name}", "", escaped(result.protocol.description), ""]
        lines += [f"Measured {result.measured} with {escaped(known)}:", "", fenced(selection.command), ""]
        head, *rows = table(result.found)
        lines += [*table_lines(head, rows), ""]
        if result.missing:
            lines += [f"Not run: {', '.join(result.missing)}.", ""]
        for sentences in (result.judged, result.pairs, result.published):
            lines += [f"- {sentence}" for sentence in sentences] + [""] * bool(sentences)
        if result.picture is not None:
            lines += [f"![Mean ranks and the critical difference]({result.picture})", ""]
    return "\n".join(_without_double_blanks(lines)).rstrip() + "\n"


def _without_double_blanks(lines: Sequence[str]) -> list[str]:
    return [line for k, line in enumerate(lines) if line or (k and lines[k - 1])]


def _picture(selection: Selection, result: Result) -> bytes:
    found, ranked = result.found, result.found.ranks
    if ranked is None:
        raise ValueError("there are no ranks to draw")
    blocks = {"people": "people", "folds": "folds", "seeds": "seeds on one split"}[found.blocks]
    best = found.ranked[min(range(len(found.ranked)), key=lambda k: ranked.average[k])]
    many = [len(group) for group in ranked.groups]
    if not many:
        summary = f"{best} is first, and the ranks of all {len(found.ranked)} are told apart."
    elif max(many) == len(found.ranked):
        summary = f"{best} is first, but no two of the {len(found.ranked)} are told apart."
    else:
        summary = f"{best} is first; a bar joins those that are not told apart."
    notes = (
        f"In each of the {ranked.n_blocks} {blocks} the configurations are ranked by accuracy (mean over the other "
        "repetitions); beside the dots: mean accuracy.",
        "A bar joins what is not told apart: ranks closer than the critical difference (Nemenyi at 5%; Demsar 2006), "
        "and pairs that the paired tests in comparison.md, which look at every single prediction, do not tell apart.",
    )
    share = {row.name: row.accuracy.mean for row in found.rows if row.accuracy is not None}
    context = StudyContext(f"{selection.name} · {result.protocol.name}", "rank by accuracy", "minimize")
    words = Words("Which configurations can be told apart", summary, notes)
    return critical_difference_picture(
        found.ranked, [percent(share[name]) for name in found.ranked], ranked, context, words
    )


def _as_json(selection: Selection, results: Sequence[Result]) -> dict[str, Any]:
    suite = selection.suite
    return {
        "name": selection.name,
        "description": suite.description,
        "source": suite.source,
        "command": selection.command,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "versions": versions(),
        "test": TEST,
        "protocols": [_protocol_json(result) for result in results],
    }


def _protocol_json(result: Result) -> dict[str, Any]:
    found = result.found
    return {
        "name": result.protocol.name,
        "description": result.protocol.description,
        "measured": result.measured,
        "versions": dict(result.versions),
        "judged": {
            "part": found.judged.part,
            "n_sequences": len(found.judged.units),
            "resampled": ["seeds", found.judged.unit],
            "n_units": found.judged.n_units,
            "n_people": found.judged.n_people,
            "new_people": found.judged.new_people,
            "sentences": list(result.judged),
        },
        "configurations": [_row_json(row) for row in found.rows],
        "not_run": list(result.missing),
        "pairs": [_pair_json(pair) for pair in found.pairs],
        "sentences": [*result.pairs, *result.published],
        "ranks": None if found.ranks is None else _ranks_json(found),
    }


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "description": row.description,
        "n_runs": row.n_runs,
        "n_lost": row.n_lost,
        "accuracy": None if row.accuracy is None else row.accuracy.mean,
        "interval_95": row.interval,
        "other_scores": row.scores,
        "n_parameters": row.n_parameters,
        "seconds": row.seconds,
        "published": [one.model_dump() for one in row.published],
    }


def _pair_json(pair: Pair) -> dict[str, Any]:
    tested = pair.difference
    return {
        "first": pair.first,
        "second": pair.second,
        "n_seeds": pair.n_seeds,
        "difference": None if tested is None else tested.mean.mean,
        "interval_95": None if tested is None else tested.interval,
        "p_value": None if tested is None else tested.p_value,
        "p_value_holm": pair.p_value,
        "different": pair.different,
        "seeds_needed": None if tested is None else tested.seeds_needed,
    }


def _ranks_json(found: Conclusions) -> dict[str, Any]:
    if found.ranks is None:
        raise ValueError("there are no ranks")
    plain = asdict(found.ranks)
    named = [[found.ranked[index] for index in group] for group in found.ranks.groups]
    average = dict(zip(found.ranked, found.ranks.average, strict=True))
    return {**plain, "average": average, "groups": named, "blocks": found.blocks}


def _print(selection: Selection, result: Result) -> None:
    say("")
    say(
        f"{selection.name}, protocol {result.protocol.name}: {counted(len(result.found.rows), 'configuration')}",
    )
    head, *rows = table(result.found)
    print_table(head, rows)
    for sentence in (*result.judged, *result.pairs, *result.published):
        say(sentence)
    if result.missing:
        say(f"Not run: {', '.join(result.missing)}.")
