"""The store: rows of runs under way, and finished results, by key.

Adding what is there already is harmless, and a result that is put again takes the place of the one before it. Nothing
is held back: when a call returns, what it was given stands in the database.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, insert, select, update

from probes.metrics import Measured
from probes.result import ProbeResult
from probes.store.engine import address, reach, within
from probes.store.exact import back, frame, plain, table
from probes.store.key import Key
from probes.store.schema import FIGURES, RESULTS, ROWS, RUNS, bring_up, is_current
from probes.verdict import Claim, Rule, Verdict
from tilelli.errors import InputError
from tilelli.machine import described

TOGETHER = 1000  # rows of one transaction
LISTED = (
    *(RESULTS.c[name] for name in ("id", "time", "checkpoint", "machine", "verdicts")),
    *(RUNS.c[name] for name in ("probe", "weights", "bank", "seed", "settings", "code")),
    RESULTS.c.provenance["bank"]["name"].as_string().label("bank_name"),
)
FORMS: dict[str, type[Rule] | type[Claim]] = {"Rule": Rule, "Claim": Claim}  # what a verdict is on
ROWS_TABLE = "$rows"  # among the tables of a result; no name of a table begins so


@dataclass(frozen=True)
class Entry:
    """One line of the history: what a result is about, without what it found.

    Attributes:
        id: by which `Store.get` finds it.
        time: when it was put, UTC, ISO 8601.
        bank: hash of the questions; empty where none were asked.
        verdicts: words of its verdicts, such as `met`, in their order.
        bank_name: what the questions are called; None where none were asked.
    """

    id: int
    time: str
    probe: str
    checkpoint: str
    weights: str
    bank: str
    seed: int
    settings: Mapping[str, Any]
    code: str
    machine: str
    verdicts: tuple[str, ...]
    bank_name: str | None


class Store:
    """Results at a database URL; that of `address()` if none is given.

    Raises:
        StoreError: from any call, if the database cannot be used.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = url or address()
        self.engine = reach(self.url)
        try:
            if not within(self.engine, is_current, writes=False):
                within(self.engine, bring_up)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def rows(self, key: Key) -> dict[int, dict[str, Any]]:
        """What is known of a run: a question's number -> its row, in the order of the numbers."""
        query = select(ROWS.c.number, ROWS.c.content).join(RUNS).where(RUNS.c.digest == key.digest)
        found = within(self.engine, lambda c: c.execute(query.order_by(ROWS.c.number)).all(), writes=False)
        return {number: back(content) for number, content in found}

    def add(self, key: Key, rows: Mapping[int, Mapping[str, Any]]) -> None:
        """Keep rows by the number of their question; a number that is there already keeps the row it has."""
        items = [(number, plain(dict(row))) for number, row in sorted(rows.items())]  # sorted, so that none deadlock
        for start in range(0, len(items), TOGETHER):
            some = dict(items[start : start + TOGETHER])
            within(self.engine, lambda connection, some=some: _add(connection, key, some))  # type: ignore[misc]

    def put(self, key: Key, result: ProbeResult) -> int:
        """Keep a result; returns its id."""
        content = _content(result)
        return within(self.engine, lambda connection: _put(connection, key, content, result.figures))

    def result(self, key: Key) -> ProbeResult | None:
        """The result of a run, equal to what was put; None if there is none."""
        query = select(RESULTS.c.id).join(RUNS).where(RUNS.c.digest == key.digest)
        number = within(self.engine, lambda c: c.scalar(query), writes=False)
        return None if number is None else self.get(number)

    def get(self, number: int) -> ProbeResult:
        """The result with an id.

        Raises:
            InputError: there is none.
        """
        found = within(self.engine, lambda connection: _get(connection, number), writes=False)
        if found is None:
            raise InputError(
                "There is no such result", str(number), "See python -m probes history for those there are."
            )
        return found

    def history(self, probe: str | None = None, checkpoint: str | None = None) -> list[Entry]:
        """What is stored, newest first; of one probe, or of one checkpoint by its name or the beginning of its hash."""
        query = select(*LISTED).join(RUNS).order_by(RESULTS.c.time.desc(), RESULTS.c.id.desc())
        if probe is not None:
            query = query.where(RUNS.c.probe == probe)
        if checkpoint is not None:
            named = RESULTS.c.checkpoint == checkpoint
            query = query.where(named | RUNS.c.weights.startswith(checkpoint, autoescape=True))
        return [_entry(row) for row in within(self.engine, lambda c: c.execute(query).all(), writes=False)]


