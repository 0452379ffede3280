"""Labels of replies are kept, replaced and taken away, whoever gave the reply; older databases get their table."""

import pytest
from sqlalchemy import select, update

from probes.store.engine import reach, within
from probes.store.labels import ABSTAINED, RIGHT, WRONG, put, read
from probes.store.schema import LABELS, STEPS, TABLES, VERSION, bring_up
from probes.store.store import Store
from tilelli.errors import InputError

ONE, OTHER = ("USER: ½ \x00 ?\nTILELLI:", "é\n"), ("USER: ½ \x00 ?\nTILELLI:", "\ud800")


def test_a_label_is_kept_replaced_and_taken_away(store: Store) -> None:
    put(store, ONE, RIGHT)
    put(store, OTHER, ABSTAINED)
    put(store, ONE, WRONG)
    again = Store(store.url)
    assert read(again, [OTHER, ("", ""), ONE]) == [ABSTAINED, None, WRONG]
    again.close()
    put(store, OTHER, None)
    put(store, OTHER, None)
    assert read(store, [ONE, OTHER]) == [WRONG, None]
    kept = within(store.engine, lambda c: c.scalars(select(LABELS.c.content)).all(), writes=False)
    assert kept == [{"prompt": ONE[0], "reply": ONE[1]}]


def test_prompt_and_reply_are_not_run_together(store: Store) -> None:
    put(store, ("ab", "c"), RIGHT)
    assert read(store, [("a", "bc"), ("abc", "")]) == [None, None]


def test_a_word_that_is_no_label_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match=r"There is no such label: 'good'\. Use right, wrong, abstained, or none\."):
        put(store, ONE, "good")


def test_a_database_without_the_table_gets_it(url: str) -> None:
    engine = reach(url)
    within(engine, bring_up)
    within(engine, LABELS.drop)
    within(engine, lambda connection: connection.execute(update(VERSION).values(version=1)).close())
    engine.dispose()
    store = Store(url)
    put(store, ONE, RIGHT)
    assert read(store, [ONE]) == [RIGHT]
    store.close()
    assert len(STEPS) >= 1
    assert LABELS.name in TABLES.tables
