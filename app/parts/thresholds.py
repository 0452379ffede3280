"""The threshold workbench: what mistakes cost, where to keep silent then, and what that does on other questions."""

from typing import TYPE_CHECKING

import streamlit as st

from app import show
from app.figures import abstain as figures
from app.parts.opened import INTERVALS, lines
from probes import workbench
from probes.report import number
from probes.signals import SIGNALS
from probes.workbench import Costs

if TYPE_CHECKING:
    from probes.result import ProbeResult
    from probes.workbench import Choice

COSTS = {
    "wrong": ("Cost of a wrong answer", "It could know the answer, and gives another."),
    "invented": ("Of an invented one", "It cannot know the answer, and gives one."),
    "silent": ("Of needless silence", "It could know the answer, and gives none."),
}
COST = (
    "Each point of the line is a threshold, from never keeping silent on the left to always on the right. The cheapest "
    "was chosen on the calibration rows; the dot is what it costs on the test rows, which had no part in choosing it."
)
RISK = (
    "Only replies that give an answer are counted, the gate left aside. From the left, ever less sure ones are let "
    "through; at the right end all are. A signal that knows falls towards the left; one that knows nothing stays at "
    "the dashed line. AUGRC and AURC are areas under such curves: the lower, the better."
)


def page(result: "ProbeResult", seed: int) -> None:
    """All of it."""
    offered = workbench.signals(result.rows)
    columns = st.columns([2, 1, 1, 1], vertical_alignment="bottom")
    signal = columns[0].selectbox(
        "Keep silent by", offered, key="abstain_signal", bind="query-params", format_func=_described
    )
    asked = {
        name: column.slider(
            label, 0.0, 10.0, 1.0, 0.5, "%g", key=f"abstain_cost_{name}", bind="query-params", help=said
        )
        for (name, (label, said)), column in zip(COSTS.items(), columns[1:], strict=True)
    }
    choice = workbench.choose(result.rows, signal, Costs(**asked), result.provenance["threshold"], seed)
    chosen(choice)
    surest(result, signal, seed)


def options() -> str:
    """What stands on the sliders, as options of the command."""
    names = {"signal": "abstain_signal", **{name: f"abstain_cost_{name}" for name in COSTS}}
    here = {name: st.session_state[key] for name, key in names.items() if key in st.session_state}
    return " ".join(f"--{name} {value}" for name, value in here.items())


def chosen(choice: "Choice") -> None:
    """The threshold in words, the picture, and what it does beside other policies."""
    st.markdown(f"**{choice.sentence}** On the test rows that saves {number(choice.saved)} a question.")
    show.picture(figures.cost(choice), choice.curve, "abstain_cost", COST)
    table = workbench.table(choice.policies)
    with st.expander("What it does on the test rows, beside other policies"):
        st.dataframe(table, hide_index=True, column_config=INTERVALS, placeholder="undefined", key="abstain_policies")
    with st.expander("Counts at this threshold, and the questions behind each"):
        counts, rows = choice.outcomes, choice.rows
        now = rows.assign(outcome=rows["ungated"].mask(rows["silent"], "silent"))[["part", "answerable", "outcome"]]
        lines(counts, rows, lambda line: (now == counts.iloc[line, :3]).all(axis=1), "abstain_chosen")


def surest(result: "ProbeResult", signal: str, seed: int) -> None:
    """Risk and coverage, with the areas."""
    found = workbench.selective(result.rows, signal, seed)
    show.picture(figures.risk(found), found.curve, "abstain_risk", RISK)
    said = ", ".join(f"{name} {number(area)}" for name, area in found.areas.items())
    st.markdown(f"{found.answered:,} of {found.rows:,} replies on the test rows give an answer. {said}.")


def _described(signal: str) -> str:
    return f"{signal}: {SIGNALS[signal].says}"
