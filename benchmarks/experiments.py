"""Writes ``docs/experiments.md`` from the comparisons that are in a folder of studies.

for suite in studies/suites/*.json; do ./run_tuning.sh compare $suite --seeds 5 --save-dir studies; done
PYTHONPATH=. .venv/bin/python benchmarks/experiments.py --save-dir studies > docs/experiments.md
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
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
    """Prints the page."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--save-dir", type=Path, default=ROOT / "studies")
    given = arguments.parse_args()
    print(INTRODUCTION)
    for suite in sorted((ROOT / "studies" / "suites").glob("*.json")):
        written = given.save_dir / suite.stem / "comparison.md"
        if written.is_file():
            text = written.read_text()
            print(section(text))
            names = [protocol["name"] for protocol in json.loads(suite.read_text())["protocols"]]
            if missing := [name for name in names if f"\n## {name}\n" not in text]:
                print(f"Protocols not run yet: {', '.join(missing)}.\n")
        else:
            print(f"## {suite.stem}\n\nNot run yet: `./run_tuning.sh compare studies/suites/{suite.name} --seeds 5`\n")


def section(text: str) -> str:
    """A ``comparison.md`` one heading further down, without its pictures."""
    lines = [f"#{line}" if line.startswith("#") else line for line in text.splitlines() if not line.startswith("![")]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    main()
