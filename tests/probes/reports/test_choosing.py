"""Which stored results are meant."""

from dataclasses import replace

import pytest

from probes.reports.choosing import names, narrowed, newest, numbered
from probes.store.store import Entry
from tilelli.errors import InputError

ONE = Entry(1, "t1", "abstain", "m", "aaa", "bbb", 0, {"x": 1}, "c1", "", ("met",), "near-miss, at most 5 rows a part")
OTHER = replace(
    ONE, id=2, probe="coverage", checkpoint="v", weights="abc", bank="", verdicts=("loses", "met"), bank_name=None
)
NEWER = replace(ONE, id=3, time="t2", code="c2")
ALL = [NEWER, OTHER, ONE]


def ids(entries: list[Entry]) -> list[int]:
    return [entry.id for entry in entries]


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({}, [3, 2, 1]),
        ({"probe": "coverage"}, [2]),
        ({"checkpoint": "m"}, [3, 1]),
        ({"checkpoint": "ab"}, [2]),
        ({"bank": "near-miss"}, [3, 1]),
        ({"bank": "near-miss, at most 5 rows a part"}, [3, 1]),
        ({"bank": "bb"}, [3, 1]),
        ({"verdict": "loses"}, [2]),
        ({"verdict": "met", "probe": "abstain"}, [3, 1]),
        ({"bank": "other"}, []),
    ],
)
def test_results_are_narrowed_by_what_they_are_about(asked: dict[str, str], meant: list[int]) -> None:
    assert ids(narrowed(ALL, **asked)) == meant


def test_of_those_that_differ_in_their_code_the_newest_stays() -> None:
    assert ids(newest(ALL)) == [3, 2]
    assert ids(newest([*ALL, replace(ONE, id=4, settings={"x": 2})])) == [3, 2, 4]


def test_results_are_meant_by_number_in_the_order_asked() -> None:
    assert ids(numbered(ALL, [1, 3, 1])) == [1, 3]
    with pytest.raises(InputError, match="There is no such result: 9"):
        numbered(ALL, [1, 9])


def test_a_result_without_questions_has_no_bank() -> None:
    assert (names(OTHER), names(ONE)) == ((), ("near-miss, at most 5 rows a part", "near-miss"))
