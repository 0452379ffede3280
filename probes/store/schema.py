"""The tables, their version, and how an older database becomes a current one.

A new database gets the tables as they stand here. An older one is led up a ladder, one step a version, all steps in one
transaction, so that a step that fails leaves everything as it was. The ladder is ours and not Alembic's, which brings
an environment, a folder of scripts and a command line of its own for what is a loop here, and leaves open what two
processes do that meet an old database at once. A test holds both ways to the same tables.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)

from tilelli.errors import StoreError

Step = Callable[[Connection], None]
ONE_AT_A_TIME = 7_114_211  # PostgreSQL's lock on making or changing the tables; the number means nothing

TABLES = MetaData()
VERSION = Table("tilelli_schema", TABLES, Column("version", Integer, primary_key=True, autoincrement=False))
RUNS = Table(
    "tilelli_runs",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("probe", String(64), nullable=False),
    Column("weights", String(64), nullable=False, index=True),
    Column("config", String(64), nullable=False),
    Column("bank", String(64), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("code", String(64), nullable=False),
)
ROWS = Table(
    "tilelli_rows",
    TABLES,
    Column("run", ForeignKey(RUNS.c.id), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # of the question in its bank
    Column("content", JSON, nullable=False),
    Column("machine", Text, nullable=False),
    Column("time", String(32), nullable=False),  # UTC, ISO 8601
)
RESULTS = Table(
    "tilelli_results",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("run", ForeignKey(RUNS.c.id), nullable=False, unique=True),
    Column("checkpoint", Text, nullable=False),
    Column("verdicts", JSON, nullable=False),
    Column("notes", JSON, nullable=False),
    Column("provenance", JSON, nullable=False),
    Column("tables", JSON, nullable=False),  # the rows and all other tables; long, so a list of results leaves it out
    Column("machine", Text, nullable=False),
    Column("time", String(32), nullable=False),
)
FIGURES = Table(
    "tilelli_figures",
    TABLES,
    Column("result", ForeignKey(RESULTS.c.id), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),  # in the order of the result
    Column("part", Text, nullable=False),
    Column("figure", Text, nullable=False),
    Column("value", Float(53)),  # undefined is NULL
    Column("low", Float(53)),
    Column("high", Float(53)),
    Column("n", BigInteger, nullable=False),
)
LABELS = Table(
    "tilelli_labels",
    TABLES,
    Column("digest", String(64), primary_key=True),  # of a prompt and a reply to it
    Column("content", JSON, nullable=False),  # both
    Column("label", String(16), nullable=False),
    Column("machine", Text, nullable=False),
    Column("time", String(32), nullable=False),
)


def by_hand(statement: str) -> Step:
    """A step in plain SQL that both databases understand; it says what it makes and asks no table of today."""
    return lambda connection: connection.execute(text(statement)).close()


STEPS: tuple[Step, ...] = (
    by_hand(
        "CREATE TABLE tilelli_labels (digest VARCHAR(64) NOT NULL PRIMARY KEY, content JSON NOT NULL, "
        "label VARCHAR(16) NOT NULL, machine TEXT NOT NULL, time VARCHAR(32) NOT NULL)"
    ),
)  # the first leads from version 1 to 2; a step is never changed once it was released


def is_current(connection: Connection, steps: Sequence[Step] = STEPS) -> bool:
    """Whether nothing has to be done; asked first, so that a database that can only be read is read."""
    return _version(connection) == 1 + len(steps)


def bring_up(connection: Connection, steps: Sequence[Step] = STEPS, tables: MetaData = TABLES) -> None:
    """Make the tables, or lead older ones up; in a transaction that writes.

    Raises:
        StoreError: a newer version has written here.
    """
    if connection.dialect.name == "postgresql":  # SQLite writes one at a time anyway
        connection.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME)))
    found, current = _version(connection), 1 + len(steps)
    if found is None:
        tables.create_all(connection)
        connection.execute(insert(VERSION).values(version=current))
        return
    if found > current:
        seen = f"its tables are of version {found}, this code knows {current}"
        raise StoreError("The results are of a newer Tilelli", seen, "Update it, or name another TILELLI_DB.")
    for step in steps[found - 1 :]:
        step(connection)
    connection.execute(update(VERSION).values(version=current))


def add_column(table: str, column: str, kind: str) -> Step:
    """The commonest step: a new column, empty in what stands already; names and kind as in SQL."""
    return by_hand(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(VERSION.name):
        return None
    return connection.scalar(select(VERSION.c.version))
