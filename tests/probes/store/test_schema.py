"""A new database and an old one that was led up the ladder have the same tables, and nothing is lost on the way."""

from threading import Barrier, Thread

import pytest
from sqlalchemy import Column, Connection, MetaData, String, func, inspect, select, text

from probes.store.engine import reach, within
from probes.store.schema import ROWS, STEPS, TABLES, VERSION, add_column, bring_up, is_current
from probes.store.store import Store
from tests.probes.store.conftest import key
from tilelli.errors import StoreError

NEXT = (*STEPS, add_column("tilelli_rows", "remark", "VARCHAR(9)"))


def columns(connection: Connection) -> dict[str, list[str]]:
    seen = inspect(connection)
    return {table: [str(column["name"]) for column in seen.get_columns(table)] for table in sorted(TABLES.tables)}


def test_a_new_database_has_the_current_tables(url: str) -> None:
    Store(url).close()
    engine = reach(url)
    found = within(engine, columns)
    assert found == {name: [column.name for column in TABLES.tables[name].columns] for name in sorted(TABLES.tables)}
    assert within(engine, is_current)
    engine.dispose()


def test_an_older_database_is_led_up_and_keeps_its_rows(url: str) -> None:
    store = Store(url)
    store.add(key(), {0: {"p": 1}})
    assert not within(store.engine, lambda connection: is_current(connection, NEXT))
    within(store.engine, lambda connection: bring_up(connection, NEXT))
    assert within(store.engine, lambda connection: is_current(connection, NEXT))
    assert store.rows(key()) == {0: {"p": 1}}
    assert within(store.engine, columns)["tilelli_rows"][-1] == "remark"
    store.close()


def test_the_ladder_and_a_new_database_lead_to_the_same_tables(url: str) -> None:
    """Here one step ahead; whoever adds a step adds its column to the tables, or this shows."""
    later = MetaData()
    for table in TABLES.tables.values():
        table.to_metadata(later)
    later.tables[ROWS.name].append_column(Column("remark", String(9)))
    engine = reach(url)
    within(engine, lambda connection: bring_up(connection, NEXT, later))
    fresh = within(engine, columns)
    within(engine, TABLES.drop_all)
    within(engine, bring_up)
    within(engine, lambda connection: bring_up(connection, NEXT))
    assert within(engine, columns) == fresh
    engine.dispose()


def test_a_step_that_fails_leaves_everything_as_it_was(url: str) -> None:
    store = Store(url)
    store.add(key(), {0: {"p": 1}})
    broken = (*NEXT, lambda connection: connection.execute(text("ALTER TABLE nothing ADD COLUMN x INT")).close())
    with pytest.raises(StoreError, match="Results cannot be kept or read"):
        within(store.engine, lambda connection: bring_up(connection, broken))
    assert within(store.engine, is_current)
    assert "remark" not in within(store.engine, columns)["tilelli_rows"]
    assert store.rows(key()) == {0: {"p": 1}}
    store.close()


def test_what_a_newer_version_wrote_is_left_alone(url: str) -> None:
    store = Store(url)
    within(store.engine, lambda connection: bring_up(connection, NEXT))
    store.close()
    with pytest.raises(
        StoreError,
        match=rf"newer Tilelli: its tables are of version {2 + len(STEPS)}, this code knows {1 + len(STEPS)}\.",
    ):
        Store(url)


def test_many_who_come_to_an_empty_database_at_once_make_one_set_of_tables(url: str) -> None:
    barrier, stores = Barrier(6), list[Store]()

    def come() -> None:
        barrier.wait()
        stores.append(Store(url))

    threads = [Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores) == 6
    assert within(stores[0].engine, lambda c: c.scalar(select(func.count()).select_from(VERSION))) == 1
    for store in stores:
        store.close()
