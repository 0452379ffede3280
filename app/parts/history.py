"""Stored results: the list of them, narrowed, and which of them are looked at. All of it stands in the URL."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from probes.compare import LETTERS
from probes.reports.choosing import names, narrowed

if TYPE_CHECKING:
    from probes.store.store import Entry

MOST = len(LETTERS)
NARROW = {"probe": "Probe", "checkpoint": "Checkpoint", "bank": "Bank", "verdict": "Verdict"}


def narrow(entries: "Sequence[Entry]") -> "list[Entry]":
    """Only what is asked for."""
    offered = {
        "probe": [entry.probe for entry in entries],
        "checkpoint": [entry.checkpoint for entry in entries],
        "bank": [names(entry)[-1] for entry in entries if names(entry)],
        "verdict": [word for entry in entries for word in entry.verdicts],
    }
    asked = {}
    for (name, label), column in zip(NARROW.items(), st.columns(4), strict=True):
        key, options = f"results_{name}", sorted(set(offered[name]))
        if st.session_state.get(key) not in (None, *options):
            del st.session_state[key]
        asked[name] = column.selectbox(label, options, None, key=key, bind="query-params", placeholder="all")
    return narrowed(entries, **asked)


def listed(entries: "Sequence[Entry]") -> pd.DataFrame:
    """A line each, newest first; times are UTC."""
    return pd.DataFrame(
        [
            {
                "id": entry.id,
                "time": entry.time[:16].replace("T", " "),
                "probe": entry.probe,
                "checkpoint": entry.checkpoint,
                "bank": entry.bank_name or "",
                "verdicts": ", ".join(f"{n} {word}" for word, n in Counter(entry.verdicts).items()),
                "seed": entry.seed,
                "weights": entry.weights[:12],
                "code": entry.code,
            }
            for entry in entries
        ]
    )


def choose(entries: "Sequence[Entry]") -> "list[Entry]":
    """The list, and up to four of it that are looked at: those the link names, or the newest."""
    by_id = {entry.id: entry for entry in entries}
    asked = st.session_state.get("results_ids", _linked())
    kept = [number for number in asked if number in by_id][:MOST]
    if kept != asked or "results_ids" not in st.session_state:
        st.session_state.results_ids = kept or [entries[0].id]

    def take() -> None:
        if rows := st.session_state.results_list["selection"]["rows"]:
            st.session_state.results_ids = [entries[row].id for row in rows[:MOST]]

    table = listed(entries)
    st.dataframe(
        table,
        hide_index=True,
        key="results_list",
        on_select=take,
        selection_mode="multi-row",
        height="content" if len(table) < 10 else 320,
    )
    ids = st.multiselect(
        f"Look at one, or compare two to {MOST}: choose lines above, or numbers here",
        list(by_id),
        key="results_ids",
        max_selections=MOST,
        format_func=lambda number: f"{number}: {by_id[number].probe} of {by_id[number].checkpoint}",
    )
    st.query_params["ids"] = [str(number) for number in ids]  # bound widgets would put the whole label there
    return [by_id[number] for number in ids]


def _linked() -> list[int]:
    """The results that the address of the page names."""
    return [int(word) for word in st.query_params.get_all("ids") if word.isascii() and word.isdigit()]
