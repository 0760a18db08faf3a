"""What commands cost: the processor time of all their processes."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import time
from contextlib import suppress

# prctl(2)
_PR_SET_CHILD_SUBREAPER = 36
# A fork server takes some seconds on a slow machine, and has the processor time of its workers.
_ORPHANS_SECONDS = 30


def adopt_orphans() -> None:
    """Makes this process the parent of what its children leave behind, so that it is counted.

    A fork server and its workers are waited for by nobody in their own run. Linux only.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def processor_seconds() -> float:
    """Of all children that have ended, and of those that they waited for; orphans have half a minute to end.

    To be called while no child of one's own runs, since whoever starts one wants to wait for it.
    """
    until = time.monotonic() + _ORPHANS_SECONDS
    with suppress(ChildProcessError):
        while sys.platform == "linux" and time.monotonic() < until:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
