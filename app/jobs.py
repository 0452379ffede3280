"""Work that outlives a click: a thread that runs through an iterator and keeps what it gave.

Streamlit starts a page's script anew at every click, so nothing long may run inside it. A job runs outside; the page
looks at it from a fragment that is drawn again several times a second. Stop means stop: the work asks before every
item. Jobs never call Streamlit.
"""

import atexit
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from tilelli.errors import TilelliError

Item = TypeVar("Item")


class Job(Generic[Item]):
    """Runs `work(should_stop)` in a thread of its own, collecting its items.

    Attributes:
        error: a sentence if the work failed, else None.
        seconds: how long it has run, or ran.
    """

    def __init__(self, work: Callable[[Callable[[], bool]], Iterator[Item]]) -> None:
        self.error: str | None = None
        self._items: list[Item] = []
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._ended: float | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        _alive.add(self)
        self._thread.start()

    def items(self) -> list[Item]:
        """What came so far: a copy, safe to keep."""
        return list(self._items)

    def stop(self) -> None:
        """Ask the work to end; what came so far stays."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    @property
    def running(self) -> bool:
        return self._ended is None

    @property
    def seconds(self) -> float:
        return (self._ended or time.monotonic()) - self._began

    def wait(self) -> list[Item]:
        """Block until the work has ended; for tests and scripts."""
        self._thread.join()
        return self.items()

    def _run(self, work: Callable[[Callable[[], bool]], Iterator[Item]]) -> None:
        try:
            for item in work(self._stop.is_set):
                self._items.append(item)
        except TilelliError as error:
            self.error = str(error)
        except Exception as error:  # the page shows a sentence, the terminal has the rest
            self.error = f"The work failed: {type(error).__name__}. The terminal that runs the app shows more."
            raise
        finally:
            self._ended = time.monotonic()
            _alive.discard(self)


_alive: set[Job[Any]] = set()


@atexit.register
def _stop_all() -> None:
    """A thread that still computes while the interpreter goes away would abort the process."""
    for job in list(_alive):
        job.stop()
        job.wait()
