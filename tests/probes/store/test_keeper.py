"""With a store that fails the work goes on, and the trouble is told once."""

from dataclasses import dataclass

import pytest

from probes.store.keeper import Keeper, keeping
from probes.store.sheet import Sheet
from tests.probes.store.conftest import assert_equal, everything, key
from tilelli.errors import InputError, StoreError


@dataclass(frozen=True)
class Row:
    reply: str
    p: float | None


def test_a_sheet_knows_the_rows_of_its_kind_that_were_added() -> None:
    with keeping() as keeper:
        keeper.sheet(key(), Row).add({2: Row("a", None), 0: Row("b", 0.5)})
        assert keeper.sheet(key(), Row).known == {0: Row("b", 0.5), 2: Row("a", None)}
        assert keeper.sheet(key(seed=1), Row).known == {}


def test_a_result_is_kept_and_found() -> None:
    with keeping() as keeper:
        assert keeper.result(key()) is None
        keeper.put(key(), everything())
        assert_equal(keeper.result(key()), everything())


def test_where_nothing_is_wanted_nothing_is_kept_or_read(own_store: str) -> None:
    with keeping(wanted=False) as keeper:
        keeper.put(key(), everything())
        keeper.sheet(key(), Row).add({0: Row("", None)})
        assert (keeper.result(key()), keeper.sheet(key(), Row).known) == (None, {})


def test_a_sheet_of_ones_own_forgets() -> None:
    sheet = Sheet[Row]()
    sheet.add({0: Row("", None)})
    assert sheet.known == {}


def test_the_work_is_done_before_the_trouble_is_told() -> None:
    done = []

    def work() -> None:
        with keeping(url="nowhere") as keeper:
            sheet = keeper.sheet(key(), Row)
            sheet.add({0: Row("", None)})
            keeper.put(key(), everything())
            done.append(sheet.known)

    with pytest.raises(StoreError, match="no address that is understood"):
        work()
    assert done == [{}]


def test_a_store_that_fails_halfway_is_left_alone_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def full(*_: object) -> None:
        tries.append(1)
        raise StoreError("Results cannot be kept or read", "full", "Make room.")

    keeper = Keeper()
    sheet = keeper.sheet(key(), Row)
    monkeypatch.setattr("probes.store.store.Store.add", full)
    for number in range(3):
        sheet.add({number: Row("", None)})
    assert (len(tries), str(keeper.trouble)) == (1, "Results cannot be kept or read: full. Make room.")
    keeper.close()


def test_an_error_of_the_work_itself_comes_first() -> None:
    def work() -> None:
        with keeping(url="nowhere") as keeper:
            keeper.put(key(), everything())
            raise InputError("An error", "of the work", "Mend it.")

    with pytest.raises(InputError, match="of the work"):
        work()


def test_whoever_waits_is_told_of_rows_old_and_new_and_may_end_the_work() -> None:
    seen: list[int] = []

    def told(new: int) -> None:
        seen.append(new)
        if sum(seen) > 3:
            raise InterruptedError

    with keeping(told=told) as keeper:
        keeper.sheet(key(), Row).add({n: Row("", None) for n in range(3)})
    assert seen == [0, 3]
    seen.clear()
    with keeping(told=told) as keeper:
        sheet = keeper.sheet(key(), Row)
        with pytest.raises(InterruptedError):
            sheet.add({3: Row("", None)})
    assert seen == [3, 1]
    with keeping() as keeper:
        assert list(keeper.sheet(key(), Row).known) == [0, 1, 2, 3]  # kept before it was ended
