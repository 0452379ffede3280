"""Figures that open the rows behind them: a table whose lines can be chosen, and the rows of the chosen one below."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

NUMBER = st.column_config.NumberColumn
INTERVALS = {
    "value": NUMBER(format="%.4g"),
    "low": NUMBER("from", format="%.4g", help="Where the 95 % interval begins."),
    "high": NUMBER("to", format="%.4g", help="Where it ends."),
    "n": NUMBER(help="Rows it was computed from."),
}
FIRST = ("prompt", "text", "reply", "outcome", "ungated")  # columns that say most
CHOOSE = "Choose a line to see the rows behind it."


def lines(
    table: pd.DataFrame, rows: pd.DataFrame, which: "Callable[[int], pd.Series[bool]]", key: str, said: str = CHOOSE
) -> None:
    """A table; `which(line)` tells of each of `rows` whether it stands behind a line."""
    st.caption(said)
    event = st.dataframe(
        table,
        hide_index=True,
        column_config=INTERVALS,
        placeholder="undefined",
        on_select="rerun",
        selection_mode="single-row",
        height="content" if len(table) < 30 else 420,
        key=key,
    )
    for line in event["selection"]["rows"]:
        if line < len(table):  # the table may have become shorter
            behind(table.iloc[line], rows[which(line)], key)


def cells(table: pd.DataFrame, rows: pd.DataFrame, which: "Callable[[int, str], pd.Series[bool]]", key: str) -> None:
    """A table of counts; `which(line, column)` tells of each of `rows` whether it stands behind a cell."""
    st.caption("Choose a count to see the rows behind it.")
    event = st.dataframe(
        table, hide_index=True, placeholder="–", on_select="rerun", selection_mode="single-cell", key=key
    )
    for line, column in event["selection"]["cells"]:
        if line < len(table):
            behind(table.iloc[line], rows[which(line, column)], key)


def behind(line: "pd.Series[Any]", rows: pd.DataFrame, key: str) -> None:
    """The rows themselves, and how many they are beside how many the figure counts."""
    counted = f"; the figure counts {line['n']:,} of them" if "n" in line and line["n"] != len(rows) else ""
    st.write(f"{len(rows):,} rows{counted}:")
    st.dataframe(rows, column_order=sorted(map(str, rows), key=lambda name: name not in FIRST), key=f"{key}_rows")
    st.download_button("These rows (CSV)", lambda: rows.to_csv(index_label="row"), f"{key}.csv", key=f"{key}_csv")
