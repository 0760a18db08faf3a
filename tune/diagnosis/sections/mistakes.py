"""Single sequences: the network's most confident mistakes, and those whose label may be the mistake."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from ...report.figures import sheets
from ...report.figures.examples import Signals
from ...report.figures.sections import Section, Table
from ...report.figures.words import counted, shortened
from ..measures.errors import confident_mistakes, nearest_correct
from ..measures.mislabelled import Suspect, suspects
from ..model import Diagnosed
from ..words import listed, percent, person_text

N_MISTAKES = 6
N_LISTED = 30
N_SUSPECTS_DRAWN = 4


def mistakes(diagnosed: Diagnosed) -> Section:
    """The most confident mistakes, each beside the nearest correct prediction of that class."""
    title, name = "Its most confident mistakes", "mistakes"
    rows = confident_mistakes(diagnosed.probabilities, diagnosed.labels, N_LISTED).tolist()
    if not rows:
        return Section(name, title, f"It makes no mistake in {diagnosed.part_words}.")
    pairs = [(row, _nearest(diagnosed, row)) for row in rows]
    sure = [row for row in rows if float(diagnosed.probabilities[row].max()) >= 0.9]
    summary = (
        f"{counted(len(sure), 'mistake')}{' of the first 30' if len(rows) == N_LISTED else ''} made with 90% "
        "confidence or more. "
        if sure
        else "It is not sure of any of its mistakes (below 90% confidence). "
    ) + _about(diagnosed, rows)
    table = Table(
        "The most confident mistakes",
        ("sequence", "true class", "predicted", "confidence", "confidence in the true class", "nearest correct one"),
        tuple(
            (
                diagnosed.name_of(row),
                diagnosed.class_names[int(diagnosed.labels[row])],
                diagnosed.class_names[int(diagnosed.predicted[row])],
                f"{float(diagnosed.probabilities[row].max()):.4f}",
                f"{float(diagnosed.probabilities[row, diagnosed.labels[row]]):.4f}",
                "none" if other is None else diagnosed.name_of(other),
            )
            for row, other in pairs
        ),
    )
    return Section(
        name,
        title,
        summary,
        (
            "Left the sequence that is mistaken; right the sequence that the network takes to be most like it (nearest "
            "in what its head is given) among those that it classifies correctly.",
            Signals(diagnosed.first.measured).words,
        ),
        _side_by_side(diagnosed, pairs[:N_MISTAKES]),
        f"Signals of the {min(len(pairs), N_MISTAKES)} most confident mistakes, each beside the nearest right example.",
        (table,),
    )


def mislabelled(diagnosed: Diagnosed) -> Section:
    """Sequences that look as if they carried the wrong label."""
    title, name = "Labels that look wrong", "mislabelled"
    found = suspects(diagnosed.probabilities, diagnosed.labels)
    n = len(diagnosed.labels)
    notes = (
        "Found by confident learning (Northcutt et al. 2021) from the predictions of a network that was not trained on "
        "these "
        "sequences. It cannot tell a wrong label from a sequence that the network does not understand: look and judge.",
    )
    if not found:
        return Section(
            name, title, f"None of {n} sequences of {diagnosed.part_words} is confidently another class.", notes
        )
    by_pair: dict[tuple[int, int], int] = {}
    for one in found:
        by_pair[one.given, one.suggested] = by_pair.get((one.given, one.suggested), 0) + 1
    (given, suggested), count = max(by_pair.items(), key=lambda item: (item[1], -item[0][0]))
    names = diagnosed.class_names
    summary = (
        f"{len(found)} of {n} sequences ({percent(len(found) / n)}) are confidently another class than their label "
        f"says, most often {names[suggested]} where the label says {names[given]} ({count}). "
    ) + (
        "So many in one pair are the network's trouble with these two rather than wrong labels."
        if count >= max(5, len(found) // 2)
        else "Worth looking at the first few."
    )
    return Section(
        name,
        title,
        summary,
        notes,
        _suspects_figure(diagnosed, found[:N_SUSPECTS_DRAWN]),
        f"Signals of the {min(len(found), N_SUSPECTS_DRAWN)} sequences whose labels are doubted most.",
        (
            Table(
                "Labels that look wrong, the clearest first",
                ("sequence", "label", "looks like", "probability of its label", "of the other"),
                tuple(
                    (
                        diagnosed.name_of(one.row),
                        names[one.given],
                        names[one.suggested],
                        f"{one.given_probability:.4f}",
                        f"{one.suggested_probability:.4f}",
                    )
                    for one in found
                ),
            ),
        ),
    )


def _nearest(diagnosed: Diagnosed, row: int) -> int | None:
    """In the same network's part: two networks' features cannot be compared."""
    fold, within = diagnosed.place(row)
    judged = diagnosed.judged[fold]
    logits, pooled = judged.outputs
    nearest = nearest_correct(pooled, logits.argmax(dim=1), judged.measured.labels, within)
    return None if nearest is None else row - within + nearest


def _about(diagnosed: Diagnosed, rows: list[int]) -> str:
    if any(one.measured.groups is None for one in diagnosed.judged) or len(rows) < 3:
        return ""
    people = torch.cat([one.measured.groups for one in diagnosed.judged if one.measured.groups is not None])
    counts = torch.bincount(people[rows])
    owners = counts.nonzero().flatten()
    counts = counts[owners]
    most = int(counts.argmax())
    share = float(counts[most] / len(rows))
    who = person_text(diagnosed.first.measured.group_names[int(owners[most])])
    if share > 0.5 and int(people.min()) < int(people.max()):
        return f"{percent(share)} of those listed are of {who}: this person does it in another way."
    several = sorted(zip(counts.tolist(), owners.tolist(), strict=True), reverse=True)
    names = [f"{person_text(diagnosed.first.measured.group_names[owner])} ({count})" for count, owner in several]
    return f"They are of {listed(names, 3)}."


def _side_by_side(diagnosed: Diagnosed, pairs: list[tuple[int, int | None]]) -> Figure:
    names = diagnosed.class_names
    titles = []
    for row, other in pairs:
        label, predicted = int(diagnosed.labels[row]), int(diagnosed.predicted[row])
        sure = percent(float(diagnosed.probabilities[row, predicted]))
        titles.append(f"{shortened(names[label], 30)}, predicted {shortened(names[predicted], 30)} ({sure})")
        titles.append(
            f"correctly classified {shortened(names[predicted], 30)}" if other is not None else "no correct example"
        )
    figure, every = sheets.panels(len(titles), 2, 1.45, titles=titles)
    for place, (row, other) in enumerate(pairs):
        fold, within = diagnosed.place(row)
        signals = Signals(diagnosed.judged[fold].measured)
        partner = None if other is None else diagnosed.place(other)[1]
        both = [within] if partner is None else [within, partner]
        for axes, index in zip(every[2 * place :], both, strict=False):
            signals.draw(axes, index, labels=place == 0 and axes is every[0])
            signals.fit(axes, both)
        if partner is None:
            every[2 * place + 1].set_axis_off()
    for axes in every[-2:]:
        sheets.labelled(axes, Signals(diagnosed.first.measured).time)
    sheets.legend_below(figure, every[0], 3)
    return figure


def _suspects_figure(diagnosed: Diagnosed, found: list[Suspect]) -> Figure:
    names = diagnosed.class_names
    titles = [
        f"Label {shortened(names[one.given], 22)}, looks like {shortened(names[one.suggested], 22)}" for one in found
    ]
    figure, every = sheets.panels(len(found), 2, 1.6, titles=titles)
    for axes, one in zip(every, found, strict=True):
        fold, within = diagnosed.place(one.row)
        signals = Signals(diagnosed.judged[fold].measured)
        signals.draw(axes, within, labels=axes is every[0])
        signals.fit(axes, [within])
        sheets.labelled(axes, signals.time if axes in every[-2:] else "")
    sheets.legend_below(figure, every[0], 3)
    return figure
