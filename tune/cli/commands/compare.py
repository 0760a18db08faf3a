"""``compare``: the runs of a suite, and what they say."""

from __future__ import annotations

from contextlib import suppress

from ...core.errors import StudyError
from ...core.folders import SaveDir
from ...core.stopping import StopRequested, StopWatch
from ...core.terminal import say
from ...experiments.evidence import check_same_sequences
from ...experiments.running import (
    Running,
    SplitsOnce,
    found_by_search,
    judged_part,
    opened,
    prepared,
    refuse_existing,
    run_all,
    search_name,
    write_studies,
)
from ...experiments.selection import Selection
from ...study.agreement import check_agreement
from ...study.study import load_study, stored_settings
from .opening import open_existing, open_or_make, password_note


def compare_command(
    selection: Selection,
    *,
    save_dir: SaveDir,
    resume: bool,
    results_only: bool,
) -> int:
    """Trains what is missing of a comparison and writes its results; returns the exit code."""
    if note := password_note(save_dir.storage):
        say(f"note: {note}")
    storage = (open_existing if results_only else open_or_make)(save_dir)
    entries = {protocol.name: selection.entries(protocol) for protocol in selection.protocols}
    mine = [name for some in entries.values() for one in some for name in (one.study_name, search_name(one))]
    check_agreement(storage, map(save_dir.study, mine))
    if not resume and not results_only:
        refuse_existing(storage, [entry for some in entries.values() for entry in some])
    loaded, stop, failures = SplitsOnce(), StopWatch(selection.timeout_seconds), []
    if not results_only:
        # Before anything begins, so that a refusal leaves nothing behind.
        for protocol in selection.protocols:
            parts = {entry.configuration.name: loaded.of_entry(entry) for entry in entries[protocol.name]}
            check_same_sequences(parts, judged_part(protocol, next(iter(parts.values()))))
    done: dict[str, list[Running]] = {}
    with stop.watch_signals():
        for protocol in selection.protocols:
            running = []
            for entry in entries[protocol.name]:
                if stop.reason is not None:
                    break
                if not results_only:
                    with suppress(StopRequested):
                        found = found_by_search(storage, save_dir, entry, loaded, stop, say)
                        running.append(prepared(storage, save_dir, entry, selection.n_seeds, loaded, found))
                elif (study := load_study(storage, entry.study_name)) is not None and stored_settings(study):
                    running.append(opened(study, save_dir, entry, loaded))
            done[protocol.name] = running
            if running and not results_only:
                failures += run_all(running, selection.n_seeds, stop, say)
                write_studies(running)
            if stop.reason is not None:
                break
        if results_only and not any(done.values()):
            raise StudyError(f"no run of the comparison {selection.name!r} is there yet: leave out --results-only")
        from ...experiments.results import write_results  # Draws: matplotlib takes a second.

        write_results(selection, done, save_dir.local / selection.name)
    if stop.reason is not None:
        say(f"Ended: {stop.reason}. --resume goes on.")
    return stop.exit_code or (1 if failures else 0)
