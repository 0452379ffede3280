"""Values and tables as JSON that comes back equal: to the last bit of a float, with types, order and what is missing.

What JSON cannot say is said in words of our own, dicts with one key that begins with "$": tuples, and numbers that are
not finite. What could not come back equal is refused rather than kept as something else.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tilelli.errors import StoreError

TUPLE, FLOAT = "$tuple", "$float"
REMEDY = "Use texts, numbers, truth values, lists, tuples and dicts of them."


def plain(value: Any) -> Any:
    """A value as JSON can say it.

    Raises:
        StoreError: it is of a kind that would not come back equal.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {FLOAT: repr(value)}
    if isinstance(value, tuple):
        return {TUPLE: [plain(item) for item in value]}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) and key[:1] != "$" for key in value):
        return {key: plain(item) for key, item in value.items()}
    raise StoreError("A value cannot be kept", f"{value!r:.80}", REMEDY)


def back(value: Any) -> Any:
    """What `plain` was given."""
    if isinstance(value, list):
        return [back(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {TUPLE}:
        return tuple(back(item) for item in value[TUPLE])
    if set(value) == {FLOAT}:
        return float(value[FLOAT])
    return {key: back(item) for key, item in value.items()}


def table(frame: pd.DataFrame) -> dict[str, Any]:
    """A table as JSON can say it; the inverse of `frame`.

    Raises:
        StoreError: a column is of a kind that would not come back equal, or an axis has several levels.
    """
    columns = [_values(frame.iloc[:, place]) for place in range(frame.shape[1])]
    return {"columns": columns, "names": _axis(frame.columns), "index": _axis(frame.index)}


def frame(kept: dict[str, Any]) -> pd.DataFrame:
    """What `table` was given."""
    index = _index(kept["index"])
    made = pd.DataFrame({place: _series(column, index) for place, column in enumerate(kept["columns"])}, index=index)
    made.columns = _index(kept["names"])
    return made


def _values(column: "pd.Series[Any] | pd.Index[Any]") -> dict[str, Any]:
    kind, values = str(column.dtype), column.tolist()
    if kind == "str":
        return {"type": kind, "values": [None if pd.isna(value) else value for value in values]}
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f":
        return {"type": kind, "values": [None if math.isnan(value) else plain(value) for value in values]}
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuO":
        return {"type": kind, "values": [plain(value) for value in values]}
    raise StoreError("A table cannot be kept", f"column {column.name!r} holds {kind}", REMEDY)


def _series(kept: dict[str, Any], index: "pd.Index[Any]") -> "pd.Series[Any]":
    made: pd.Series[Any] = pd.Series(_back(kept), dtype=kept["type"], index=index)
    return made


def _back(kept: dict[str, Any]) -> Sequence[Any]:
    values = [back(value) for value in kept["values"]]
    return [math.nan if value is None else value for value in values] if "float" in kept["type"] else values


def _axis(index: "pd.Index[Any]") -> dict[str, Any]:
    """The labels of rows or columns; those that only count are told by their number."""
    if isinstance(index, pd.MultiIndex):
        raise StoreError("A table cannot be kept", f"an axis has {index.nlevels} levels", "Make columns of them.")
    if isinstance(index, pd.RangeIndex):
        return {"name": plain(index.name), "range": [index.start, index.stop, index.step]}
    return {"name": plain(index.name), **_values(index)}


def _index(kept: dict[str, Any]) -> "pd.Index[Any]":
    if "range" in kept:
        start, stop, step = kept["range"]
        return pd.RangeIndex(start, stop, step, name=back(kept["name"]))
    made: pd.Index[Any] = pd.Index(_back(kept), dtype=kept["type"], name=back(kept["name"]))
    return made
