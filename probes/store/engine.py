"""How a database is reached: its address, its transactions, tries again, and what is said when it cannot be used.

Several processes may write at once. SQLite takes them one after the other: a transaction that writes takes the lock
when it begins and waits for it, so none finds halfway that it must give up. What passes by itself is tried again: a
lock that was not given, a deadlock that a server broke up, another process that wrote the same row first.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from tilelli.errors import StoreError
from tilelli.machine import home

DATABASE = "TILELLI_DB"
BUSY = 10  # seconds that SQLite waits for another to finish writing
WAITS = (0.05, 0.2, 0.8, 2.0)  # seconds between tries
PASSING = ("40001", "40P01")  # PostgreSQL: could not serialise; deadlock
REMEDIES = {
    "readonly": f"Name a place that can be written with {DATABASE}, or leave the store out with --no-store.",
    "unable to open": f"Name a place that can be written with {DATABASE}, or leave the store out with --no-store.",
    "full": f"Make room, or name another place with {DATABASE}, then run it again: what is stored is kept.",
    "not a database": f"Move the file away and a new one is made, or name another with {DATABASE}.",
    "malformed": f"Move the file away and a new one is made, or name another with {DATABASE}.",
}
Made = TypeVar("Made")


def address() -> str:
    """Where results are kept: the URL in `TILELLI_DB`, or a file of the user's data folder."""
    return os.environ.get(DATABASE) or f"sqlite:///{home().absolute() / 'results.db'}"


def reach(url: str) -> Engine:
    """An engine for a database; a folder that SQLite needs is made.

    Raises:
        StoreError: it is no URL, a driver is missing, or the folder cannot be made.
    """
    try:
        found = make_url(url)
        lite = found.get_backend_name() == "sqlite"
        if lite and found.database and "uri" not in found.query:
            Path(found.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(found, pool_pre_ping=not lite, connect_args={"timeout": BUSY} if lite else {})
    except ImportError as error:
        remedy = "Install it; for PostgreSQL: pip install 'psycopg[binary]'."
        raise StoreError("A driver of the database is missing", str(error), remedy) from None
    except (SQLAlchemyError, ValueError):  # a ValueError is about the port
        remedy = f"Write {DATABASE}=sqlite:////path/results.db or postgresql+psycopg://user@host/name."
        raise StoreError("The database has no address that is understood", _hidden(url), remedy) from None
    except OSError as error:
        raise StoreError(
            "Results cannot be kept", f"{found.database} ({error.strerror})", REMEDIES["readonly"]
        ) from None
    if lite:
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    return engine


def within(engine: Engine, work: Callable[[Connection], Made], writes: bool = True) -> Made:
    """Do some work in one transaction: all of it or nothing, and again where what stood in the way passes.

    Raises:
        StoreError: the database cannot be used.
    """
    for wait in (*WAITS, None):
        try:
            with engine.connect() as connection, connection.execution_options(writes=writes).begin():
                return work(connection)
        except (SQLAlchemyError, UnicodeError) as error:
            if wait is None or not _passes(error):
                raise trouble(engine.url, error) from error
            time.sleep(wait)
    raise AssertionError("unreachable")


def trouble(url: URL, error: Exception) -> StoreError:
    """What is said of a database that cannot be used."""
    cause = " ".join(str(getattr(error, "orig", None) or error).split())[:160]
    remedy = next((said for sign, said in REMEDIES.items() if sign in cause), None)
    place = url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    remedy = remedy or f"See whether {DATABASE} is right, or leave the store out with --no-store."
    return StoreError("Results cannot be kept or read", f"{place} ({cause})", remedy)


def _prepare(connection: Any, record: object) -> None:
    """Settings of an SQLite connection; transactions are begun by us."""
    connection.isolation_level = None
    for setting in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _passes(error: Exception) -> bool:
    """Whether the same work may well succeed a moment later."""
    if isinstance(error, IntegrityError):  # another wrote the same first: next time it is found
        return True
    if not isinstance(error, DBAPIError):
        return False
    locked = any(sign in str(error.orig) for sign in ("database is locked", "database table is locked"))
    return locked or error.connection_invalidated or getattr(error.orig, "sqlstate", None) in PASSING


def _hidden(url: str) -> str:
    """A text that is no URL, without what may be a password."""
    return url if "@" not in url else f"...@{url.rsplit('@', 1)[1]}"
