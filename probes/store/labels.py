"""What a person says of replies: right, wrong, or abstained.

A label belongs to a prompt and a reply to it, and to nothing else: whichever checkpoint gave that reply, by whichever
code and behind whichever gate, it need not be read again. This module does not know what a machine says of it.
"""

import hashlib
import json
from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from probes.store.engine import within
from probes.store.schema import LABELS
from probes.store.store import Store, now
from tilelli.errors import InputError

RIGHT, WRONG, ABSTAINED = "right", "wrong", "abstained"
WORDS = (RIGHT, WRONG, ABSTAINED)
Reply = tuple[str, str]
"""A prompt, and a reply to it."""


def put(store: Store, reply: Reply, label: str | None) -> None:
    """Keep a label in place of the one before it; None takes it away.

    Raises:
        InputError: it is none of `WORDS`.
        StoreError: the database cannot be used.
    """
    if label is not None and label not in WORDS:
        raise InputError("There is no such label", repr(label), f"Use {', '.join(WORDS)}, or none.")
    within(store.engine, lambda connection: _put(connection, reply, label))


def read(store: Store, replies: Iterable[Reply]) -> list[str | None]:
    """The label of each reply; None where there is none."""
    query = select(LABELS.c.digest, LABELS.c.label)
    found = within(store.engine, lambda connection: connection.execute(query).all(), writes=False)
    known = {row.digest: row.label for row in found}
    return [known.get(_digest(reply)) for reply in replies]


def _put(connection: Connection, reply: Reply, label: str | None) -> None:
    connection.execute(delete(LABELS).where(LABELS.c.digest == _digest(reply)))
    if label is not None:
        content = dict(zip(("prompt", "reply"), reply, strict=True))
        connection.execute(insert(LABELS).values(digest=_digest(reply), content=content, label=label, **now()))


def _digest(reply: Reply) -> str:
    return hashlib.sha256(json.dumps(reply).encode()).hexdigest()
