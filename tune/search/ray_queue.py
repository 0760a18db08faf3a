"""Where the tasks of a Ray cluster and the process that began them leave word for each other.

It is an actor, which has a process of its own: nothing heavy is imported here.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Event(NamedTuple):
    """What happened in a task.

    Attributes:
        place: How many events of the task came before.
        name: Of an observer's method.
    """

    task_id: int
    place: int
    name: str
    details: tuple[Any, ...]


class EventQueue:
    """Takes what happens in the tasks, and whether they shall stop.

    What it holds may be lost with its process: a task returns its events once more in the end, and the wish to stop is
    repeated until all have stopped.
    """

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._stop = False

    def tell(self, event: Event) -> None:
        """A task tells what has happened."""
        self._events.append(event)

    def shall_stop(self) -> bool:
        """A task asks whether to go on."""
        return self._stop

    def exchange(self, stop: bool) -> list[Event]:
        """The process that began the tasks says whether they shall stop, and takes the events."""
        self._stop = stop
        events, self._events = self._events, []
        return events
