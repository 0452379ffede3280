"""The parts of the Calibration page: one confidence looked at closely, then all of them side by side."""

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from app import show
from app.figures import calibration as figures
from app.figures.calibration import measured
from app.parts.opened import behind, lines
from probes.calibration import OPTION, TOP
from probes.report import number
from probes.reports.behind import answers
from probes.reports.escape import in_markdown
from probes.signals import SIGNALS

if TYPE_CHECKING:
    from probes.metrics import Measured
    from probes.result import ProbeResult

PARTS = {"questions": "Replies", "choices": "Forced choices", "text": "Next bytes of the text"}
SAYS = {OPTION: "probability of the option it holds likelier", TOP: "probability of the likeliest next byte"}
EQUAL = {"width": "of equal width", "mass": "with as many answers in each"}
DIAGRAM = (
    "A dot stands for answers that were about equally sure: to the right what the model says, upwards how often it is "
    "right. On the dashed line both are the same; below it the model is too sure, above it not sure enough. The orange "
    "line is the best that only rises, and needs no bins. "
)
BAND = (
    "In the grey area a model whose percentages are true would be, 95 times in 100; lines at the dots are Wilson 95 % "
    "intervals."
)
APART = (
    "These answers hang together, as neighbouring bytes or choices between the same two, so dots have neither interval "
    "nor grey area: they would look surer than they are. The error above counts what hangs together as one."
)
ERRORS = (
    "The gap between what is said and what is so, mean over the answers: 0 is none. It is read twice, in bins of equal "
    "width and in bins of equal mass, with as many answers in each. Lines are 95 % intervals. A mark inside its grey "
    "bar is no sign of anything: chance makes such a gap for 95 in 100 models whose percentages are true. "
    "**After one temperature**: all confidences pulled towards or away from the middle by one number, found on "
    "calibration rows and read on others."
)
SPLIT = (
    "At zero stands a model that always says the same percentage, the share it is right in. To the left what is gained "
    "by being surer where it is right; to the right what is lost because the percentages are off; the dot is what is "
    "left of both. Left of zero, its confidence is worth listening to."
)
KINDS = (
    "One line a kind: where the two marks of a line lie apart, the model is too sure or not sure enough about that "
    "kind. A kind with fewer than 20 answers is not drawn."
)
BYTES = "Kinds of byte are those of the byte that was predicted, not of the one that came."


def one(result: "ProbeResult") -> None:
    """A confidence that is chosen: in words, as a diagram, kind by kind, each with the answers behind it."""
    whole = overall(result)
    part, signal = choose(whole)
    row = whole[(whole["part"] == part) & (whole["signal"] == signal)].iloc[0]
    st.markdown(said(row.to_dict()))
    equal = st.segmented_control(
        "Bins",
        list(EQUAL),
        default="width",
        format_func=EQUAL.__getitem__,
        key="calibration_equal",
        bind="query-params",
        required=True,
    )
    bins, line = (_own(result.tables[name], part, signal) for name in ("reliability", "line"))
    bins = bins[bins["equal"] == equal].reset_index(drop=True)
    apart = BAND if bins["band_low"].notna().all() else APART
    show.picture(figures.reliability(bins, line), bins, "calibration_diagram", DIAGRAM + apart)
    own = told(result, part, signal)
    with st.expander("Numbers of the dots, and the answers behind each"):
        columns = ["n", "low", "high", "confidence", "accuracy"]
        lines(
            bins[columns],
            own,
            lambda at: own["confidence"].between(bins["low"][at], bins["high"][at]),
            "calibration_bins",
        )
    kinds(result, part, signal, own)


def kinds(result: "ProbeResult", part: str, signal: str, own: pd.DataFrame) -> None:
    """The same by regime, by kind of question or by kind of byte."""
    table = _own(result.tables["measures"], part, signal)
    table = table[table["kind"] != "all"].sort_values("rows", ascending=False).reset_index(drop=True)
    if table.empty:
        st.caption("These answers are of one kind only, or none has 20 answers.")
        return
    caption = f"{KINDS} {BYTES}" if part == "text" else KINDS
    show.picture(figures.kinds(table), table.dropna(axis=1, how="all"), "calibration_kinds", caption)
    with st.expander("Numbers of the kinds, and the answers behind each"):
        names = ["kind", "rows", "confidence", "accuracy", "ece", "ece_low", "ece_high", "ece_band", "ece_p"]
        lines(table[names], own, lambda at: own["kind"] == table["kind"][at], "calibration_kind")


