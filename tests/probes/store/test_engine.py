"""Where results are kept, what is tried again, and the one sentence for what cannot be."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import event, text

from probes.store import engine
from probes.store.engine import address, reach, within
from probes.store.store import Store
from tests.probes.store.conftest import key
from tilelli.errors import StoreError


def test_results_are_kept_in_the_users_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TILELLI_DB")
    monkeypatch.delenv("TILELLI_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "new"))
    assert address() == f"sqlite:///{tmp_path}/new/tilelli/results.db"
    Store().close()
    assert (tmp_path / "new" / "tilelli" / "results.db").is_file()
    monkeypatch.setenv("TILELLI_HOME", str(tmp_path / "home"))
    assert address() == f"sqlite:///{tmp_path}/home/results.db"
    monkeypatch.setenv("TILELLI_DB", "sqlite:///elsewhere.db")
    assert address() == "sqlite:///elsewhere.db"


def test_sqlite_writes_ahead_and_waits_for_its_turn(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/results.db")
    with store.engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA busy_timeout")) == engine.BUSY * 1000
    store.close()


def test_what_passes_by_itself_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY", 0)
    waited: list[float] = []
    store = Store(f"sqlite:///{tmp_path}/results.db")
    other = sqlite3.connect(tmp_path / "results.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            other.execute("ROLLBACK")

    monkeypatch.setattr("time.sleep", wait)
    store.add(key(), {0: {"p": 1}})
    assert waited == list(engine.WAITS[:2])
    assert store.rows(key()) == {0: {"p": 1}}
    other.close()
    store.close()


def test_a_lock_that_is_never_given_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY", 0)
    monkeypatch.setattr("time.sleep", lambda _: None)
    store = Store(f"sqlite:///{tmp_path}/results.db")
    other = sqlite3.connect(tmp_path / "results.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"Results cannot be kept or read: .*results\.db \(database is locked\)\. See"):
        store.add(key(), {0: {"p": 1}})
    assert store.rows(key()) == {}  # reading goes on meanwhile
    other.close()
    store.close()


def test_a_database_that_can_only_be_read_is_read_and_not_written(tmp_path: Path) -> None:
    whole = Store(f"sqlite:///{tmp_path}/results.db")
    whole.add(key(), {0: {"p": 1}})
    read_only = Store(f"sqlite:///file:{tmp_path}/results.db?mode=ro&uri=true")
    assert read_only.rows(key()) == {0: {"p": 1}}
    with pytest.raises(StoreError, match=r"attempt to write a readonly database\)\. Name a place that can be written"):
        read_only.add(key(), {1: {"p": 1}})
    read_only.close()
    whole.close()


def test_a_full_disk_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/results.db")
    store.add(key(), {0: {"p": 1}})
    store.engine.dispose()
    event.listen(store.engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 30"))
    with pytest.raises(StoreError, match=r"database or disk is full\)\. Make room"):
        store.add(key(), {number: {"text": "x" * 500} for number in range(1, 900)})
    assert store.rows(key()) == {0: {"p": 1}}
    store.close()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    damage = b"this is no database, but long enough to be read as one" * 100
    (tmp_path / "results.db").write_bytes(damage)
    with pytest.raises(StoreError, match=r"file is not a database\)\. Move the file away"):
        Store(f"sqlite:///{tmp_path}/results.db")
    assert (tmp_path / "results.db").read_bytes() == damage


def test_a_page_that_was_overwritten_is_told(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    store = Store(f"sqlite:///{path}")
    store.add(key(), {number: {"text": "x" * 500} for number in range(100)})
    store.close()
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(StoreError, match=r"malformed\)\. Move the file away"):
        Store(f"sqlite:///{path}")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("results.db", "no address that is understood: results.db"),
        ("nosuch://host/name", "no address that is understood: nosuch"),
        ("postgresql://me:secret@host:port/x", r"no address that is understood: \.\.\.@host:port/x"),
        ("mysql://me@host/x", "A driver of the database is missing"),
        ("sqlite:////proc/nothing/here/results.db", "Results cannot be kept: /proc/nothing/here/results.db"),
        ("sqlite:////proc/results.db", r"unable to open database file\)\. Name a place that can be written"),
    ],
)
def test_an_address_that_leads_nowhere_is_told(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said):
        Store(url)


def test_a_server_that_is_not_there_is_told_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"me:\*\*\*@.*See whether TILELLI_DB is right") as told:
        Store(f"postgresql+psycopg://me:secret@/x?host={tmp_path}")
    assert "secret" not in str(told.value)


def test_work_is_done_wholly_or_not_at_all(url: str) -> None:
    store = Store(url)

    def half(connection: object) -> None:
        store_rows = "INSERT INTO tilelli_runs (digest, probe, weights, config, bank, settings, seed, code) VALUES "
        connection.execute(text(f"{store_rows}('d', 'p', 'w', 'c', 'b', '1', 0, 'x')"))  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        within(store.engine, half)
    assert within(store.engine, lambda c: c.scalar(text("SELECT count(*) FROM tilelli_runs"))) == 0
    store.close()


def test_reaching_a_database_touches_nothing(tmp_path: Path) -> None:
    reach(f"sqlite:///{tmp_path}/results.db").dispose()
    assert list(tmp_path.iterdir()) == []