def _run(connection: Connection, key: Key) -> int:
    """The number of a run, which begins if it has not begun."""
    found = connection.scalar(select(RUNS.c.id).where(RUNS.c.digest == key.digest))
    if found is not None:
        return int(found)
    return _insert(connection, RUNS, {"digest": key.digest, **asdict(key)})


def _insert(connection: Connection, into: Table, values: dict[str, Any]) -> int:
    """One row more; returns its id."""
    made = connection.execute(insert(into).values(values)).inserted_primary_key
    assert made is not None
    return int(made[0])


def _add(connection: Connection, key: Key, rows: Mapping[int, Any]) -> None:
    run = _run(connection, key)
    known = set(connection.scalars(select(ROWS.c.number).where(ROWS.c.run == run, ROWS.c.number.in_([*rows]))))
    new = [{"run": run, "number": n, "content": row, **now()} for n, row in rows.items() if n not in known]
    if new:
        connection.execute(insert(ROWS), new)


def _put(connection: Connection, key: Key, content: dict[str, Any], figures: Mapping[tuple[str, str], Measured]) -> int:
    run = _run(connection, key)
    number = connection.scalar(select(RESULTS.c.id).where(RESULTS.c.run == run))
    if number is None:
        number = _insert(connection, RESULTS, {"run": run, **content})
    else:
        connection.execute(update(RESULTS).where(RESULTS.c.id == number).values(**content))
        connection.execute(delete(FIGURES).where(FIGURES.c.result == number))
    found = [
        {"result": number, "place": place, "part": part, "figure": figure, **asdict(measured)}
        for place, ((part, figure), measured) in enumerate(figures.items())
    ]
    if found:
        connection.execute(insert(FIGURES), found)
    return int(number)


def _get(connection: Connection, number: int) -> ProbeResult | None:
    kept = connection.execute(select(RUNS.c.probe, RESULTS).join(RUNS).where(RESULTS.c.id == number)).one_or_none()
    if kept is None:
        return None
    query = select(FIGURES).where(FIGURES.c.result == number).order_by(FIGURES.c.place)
    figures = {
        (row.part, row.figure): Measured(row.value, row.low, row.high, row.n) for row in connection.execute(query)
    }
    tables = {name: frame(content) for name, content in kept.tables.items()}
    rows = tables.pop(ROWS_TABLE)
    verdicts = tuple(_verdict(content) for content in kept.verdicts)
    return ProbeResult(
        kept.probe, kept.checkpoint, rows, figures, verdicts, tuple(kept.notes), back(kept.provenance), tables
    )


def _content(result: ProbeResult) -> dict[str, Any]:
    return {
        "checkpoint": result.checkpoint,
        "verdicts": [plain(asdict(said) | {"form": type(said.rule).__name__}) for said in result.verdicts],
        "notes": list(result.notes),
        "provenance": plain(dict(result.provenance)),
        "tables": {name: table(content) for name, content in {**result.tables, ROWS_TABLE: result.rows}.items()},
        **now(),
    }


def _verdict(kept: dict[str, Any]) -> Verdict:
    found = back(kept)
    measured = None if found["measured"] is None else Measured(**found["measured"])
    return Verdict(FORMS[found["form"]](**found["rule"]), found["word"], measured, found["narrow"])


def _entry(row: Row[Any]) -> Entry:
    words: Sequence[dict[str, Any]] = row.verdicts
    said = tuple(str(verdict["word"]) for verdict in words)
    return Entry(**row._asdict() | {"verdicts": said})


def now() -> dict[str, str]:
    """Where and when something is kept."""
    machine = f"{platform.node()}, {described()}"
    return {"machine": machine, "time": datetime.now(UTC).isoformat(timespec="milliseconds")}