def all_of_them(result: "ProbeResult") -> None:
    """Errors and Brier scores of every confidence, side by side, with the answers behind each."""
    whole = overall(result)
    show.picture(figures.errors(whole), whole, "calibration_errors", ERRORS)
    show.picture(figures.split(whole), whole, "calibration_split", SPLIT)
    names = ["part", "signal", "rows", "ece", "ece_low", "ece_high", "ece_band", "ece_p", "ece_mass", "ece_mass_p"]
    names += ["brier", "miscalibration", "discrimination", "uncertainty", "log_loss", "auroc", "temperature"]
    names += [name for name in ("ece_after", "ece_after_p") if name in whole]
    with st.expander("All numbers, and the answers behind each"):
        event = st.dataframe(
            whole[names],
            hide_index=True,
            placeholder="undefined",
            on_select="rerun",
            selection_mode="single-row",
            key="calibration_numbers",
        )
        for at in event["selection"]["rows"]:
            row = whole.iloc[at]
            behind(row, told(result, row["part"], row["signal"]), "calibration_numbers")


def choose(whole: pd.DataFrame) -> tuple[str, str]:
    """Which answers, and which confidence in them; both stand in the URL."""
    left, right = st.columns(2, vertical_alignment="bottom")
    parts = list(dict.fromkeys(whole["part"]))
    part = left.selectbox(
        "Which answers?", parts, key="calibration_part", bind="query-params", format_func=lambda p: PARTS.get(p, p)
    )
    signals = whole["signal"][whole["part"] == part].tolist()
    if st.session_state.get("calibration_signal") not in (None, *signals):
        del st.session_state["calibration_signal"]  # the one that stood there belongs to other answers
    signal = right.selectbox(
        "Which confidence?",
        signals,
        signals.index("reply_p") if "reply_p" in signals else 0,
        key="calibration_signal",
        bind="query-params",
        format_func=described,
    )
    return part, signal


def described(signal: str) -> str:
    """A confidence with what it is."""
    says = SAYS.get(signal) or (SIGNALS[signal].says if signal in SIGNALS else "")
    return f"{signal}: {says}" if says else signal


def said(row: dict[Any, Any]) -> str:
    """What the figures of one confidence come to, in words."""
    sure, right, error = (measured(row, name) for name in ("confidence", "accuracy", "ece"))
    if sure is None or right is None or error is None:
        return "There is no answer that could be right or wrong, so nothing can be said."
    p, band = row["ece_p"], row["ece_band"]
    shown = f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"
    lead = "That is no more than chance makes" if p >= 0.05 else "Chance makes less"
    chance = f"{lead}: of models whose percentages are true, 95 % show less than {band:.3f} ({shown})."
    return (
        f"On {int(row['rows']):,} answers it says **{_share(sure)}** on average and is right in **{_share(right)}**. "
        f"The gap, mean over the bins (*ECE*), is {number(error)}. {chance} {cooled(row)}"
    )


def cooled(row: dict[Any, Any]) -> str:
    """What one temperature would do, in words."""
    heat = row.get("temperature")
    if heat is None or pd.isna(heat):
        return "There is no temperature: it takes 20 right and 20 wrong answers on calibration rows."
    after = number(measured(row, "ece_after"))
    way = "too sure" if heat > 1 else "not sure enough"
    return f"On calibration rows it was {way}: the best temperature is {heat:.2f}, and with it the gap here is {after}."


def told(result: "ProbeResult", part: str, signal: str) -> pd.DataFrame:
    """The answers that a confidence was read on, each with its question where there is one."""
    own = answers(result.tables["answers"], (part, f"ECE of {signal}")).drop(columns=["part", "signal"])
    if part == "text":
        return own.rename(columns={"row": "byte", "said": "text"}).reset_index(drop=True)
    names = [name for name in ("prompt", "reply", "outcome") if name in result.rows]
    joined = own.join(result.rows[names], on="row").set_index("row")
    return joined.dropna(axis=1, how="all")


def overall(result: "ProbeResult") -> pd.DataFrame:
    """The table of measures without the kinds."""
    table = result.tables["measures"]
    return table[table["kind"] == "all"].reset_index(drop=True)


def notes(result: "ProbeResult") -> None:
    """What to know before believing a figure."""
    for note in result.notes:
        st.caption(f"Note: {in_markdown(note)}")


def _own(table: pd.DataFrame, part: str, signal: str) -> pd.DataFrame:
    return table[(table["part"] == part) & (table["signal"] == signal)].reset_index(drop=True)


def _share(found: "Measured") -> str:
    assert found.value is not None
    return f"{100 * found.value:.1f} %"
