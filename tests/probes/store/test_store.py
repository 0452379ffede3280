"""The store on SQLite and on PostgreSQL: what goes in comes out, once."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from probes.metrics import Measured
from probes.store.schema import FIGURES, ROWS, RUNS
from probes.store.store import Store
from tests.probes.store.conftest import assert_equal, everything, key
from tilelli.errors import InputError


def test_a_result_comes_back_equal_to_what_went_in(store: Store) -> None:
    store.put(key(), everything())
    assert_equal(store.result(key()), everything())
    assert store.result(key(seed=1)) is None


def test_a_result_put_again_takes_the_place_of_the_first(store: Store) -> None:
    number = store.put(key(), everything())
    second = replace(everything(), figures={("x", "y"): Measured(1.0, None, None, 1)}, notes=())
    assert store.put(key(), second) == number
    assert_equal(store.result(key()), second)
    assert [entry.id for entry in store.history()] == [number]


def test_rows_come_back_by_number_and_belong_to_their_run(store: Store) -> None:
    rows = {3: {"reply": "\x00\ud800é", "p": 0.1 + 0.2}, 0: {"reply": "", "p": None}}
    store.add(key(), rows)
    assert store.rows(key()) == rows
    assert list(store.rows(key())) == [0, 3]
    assert store.rows(key(seed=1)) == {}


def test_a_row_added_twice_is_there_once_and_stays_what_it_was(store: Store) -> None:
    store.add(key(), {0: {"p": 1}, 1: {"p": 1}})
    store.add(key(), {1: {"p": 2}, 2: {"p": 2}})
    store.add(key(), {})
    assert store.rows(key()) == {0: {"p": 1}, 1: {"p": 1}, 2: {"p": 2}}


def test_many_rows_at_once_are_added_in_several_transactions(store: Store) -> None:
    store.add(key(), {number: {"n": number} for number in range(2500)})
    assert store.rows(key()) == {number: {"n": number} for number in range(2500)}


def test_every_row_knows_what_it_came_from(store: Store) -> None:
    store.add(key(), {0: {"p": 1}})
    with store.engine.connect() as connection:
        found = connection.execute(select(*RUNS.c, ROWS).join(RUNS)).one()._mapping
    assert {name: found[name] for name in ("probe", "weights", "bank", "settings", "seed", "code")} == {
        "probe": "abstain",
        "weights": "a" * 64,
        "bank": "b" * 64,
        "settings": {"gate": 0.5},
        "seed": 0,
        "code": "0.1.0+0",
    }
    assert "Python" in found["machine"]
    assert found["time"].endswith("+00:00")


def test_figures_can_be_asked_for_in_sql(store: Store) -> None:
    store.put(key(), everything())
    query = select(FIGURES.c.value, FIGURES.c.low).where(FIGURES.c.figure == "AUROC")
    with store.engine.connect() as connection:
        assert connection.execute(query).one() == (0.1 + 0.2, 1 / 3)
        assert connection.scalar(select(func.count()).where(FIGURES.c.value.is_(None))) == 1


def test_the_history_is_newest_first_and_can_be_narrowed(store: Store) -> None:
    for number, weights in enumerate(("a" * 64, "ab" + "c" * 62, "_" * 64)):
        store.put(key(weights=weights, probe=f"p{number}"), replace(everything(), checkpoint=f"runs/{number}"))
    assert [entry.checkpoint for entry in store.history()] == ["runs/2", "runs/1", "runs/0"]
    assert [entry.probe for entry in store.history(checkpoint="runs/1")] == ["p1"]
    assert [entry.probe for entry in store.history(checkpoint="a")] == ["p1", "p0"]
    assert [entry.probe for entry in store.history(checkpoint="_")] == ["p2"]
    (one,) = store.history(probe="p0")
    assert (one.verdicts, one.seed, one.settings) == (("missed", "undefined", "tie"), 0, {"gate": 0.5})


def test_another_store_at_the_same_place_finds_what_the_first_kept(store: Store) -> None:
    store.put(key(), everything())
    other = Store(store.url)
    assert_equal(other.result(key()), everything())
    other.close()


def test_a_number_that_is_no_result_is_said(store: Store) -> None:
    with pytest.raises(InputError, match="There is no such result: 99"):
        store.get(99)
