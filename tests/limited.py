"""Commands in processes of their own with little memory and little time, for input that was made to take much of both.

Run as a program it imports the tuner once, then reads a list of arguments a line (JSON), forks, and runs the command in
the child: what the imports take is not paid again for each of hundreds of commands.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MORE_MEMORY_BYTES = 1 << 30
MOST_PROCESSOR_SECONDS = 60
MOST_SECONDS = 200


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: Its exit code, negative for the signal that ended it: SIGALRM where it waited, SIGXCPU where it worked.
        said: What it printed.
    """

    code: int
    said: str

    @property
    def sentences(self) -> list[str]:
        """Its errors."""
        return [line for line in self.said.splitlines() if line.lower().startswith("error: ")]


class Limited:
    """Runs commands one after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, arguments: Sequence[object]) -> Ended:
        """Runs one command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(one) for one in arguments]) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


@contextmanager
def limited() -> Iterator[Limited]:
    """Yields what runs commands; Linux only, where memory can be limited."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    environment.pop("SEQTUNE_DATA", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.limited"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    with process:
        yield Limited(process)
        assert process.stdin is not None
        process.stdin.close()


def _answer() -> None:
    import tune.cli.commands.compare
    import tune.cli.commands.dashboard
    import tune.cli.commands.datasets
    import tune.cli.commands.diagnose
    import tune.cli.commands.export
    import tune.cli.commands.predict
    import tune.cli.commands.report
    import tune.cli.commands.run
    import tune.cli.commands.serve
    import tune.cli.commands.status  # noqa: F401
    from tune.cli.main import main

    for line in sys.stdin:
        with tempfile.TemporaryFile() as output:
            child = os.fork()
            if child == 0:
                _run(main, json.loads(line), output.fileno())
            status = os.waitpid(child, 0)[1]
            output.seek(0)
            said = output.read().decode("utf-8", "replace")
        print(json.dumps({"code": os.waitstatus_to_exitcode(status), "said": said}), flush=True)


def _run(main: object, arguments: list[str], output: int) -> None:
    """The command, in the child; never returns."""
    import signal
    import traceback

    code = 1
    try:
        for number in (1, 2):
            os.dup2(output, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        n_pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = n_pages * resource.getpagesize() + MORE_MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_PROCESSOR_SECONDS, MOST_PROCESSOR_SECONDS))
        signal.alarm(MOST_SECONDS)
        main(arguments, prog_name="tune")  # type: ignore[operator]
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _answer()
