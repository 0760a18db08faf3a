"""Brings ``docs/experiments.md`` up to date with the comparisons that are in a folder of studies.

for suite in studies/suites/*.json; do ./run_tuning.sh compare $suite --seeds 5 --save-dir studies; done
PYTHONPATH=. .venv/bin/python benchmarks/experiments.py --save-dir studies

A protocol that is not in the folder keeps the table that the page has of it: all of them take a day on two cores.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "experiments.md"
NOT_RUN = "Protocols not run yet: "
INTRODUCTION = """# Published experiments, measured again

What was published beside what is measured here, on the same data. Each comparison is a file in `studies/suites/` and
one command; [suites.md](suites.md) says how it judges. Measured on two shared cores of a server (x86-64, no GPU), one
thread a process: accuracies can be compared with other machines, seconds cannot. Where fewer seeds, protocols or
configurations were run than the suite has, the number of runs and the line "Not run" say so.

What is not as published, everywhere: channels are normalised to mean 0 and deviation 1; batches hold sequences of
like length; dropout acts on whole features between layers and before the head; Adam's weight decay is decoupled; the
best epoch is judged, not the last.
"""


def main() -> None:
    """Writes the page."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--save-dir", type=Path, default=ROOT / "studies")
    arguments.add_argument("--page", type=Path, default=PAGE)
    given = arguments.parse_args()
    before = splits_of(given.page.read_text() if given.page.is_file() else "", "## ")
    sections = [INTRODUCTION]
    for suite in sorted((ROOT / "studies" / "suites").glob("*.json")):
        written = given.save_dir / suite.stem / "comparison.md"
        known = splits_of(before.get(suite.stem, ""), "### ")
        found = splits_of(section(written.read_text()), "### ") if written.is_file() else {}
        tables = {**known, **found}
        protocols = [protocol["name"] for protocol in json.loads(suite.read_text())["protocols"]]
        missing = [name for name in protocols if name not in tables]
        if missing == protocols:
            command = f"./run_tuning.sh compare studies/suites/{suite.name} --seeds 5"
            sections.append(f"## {suite.stem}\n\nNot run yet: `{command}`\n")
            continue
        heading = tables[""].removeprefix(f"## {suite.stem}").strip()
        sections.append(f"## {suite.stem}\n\n{heading}\n")
        sections += [f"### {name}\n\n{tables[name]}\n" for name in protocols if name in tables]
        if missing:
            sections.append(f"{NOT_RUN}{', '.join(missing)}.\n")
    given.page.write_text("\n".join(sections))


def splits_of(text: str, mark: str) -> dict[str, str]:
    """What stands under each heading that begins with ``mark``; under "" what stands before the first."""
    first, *others = f"\n{text}".split(f"\n{mark}")
    parts = {"": first.strip()}
    for other in others:
        name, _, content = other.partition("\n")
        lines = [line for line in content.splitlines() if not line.startswith(NOT_RUN)]
        parts[name] = "\n".join(lines).strip()
    return parts


def section(text: str) -> str:
    """A ``comparison.md`` one heading further down, without its pictures."""
    lines = [f"#{line}" if line.startswith("#") else line for line in text.splitlines() if not line.startswith("![")]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    main()
