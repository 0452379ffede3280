"""A part of another checkpoint in the place of its own: what knows, the part or what it sits in?

The splice is asked like any checkpoint, and is kept like one. What has been asked of both and of their splices stands
side by side.
"""

from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import streamlit as st

from app import services, show, stored
from app.figures import metacognition as figures
from app.figures.forest import forest
from app.parts.opened import lines
from app.parts.splices import donors, parts_between
from probes.report import number
from probes.reports.behind import behind
from tilelli.header import SPLICE, read_header

if TYPE_CHECKING:
    from app.parts.probing import Asked
    from probes.metrics import Measured
    from probes.result import ProbeResult
    from probes.store.key import Key
    from probes.store.store import Entry

MOST = 6  # models side by side
WHY = (
    "Where does a signal sit? Take a part of another checkpoint, such as its abstain head, put it in the place of this "
    "one's own, and ask again. If the part knew by itself, it would know here too."
)
SIDES = (
    "Each colour is a model; at the dashed line the signal is chance. If a part carries what it knows, the splice "
    "stands where its donor stands; if not, it falls to the line. Lines are each one's own 95 % intervals."
)
DIFFERENCES = (
    "The splice less the model alone, on the same questions: an interval that holds 0 shows no difference. Only the "
    "question what is foreign is compared: replies differ, so what is wrong differs too."
)
LESS = "AUROC of {}, the splice less the model alone"


class Condition(NamedTuple):
    """A model that was asked the same: what it is called here, its result, and where that is stored."""

    label: str
    result: "ProbeResult"
    stamp: tuple[int, str]


def choose(name: str) -> str:
    """The checkpoint itself, or the name of a splice with parts of another in it."""
    others = donors(name)
    if st.session_state.get("metacognition_donor") not in (None, *others):
        st.session_state.metacognition_donor = None  # it is the base now, or gone
    chosen = st.session_state.get("metacognition_donor") or st.query_params.get("metacognition_donor")
    with st.expander("Ask it with a part of another checkpoint", expanded=bool(chosen), icon=":material/merge:"):
        st.caption(WHY)
        donor = st.selectbox(
            "Donor", others, None, key="metacognition_donor", bind="query-params", placeholder="none: ask it as it is"
        )
        if donor is None:
            return name
        found = parts_between(read_header(name), read_header(donor), None)
        st.caption("  \n".join(f"**{kind}** does not fit. {w}." for kind, w in found.items() if isinstance(w, str)))
        fitting = [kind for kind, what in found.items() if isinstance(what, int)]
        if not fitting:
            st.info("Nothing of this donor fits: parts can be exchanged only between models of one shape.")
            return name
        if "metacognition_parts" in st.session_state:
            st.session_state.metacognition_parts = [
                k for k in st.session_state.metacognition_parts or [] if k in fitting
            ]
        kinds = st.pills("Take", fitting, selection_mode="multi", key="metacognition_parts", bind="query-params")
        return f"{name}{SPLICE}{'+'.join(kinds)}{SPLICE}{donor}" if kinds else name


def side_by_side(name: str, asked: "Asked", result: "ProbeResult") -> None:
    """What was found of the model alone, of its splices with this donor, and of the donor alone."""
    donor = asked.name.rsplit(SPLICE, 1)[1]
    found = conditions(name, donor, asked)
    if len(found) < 2:
        st.caption(
            f"To hold the splice against both it is made of, ask them alone too: choose no donor above, and then "
            f"`{donor}` in the sidebar. What was asked the same stands here side by side."
        )
        return
    offered = list(result.tables["out of distribution"]["signal"].unique())
    signal = st.selectbox("Signal", offered, _first(offered), key="metacognition_spliced", bind="query-params")
    sides = {each.label: regimes_of(each.result, signal) for each in found}
    title = f"AUROC of {signal}: is it foreign?"
    show.picture(figures.conditions(sides, title), _numbers(sides), "metacognition_conditions", SIDES)
    alone = next((each for each in found if each.result.checkpoint == name), None)
    spliced = next((each for each in found if each.result.checkpoint == asked.name), None)
    if alone and spliced:
        differences(alone, spliced, signal)


def differences(alone: Condition, spliced: Condition, signal: str) -> None:
    """By how much the splice is better or worse than the model alone, paired."""
    table = stored.differences((alone.stamp, spliced.stamp))
    own = table[table["figure"] == f"AUROC of {signal}"] if len(table) else table
    if own.empty:
        st.caption("This signal cannot be taken apart question by question, so no difference has an interval.")
        return
    from probes.metrics import Measured

    marks = own.to_dict("records")
    drawn: dict[str, list[Measured | None]] = {
        str(row["part"]): [Measured(row["value"], row["low"], row["high"], row["n"])] for row in marks
    }
    show.picture(forest(LESS.format(signal), drawn, reference=0.0), own, "metacognition_spliced_less", DIFFERENCES)
    with st.expander("Numbers of the differences, and the questions behind each"):
        own = own.drop(columns=["figure", "difference"]).reset_index(drop=True)
        rows = spliced.result.rows
        lines(own, rows, lambda at: behind(spliced.result, (own["part"][at], "AUROC")), "metacognition_spliced_numbers")


def conditions(name: str, donor: str, asked: "Asked") -> list[Condition]:
    """What is stored of models that were asked just the same: the base, splices with this donor, the donor."""
    key, found = asked.key, dict[str, Condition]()
    for entry in stored.history():
        label = _label(entry.checkpoint, name, donor)
        if label and label not in found and _same(entry, key) and entry.weights == services.identity(entry.checkpoint):
            stamp = (entry.id, entry.time)
            found[label] = Condition(label, stored.result(*stamp), stamp)
    first = ["alone", "the donor alone"]
    order = [label for label in first if label in found] + sorted(label for label in found if label not in first)
    return [found[label] for label in order[:MOST]]


def regimes_of(result: "ProbeResult", signal: str) -> "dict[str, Measured]":
    """AUROC of a signal by regime: does it tell what is foreign?"""
    regimes = result.tables["out of distribution"]["regime"].unique()
    places = {str(regime): result.figures.get((regime, f"AUROC of {signal}")) for regime in regimes}
    return {regime: figure for regime, figure in places.items() if figure is not None}


def _same(entry: "Entry", key: "Key") -> bool:
    """Whether a stored result is of the same questions, asked in the same way by the same code."""
    names = ("probe", "bank", "seed", "code", "settings")
    return all(getattr(entry, name) == getattr(key, name) for name in names)


def _label(checkpoint: str, name: str, donor: str) -> str | None:
    """What a model is called beside the others; None for one that is none of them."""
    if checkpoint in (name, donor):
        return "alone" if checkpoint == name else "the donor alone"
    before, after = f"{name}{SPLICE}", f"{SPLICE}{donor}"
    inner = checkpoint.removeprefix(before).removesuffix(after)
    fits = checkpoint.startswith(before) and checkpoint.endswith(after) and SPLICE not in inner
    return f"with the donor's {inner.replace('+', ' and ')}" if fits else None


def _first(signals: list[str]) -> int:
    return signals.index("abstain_p") if "abstain_p" in signals else 0


def _numbers(sides: "dict[str, dict[str, Measured]]") -> pd.DataFrame:
    """What the picture shows, a row a mark."""
    return pd.DataFrame(
        [
            {"model": label, "regime": regime, "auroc": figure.value, "told": number(figure), "n": figure.n}
            for label, own in sides.items()
            for regime, figure in own.items()
        ]
    )
