"""What is kept as JSON comes back equal, or is refused."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.store.exact import back, frame, plain, table
from tilelli.errors import StoreError

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()))
names = st.text(st.characters(exclude_characters="$"))
values = st.recursive(leaves, lambda x: st.lists(x) | st.lists(x).map(tuple) | st.dictionaries(names, x), max_leaves=12)


def through(content: Any) -> Any:
    return json.loads(json.dumps(content, allow_nan=False))


@given(values)
def test_any_value_comes_back_with_its_types_and_its_last_bit(value: Any) -> None:
    assert repr(back(through(plain(value)))) == repr(value)


@given(st.lists(st.floats()), st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_columns_of_numbers_come_back(reals: list[float], whole: list[int]) -> None:
    for column in (pd.Series(reals, dtype="float64"), pd.Series(whole, dtype="int64")):
        made = column.to_frame("a name")
        pd.testing.assert_frame_equal(frame(through(table(made))), made, check_exact=True)


def test_numbers_of_numpy_are_numbers() -> None:
    assert plain([np.float32(0.5), np.int64(3), np.bool_(True)]) == [0.5, 3, True]
    assert back(plain(np.float64("nan"))) != back(plain(np.float64("nan")))


def test_a_missing_number_and_a_missing_object_stay_what_they_are() -> None:
    made = pd.DataFrame({"number": [math.nan, 1.0], "object": pd.Series([None, math.nan], dtype=object)})
    found = frame(through(table(made)))
    assert found["object"][0] is None
    assert math.isnan(found["object"][1])
    assert found["number"].dtype == "float64"


@pytest.mark.parametrize("value", [{1: 2}, {"$tuple": []}, {1, 2}, b"bytes", object()])
def test_what_would_not_come_back_equal_is_refused(value: Any) -> None:
    with pytest.raises(StoreError, match="A value cannot be kept"):
        plain(value)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (pd.DataFrame({"when": pd.to_datetime(["2026-01-01"])}), "column 'when' holds datetime64"),
        (pd.DataFrame({"kind": pd.Categorical(["a"])}), "column 'kind' holds category"),
        (pd.DataFrame({"a": [1], "b": [1], "c": [2]}).set_index(["a", "b"]), "an axis has 2 levels"),
    ],
)
def test_a_table_of_another_kind_is_refused_by_name(made: pd.DataFrame, said: str) -> None:
    with pytest.raises(StoreError, match=said):
        table(made)
