"""Stored results, opened: one with all its figures and the rows behind them, or several held against each other."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from app import show
from app.figures.compare import short
from app.figures.forest import forest
from app.parts.opened import INTERVALS, lines
from probes.compare import LETTERS
from probes.paired import unpaired
from probes.reports.behind import behind
from probes.reports.escape import in_markdown
from probes.reports.words import Panel, panels, sentence

if TYPE_CHECKING:
    from probes.metrics import Measured
    from probes.result import Place, ProbeResult
    from probes.store.store import Entry

ONE = "Each line is a figure with its 95 % interval: what other rows of the same kind would show."
SIDES = "The same figures of each result, one colour each, with 95 % intervals that are each one's own."
DIFFERENCES = (
    "Each is the result named less **A**, on the same questions: they are drawn again and again, and each draw is read "
    "by both. An interval that holds 0 shows no difference. A figure that cannot be taken apart row by row has no "
    "difference here."
)


def one(entry: "Entry", result: "ProbeResult") -> None:
    """What was found, in words, as a picture, as numbers that open their rows."""
    st.subheader(f"{entry.id}: {in_markdown(result.probe)} of {in_markdown(result.checkpoint)}", anchor=False)
    for line in result.tables["findings"]["finding"] if "findings" in result.tables else []:
        st.markdown(in_markdown(line))
    st.markdown("\n".join(f"- {in_markdown(sentence(verdict))}" for verdict in result.verdicts))
    for note in result.notes:
        st.caption(f"Note: {in_markdown(note)}")
    drawn([result])
    summary = result.summary()
    lines(
        summary,
        result.rows,
        lambda line: behind(result, (summary["part"][line], summary["figure"][line])),
        f"results_figures_{entry.id}",
        "All figures. Choose a line to see the rows behind it.",
    )
    for name, table in result.tables.items():
        if name != "findings" and len(table):
            with st.expander(f"Table: {name}"):
                st.dataframe(table, hide_index=True, key=f"results_table_{name}")
    with st.expander("Where it comes from"):
        st.json({"code": entry.code, "time": entry.time, "machine": entry.machine} | dict(result.provenance))
    take_away(entry, result)


def several(entries: "Sequence[Entry]", results: "Sequence[ProbeResult]", table: pd.DataFrame) -> None:
    """The same figures side by side, and by how much they differ where rows can be paired: `table`."""
    for letter, entry in zip(LETTERS, entries, strict=False):
        seed = f", seed {entry.seed}"
        st.markdown(f"**{letter}** {entry.id}: {in_markdown(entry.probe)} of `{entry.checkpoint}`{seed}")
    if not set.intersection(*(set(result.figures) for result in results)):
        st.info("They have no figure in common.")
        return
    drawn(results)
    if why := unpaired(results):
        st.info(why)
        return
    st.subheader("By how much do they differ?", anchor=False)
    if table.empty:
        st.info("None of their figures can be taken apart row by row, so no difference has an interval.")
        return
    st.caption(DIFFERENCES)
    st.dataframe(table, hide_index=True, column_config=INTERVALS, placeholder="undefined", key="results_differences")
    st.download_button("Differences (CSV)", lambda: table.to_csv(index=False), "differences.csv", key="results_csv")


def drawn(results: "Sequence[ProbeResult]") -> None:
    """One picture of figures that share an axis; which is chosen above it."""
    known: dict[Place, Measured] = {}
    for result in results:
        known |= result.figures
    offered = {panel.title: panel for panel in panels(known)}
    if st.session_state.get("results_panel") not in (None, *offered):
        del st.session_state["results_panel"]
    sure = [place for place, found in known.items() if found.low is not None]
    first = next((n for n, panel in enumerate(offered.values()) if not set(panel.lines.values()).isdisjoint(sure)), 0)
    title = st.selectbox("Figures", list(offered), first, key="results_panel", bind="query-params")
    panel = offered[title]
    rows: dict[str, list[Measured | None]] = {
        label: [result.figures.get(place) for result in results] for label, place in panel.lines.items()
    }
    names = [f"{letter}  {short(result.checkpoint)}" for letter, result in zip(LETTERS, results, strict=False)]
    fig = forest(title, rows, names if len(results) > 1 else [""], panel.reference)
    show.picture(fig, _numbers(results, panel), "results_forest", ONE if len(results) == 1 else SIDES)


def take_away(entry: "Entry", result: "ProbeResult") -> None:
    """All of it as files."""
    name = f"{result.probe}-{entry.id}"
    with st.container(horizontal=True):
        files: list[tuple[str, Any, str, str]] = [
            ("Everything (JSON)", lambda: json.dumps(result.to_dict(), indent=1), f"{name}.json", "application/json"),
            ("Figures (CSV)", lambda: result.summary().to_csv(index=False), f"{name}.csv", "text/csv"),
            ("Rows (CSV)", lambda: result.rows.to_csv(index_label="row"), f"{name}-rows.csv", "text/csv"),
        ]
        for label, make, file, kind in files:
            st.download_button(label, make, file, kind, key=f"results_{label}")


def _numbers(results: "Sequence[ProbeResult]", panel: Panel) -> pd.DataFrame:
    """What the picture shows, a row a mark."""
    return pd.DataFrame(
        [
            {"result": letter, "checkpoint": result.checkpoint, "part": place[0], "figure": place[1]}
            | asdict(result.figures[place])
            for letter, result in zip(LETTERS, results, strict=False)
            for place in panel.lines.values()
            if place in result.figures
        ]
    )
