"""Python loads this module by its name when it starts: notes what is imported in threads, and what outlives the rest.

The environment variable IMPORT_WATCH names the file, to which every process adds its lines.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading

_FILE = os.open(os.environ["IMPORT_WATCH"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def _note(*words: object) -> None:
    os.write(_FILE, (" ".join(map(str, words)) + "\n").encode())


class _Watch:
    """Finds nothing, and is asked first."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if threading.current_thread() is not threading.main_thread():
            _note("import", threading.get_ident(), threading.current_thread().name, name)


def _note_the_end() -> None:
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            _note("alive", thread.name)
    _note("ended", os.getpid())


sys.meta_path.insert(0, _Watch())
atexit.register(_note_the_end)  # What is registered first is done last.
