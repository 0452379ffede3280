"""The parts of the Abstain page that say what a checkpoint did: outcomes, rates, signals beside the wording alone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from app import show
from app.figures import abstain as figures
from app.figures.forest import forest
from app.parts.opened import cells, lines
from probes.abstain import RATES, SIGNALS
from probes.banks import ABSTAIN_P, ADVANTAGE, TEST
from probes.report import number
from probes.reports.behind import behind
from probes.reports.escape import in_markdown
from probes.reports.words import sentence

if TYPE_CHECKING:
    from probes.metrics import Measured
    from probes.result import Place, ProbeResult

CRUX = {
    "held-out-facts": "Facts it was taught against facts of the same kind and wording that it was not",
    "premises": "False premises against matched true ones",
}
OUTCOMES = (
    "A bar for each kind of question. Of what it could know, green is right and red is wrong; of what it cannot know, "
    "yellow is made up. Blue kept silent: dark by the gate, light in words. Grey: nothing, or the same over and over. "
    "What nobody told it, and what it cannot work out, it cannot know: silence is the right reply."
)
SHARES = (
    "Lines are Wilson 95 % intervals. *Hallucination*: answered what it cannot know. *False inability*: kept silent "
    "where it could know. *Coverage*: gave an answer. *Selective accuracy*: right among the answers given."
)
AUROC = (
    "How often a question that it cannot know stands above one that it could: at the dashed line it is chance. The "
    "surface baselines read the wording alone and know no model: what is not above them may be wording. Lines are 95 % "
    "intervals, from questions drawn again and again within each kind."
)


def read_on(result: "ProbeResult") -> list[str]:
    """Parts of the bank on which figures are read; all where it has no test rows."""
    rows = result.rows
    test = list(dict.fromkeys(rows[rows["split"] == TEST]["part"]))
    return test or list(dict.fromkeys(rows["part"]))


def outcomes(result: "ProbeResult") -> None:
    """The first table, as a picture and as counts that open their rows."""
    table = result.tables["outcomes"]
    table = table[table["part"].isin(read_on(result))].reset_index(drop=True)
    show.picture(figures.outcomes(table), table, "abstain_outcomes", OUTCOMES)
    wide = table.pivot(index=["part", "answerable"], columns="outcome", values="rows").astype("Int64")
    kinds = list(dict.fromkeys(zip(table["part"], table["answerable"], strict=True)))
    counts = wide.loc[kinds, list(dict.fromkeys(table["outcome"]))].reset_index()
    with st.expander("Counts, and the questions behind each"):
        rows = result.rows
        cells(counts, rows, lambda line, column: _counted(rows, counts.iloc[line], column), "abstain_counts")


def _counted(rows: pd.DataFrame, line: "pd.Series[Any]", column: str) -> "pd.Series[bool]":
    """Of each row whether it is of the kind of a line; in the column of an outcome, with that outcome."""
    kind: pd.Series[bool] = (rows["part"] == line["part"]) & (rows["answerable"] == line["answerable"])
    return kind if column in ("part", "answerable") else kind & (rows["outcome"] == column)


def shares(result: "ProbeResult") -> None:
    """Rates with their intervals, part beside part."""
    picture(result, "How often?", RATES, "abstain_rates", SHARES)


def signals(result: "ProbeResult") -> None:
    """AUROC of every signal and of the wording alone; then the two parts that are the real question."""
    surface = [name for _, name in result.figures if name.startswith("AUROC of surface ")]
    names = [f"AUROC of {name}" for name in SIGNALS] + list(dict.fromkeys(surface))
    picture(result, "Does a signal tell?", names, "abstain_auroc", AUROC, 0.5)
    st.caption(f"Surface: {in_markdown(result.provenance['floor'])}.")
    st.subheader("And where the wording tells nothing?", anchor=False)
    for part, said in CRUX.items():
        if (part, ABSTAIN_P) in result.figures:
            head, more = result.figures[part, ABSTAIN_P], result.figures[part, ADVANTAGE]
            least = "" if more.findable is None else f" The smallest difference it could find is {more.findable:.3f}."
            st.markdown(
                f"- **{said}.** AUROC of its abstain head {number(head)}; less that of the better surface baseline "
                f"{number(more)}.{least}"
            )


def verdicts(result: "ProbeResult") -> None:
    """What the rule of the bank's card says, and what to know before believing it."""
    st.markdown("\n".join(f"- {in_markdown(sentence(verdict))}" for verdict in result.verdicts))
    if not result.verdicts:
        st.caption("No rule is attached to this bank.")
    for note in result.notes:
        st.caption(f"Note: {in_markdown(note)}")


def picture(
    result: "ProbeResult",
    title: str,
    names: Sequence[str],
    key: str,
    caption: str,
    reference: float | None = None,
) -> None:
    """Figures as lines, the parts side by side, and as numbers that open their rows."""
    parts = read_on(result)
    places: list[Place] = [(part, name) for name in names for part in parts if (part, name) in result.figures]
    drawn: dict[str, list[Measured | None]] = {
        name.removeprefix("AUROC of "): [result.figures.get((part, name)) for part in parts] for name in names
    }
    summary = result.summary().set_index(["part", "figure"]).loc[places].reset_index()
    show.picture(forest(title, drawn, parts, reference), summary, key, caption)
    with st.expander("Numbers, and the questions behind each"):
        numbers(result, summary, f"{key}_numbers")


def numbers(result: "ProbeResult", summary: pd.DataFrame, key: str) -> None:
    """Figures as numbers; a line opens its rows."""
    lines(summary, result.rows, lambda line: behind(result, (summary["part"][line], summary["figure"][line])), key)
