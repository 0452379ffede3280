"""A store for those who have something better to do: it is used as long as it can be, and figures come first.

If the database cannot be used, now or halfway through, the work goes on without it and its figures are printed all the
same; what was wrong is said once, at the end.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from probes.store.key import Key
from probes.store.sheet import Sheet
from tilelli.errors import StoreError

if TYPE_CHECKING:
    from probes.result import ProbeResult
    from probes.store.store import Store

Row = TypeVar("Row")
Found = TypeVar("Found")


class Keeper:
    """Keeps rows and results at a database URL, or nothing at all.

    Args:
        wanted: False keeps nothing.
        url: of the database.
        told: called with how many rows there are anew, those from before first: whoever waits sees how far the work is.
            What it raises ends the work; the rows made so far are kept.

    Attributes:
        trouble: why the store is not used any more; None while it is, or where none was wanted.
    """

    def __init__(self, wanted: bool = True, url: str | None = None, told: Callable[[int], None] | None = None) -> None:
        self.trouble: StoreError | None = None
        self._store: Store | None = None
        self._wanted, self._url, self._told = wanted, url, told or (lambda new: None)

    def sheet(self, key: Key, kind: type[Row]) -> Sheet[Row]:
        """The rows of a run, each a `kind`, a dataclass of plain values; new ones are kept as they come."""
        known: dict[int, dict[str, Any]] = self._try(lambda store: store.rows(key), {})
        self._told(len(known))
        return Sheet({number: kind(**row) for number, row in known.items()}, partial(self._add, key))

    def put(self, key: Key, result: "ProbeResult") -> None:
        """Keep a result."""
        self._try(lambda store: store.put(key, result), 0)

    def result(self, key: Key) -> "ProbeResult | None":
        """The result of a run, if it is there."""
        return self._try(lambda store: store.result(key), None)

    def close(self) -> None:
        """Let go of the database."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _add(self, key: Key, rows: Mapping[int, Any]) -> None:
        self._try(lambda store: store.add(key, {number: asdict(row) for number, row in rows.items()}), None)
        self._told(len(rows))

    def _try(self, work: "Callable[[Store], Found]", otherwise: Found) -> Found:
        from probes.store.store import Store

        if not self._wanted or self.trouble is not None:
            return otherwise
        try:
            self._store = self._store or Store(self._url)
            return work(self._store)
        except StoreError as error:
            self.trouble = error
            return otherwise


@contextmanager
def keeping(wanted: bool = True, url: str | None = None, told: Callable[[int], None] | None = None) -> Iterator[Keeper]:
    """A keeper for a piece of work; see `Keeper`.

    Raises:
        StoreError: after the work, if the store could not be used.
    """
    keeper = Keeper(wanted, url, told)
    try:
        yield keeper
    finally:
        keeper.close()
    if keeper.trouble is not None:
        raise keeper.trouble
