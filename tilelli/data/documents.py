"""A stream of documents that can be left and taken up again at any of them.

A document is a `bytes` in UTF-8 without a NUL, which is the mark between documents. Rows that hold none are dropped and
counted by reason. The state is a few numbers: nothing is lost or repeated, whatever the source, and several processes
read disjoint shares of it. A stream that is taken up in the middle of a file reads over what comes before.
"""

from collections import Counter
from collections.abc import Iterator

from tilelli.data.source import Part, Source, State

FEWEST_BYTES = 2  # shorter documents teach nothing and are dropped


class Documents:
    """The documents of `source`, each once; iterating again goes on after the last one given.

    Attributes:
        count: of the documents given so far.
        bytes: of the documents given so far.
        dropped: rows dropped so far, by reason.
    """

    def __init__(self, source: Source, limit: int | None = None, rank: int = 0, size: int = 1) -> None:
        """Begin at the beginning.

        Args:
            source: what to read.
            limit: end with the document that makes it this many bytes, over all processes; None reads to the end.
            rank: of this process.
            size: the number of processes that share the source.
        """
        self.source = source
        self.limit = None if limit is None else max(1, limit // size)
        many = len(source.parts) >= size  # then each process has parts of its own
        self._parts = source.parts[rank::size] if many else source.parts
        self._share = (0, 1) if many else (rank, size)
        self.rewind()

    def rewind(self) -> None:
        """Go back to the first document."""
        self._part, self._place = 0, None
        self._open: Part | None = None
        self.count, self.bytes = 0, 0
        self.dropped: Counter[str] = Counter()

    def state_dict(self) -> State:
        """The place after the last document given, as plain values that JSON can hold."""
        place = self._open.state_dict() if self._open else self._place
        counts = {"count": self.count, "bytes": self.bytes, "dropped": dict(self.dropped)}
        return {"part": self._part, "place": place, **counts}

    def load_state_dict(self, state: State) -> None:
        """Go to a place that `state_dict` gave for the same source and share."""
        self._part, self._place, self._open = state["part"], state["place"], None
        self.count, self.bytes, self.dropped = state["count"], state["bytes"], Counter(state["dropped"])

    def __iter__(self) -> Iterator[bytes]:
        self.load_state_dict(self.state_dict())
        while self._part < len(self._parts) and not self._full():
            name = self._parts[self._part]
            with self.source.in_one_line(name):
                self._open = self.source.open(name, *self._share)
                if self._place:
                    self._open.load_state_dict(self._place)
                for raw in self._open:
                    if document := self._document(raw):
                        yield document
                    if self._full():
                        return
            self._part, self._place, self._open = self._part + 1, None, None

    def _full(self) -> bool:
        return self.limit is not None and self.bytes >= self.limit

    def _document(self, raw: bytes | None) -> bytes | None:
        """The document in a row, counted; None where there is none."""
        document = (raw or b"").replace(b"\0", b"")
        reason = ""
        if raw is None:
            reason = "no text"
        elif len(document.strip()) < FEWEST_BYTES:
            reason = "empty"
        elif not _is_utf8(document):
            reason = "not UTF-8"
        if reason:
            self.dropped[reason] += 1
            return None
        self.count, self.bytes = self.count + 1, self.bytes + len(document)
        return document


def told(dropped: Counter[str]) -> str:
    """Such as `3 dropped (2 empty, 1 no text)`."""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(dropped.items()))
    return f"{dropped.total():,} dropped" + (f" ({reasons})" if reasons else "")


def _is_utf8(document: bytes) -> bool:
    try:
        document.decode()
    except UnicodeDecodeError:
        return False
    return True
