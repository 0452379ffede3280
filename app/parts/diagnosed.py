"""The parts of the Diagnostics page: what each of its three probes found, as pictures that open their rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from app import show, theme
from app.figures import diagnostics as figures
from app.figures.forest import forest
from app.parts.opened import lines
from probes.context import WRITING
from probes.copying import AUTHORS, COPIES, COST, EXTRACTED, HELD, LINE, TRAIN, WRITTEN
from probes.coverage import ALPHABET, CAPITALS, CASES
from probes.metrics import Measured
from probes.planted import PART as PLANTED
from probes.report import number
from probes.reports.behind import behind
from probes.scripts import BYTES, CHARACTERS, FREQUENCIES
from probes.sliding import LOOKED, REACH, READING, SLIDING
from probes.wellformed import NOTHING, SENTENCE

if TYPE_CHECKING:
    from probes.result import Place, ProbeResult

Rows = Callable[[pd.DataFrame, "Place"], "pd.Series[bool]"]
"""Of each row of a table whether it stands behind a figure."""

INTERVALS = "Lines are 95 % intervals"
POSITION = "Does it read better further on?"
UNITS = (BYTES, FREQUENCIES, CHARACTERS)
EVEN = 8.0  # bits a byte of a guess among all 256
RUNS = (
    "How many of the texts have a run of at least so many bytes that stands word for word in the training text. Where "
    "the line of the model is above that of the authors, it copies more than people do. Dashed: as long as a line."
)
WITHOUT = (
    "**Without the text it was trained on, nothing can be told here**: whether a sentence is its own or copied is not "
    "written in the weights. Name the text above, or upload it: text, JSONL or Parquet, a file or a folder. A text of "
    "the same kind that it was not trained on says how much of that any text shares; without one, the part "
    "that training holds out of the text is taken."
)
SCRIPTS = (
    "Blue: bits the model needs for a byte of each script. Diamonds: what one would need who knew nothing but how "
    "frequent each byte is in it. Where blue is not clearly left of its diamond, the script was hardly taught. "
    f"{INTERVALS}; sentences are drawn again."
)
CASED = (
    "The same text, once in small letters and once in capitals. Dashed: a blind guess among 26 letters. What stands "
    f"there or beyond acts as unknown. {INTERVALS}; texts are drawn again."
)
CLASSES = f"Bits for a byte of each kind. Dashed: a blind guess among 256. {INTERVALS}; texts are drawn again."
VALID = (
    "How many of the texts that it writes are valid UTF-8. The hotter, the more often a byte comes that belongs to no "
    f"character. {INTERVALS} (Wilson)."
)
LANGUAGES = "Bits for a character of each language, the easiest first: this compares what it costs to say the same."
POSITIONS = (
    "Bits for a byte by where in the window it stands, in eight stretches. It falls as far as the bytes before help. "
    f"{INTERVALS}; windows are drawn again."
)
SLIDES = (
    "The same bytes read twice: with nearly a full window before them, and as if the window had just slid, with half "
    f"of one. {INTERVALS}; windows are drawn again."
)
NAMES = (
    "How many bits it saves at a name for having read it so many bytes before: at the level dashed line nothing. Right "
    "of the upright one it is out of sight. "
    f"{INTERVALS}; pairs of names are drawn again."
)
REPEATS = (
    "Of what it writes, how much it has written just before: within its context, and where the beginning is out of "
    f"sight. {INTERVALS}; texts are drawn again."
)


def without_text() -> None:
    """What is said where no training text is named."""
    st.info(WITHOUT)
    st.plotly_chart(figures.copied(None, LINE), key="diagnostics_memorization_waiting")


def waiting(look: str) -> go.Figure:
    """What is shown before anything was asked."""
    if look == "memorization":
        return figures.copied(None, LINE)
    what = {"coverage": figures.SCRIPTS, "context": POSITION}
    return theme.empty(what[look], "As soon as it was asked.")


def memorization(result: "ProbeResult") -> None:
    """Copied runs, extraction, and what both texts cost."""
    rows = result.rows
    own = rows[rows["part"] == COPIES.part]
    runs = {"the model": own["copied"].tolist(), "authors": own["held_out_copied"].tolist()}
    table = pd.DataFrame([each._asdict() for each in figures.steps(runs)]).explode(["lengths", "shares"])
    show.picture(figures.copied(runs, LINE), table, "diagnostics_runs", RUNS)
    with st.expander("The texts, the longest copies first"):
        shown = own.sort_values("copied", ascending=False, kind="stable")
        columns = ["copied", "copied_text", "held_out_copied", "prefix", "written"]
        st.dataframe(shown[columns], hide_index=True, key="diagnostics_longest")
    shares = [(COPIES.part, f"share with a copied line, {who}") for who in (WRITTEN, AUTHORS)]
    shares += [(EXTRACTED.part, f"share word for word, {side}") for side in (TRAIN, HELD)]
    said = f"*Goes on as*: given the first bytes of a document, it goes on word for word as that does. {INTERVALS}."
    named = ["writes a line that is there", "authors do", "goes on as training text does", "as held-out text does"]
    _forest(result, "How often does it copy?", shares, "diagnostics_copies", said, None, named, x="share of texts")
    said = (
        f"What text costs less for having been trained on was learnt by heart. {INTERVALS}; documents are drawn again."
    )
    costs = [(COST, side) for side in (TRAIN, HELD)]
    _forest(result, "Is training text cheaper?", costs, "diagnostics_cost", said, labels=[TRAIN, HELD], x="bits a byte")


def coverage(result: "ProbeResult") -> None:
    """Scripts, capitals, classes of bytes, valid UTF-8, languages."""
    found = {name: {part: own for (part, of), own in result.figures.items() if of == name} for name in UNITS}
    floors = {part: own.value for part, own in found[FREQUENCIES].items() if own.value is not None}
    fig = figures.scripts(found[BYTES], floors)
    places = [(part, name) for part in found[BYTES] for name in UNITS]
    _opened(result, fig, places, "diagnostics_scripts", SCRIPTS)
    _languages(result.tables["languages"])
    cases = [(CAPITALS.part, f"bits a letter, {case}") for case in CASES]
    texts = result.tables["capitals"]
    title, key = "Does it know its letters in capitals?", "diagnostics_capitals"
    _forest(result, title, cases, key, CASED, ALPHABET, list(CASES), (texts, _all), "bits a letter")
    kinds = [place for place in result.figures if place[0] == "byte class"]
    title, key, named = "What does each kind of byte cost?", "diagnostics_classes", [name for _, name in kinds]
    own = (texts, _all) if result.provenance["texts"] else None  # a text that is named is in no row of the bank
    _forest(result, title, kinds, key, CLASSES, EVEN, named, own, "bits a byte")
    _valid(result)


def context(result: "ProbeResult") -> None:
    """Position, sliding, planted names, questions, writing past the context, reach of attention."""
    by = {place: _middle(place[1]) for place in result.figures if place[1].startswith("bits per byte, places")}
    line = {"": {where: result.figures[place] for place, where in by.items()}}
    fig = figures.along(POSITION, line, "byte of the window", "bits a byte")
    _opened(result, fig, list(by), "diagnostics_positions", POSITIONS)
    slides = [(READING, f"bits per byte, {when}") for when in ("before the window slides", "after it slid")]
    named = ["before it slides", "after it slid"]
    said = f"{SLIDES} Before less after, byte by byte: {number(result.figures[READING, SLIDING.figure])}."
    _forest(
        result,
        "What does forgetting half of it cost?",
        slides,
        "diagnostics_slides",
        said,
        None,
        named,
        x="bits a byte",
    )
    _planted(result)
    asked = [place for place in result.figures if place[0].startswith("bank, ")]
    if asked:
        named = [f"{part.removeprefix('bank, ')}, {_short(name)}" for part, name in asked]
        said = (
            "How many questions behind more and more text it answers rightly: those that fit into its context, and "
            f"those that do not. {INTERVALS} (Wilson)."
        )
        asked_about = (result.tables["replies"], _replied)
        _forest(result, "Does it still answer?", asked, "diagnostics_replies", said, None, named, asked_about, "share")
    wrote = [(WRITING, f"{what} {when}") for what in ("repeated", "valid UTF-8,") for when in ("before", "past")]
    named = [f"{what}, {when}" for what in ("repeated", "valid UTF-8") for when in ("within", "past it")]
    title, key = "Does it repeat itself past its context?", "diagnostics_writing"
    _forest(result, title, wrote, key, REPEATS, None, named, (result.tables["writing"], _all), "share")
    if far := [place for place in result.figures if place[0] == REACH]:
        said = f"Bytes between a byte and those it attends to, on average. {INTERVALS}; windows are drawn again."
        looked = (result.rows.head(LOOKED), _all)
        title, named = "How far back does its attention look?", [name for _, name in far]
        _forest(result, title, far, "diagnostics_reach", said, None, named, looked, "bytes")


LOOKS: dict[str, Callable[["ProbeResult"], None]] = {
    "memorization": memorization,
    "coverage": coverage,
    "context": context,
}


def _languages(table: pd.DataFrame) -> None:
    """Every language, the easiest first."""
    if table.empty:
        return
    table = table.sort_values("bits_per_character", ignore_index=True)
    ends = ["bits_per_character", "bits_per_character_low", "bits_per_character_high", "n"]
    plain = table[ends].astype(object).where(table[ends].notna(), None)
    found = {row[0]: [Measured(*row[1:])] for row in zip(table["language"], *plain.to_numpy().T, strict=True)}
    with st.expander(f"Each of {len(table)} languages"):
        fig = forest("What does each language cost?", found, x="bits a character")
        show.picture(fig, table, "diagnostics_languages", LANGUAGES)


def _valid(result: "ProbeResult") -> None:
    """Valid UTF-8 by temperature."""
    places = [place for place in result.figures if place[1].startswith("valid UTF-8 ")]
    series = {
        kind: {_degrees(p): result.figures[p] for p in places if p[1].endswith(kind)} for kind in (NOTHING, SENTENCE)
    }
    fig = figures.along("Is what it writes text at all?", series, "temperature", "share that is valid UTF-8")
    fig.update_yaxes(tickformat=".0%")
    _opened(result, fig, places, "diagnostics_valid", VALID, (result.tables["writing"], _wrote))


def _planted(result: "ProbeResult") -> None:
    """What a name saves, by how far back it was read."""
    lead = "bits saved, "
    places = [place for place in result.figures if place[0] == PLANTED and place[1].startswith(lead)]
    line = {"": {_number(place[1]): result.figures[place] for place in places}}
    size = max(int(name.rpartition(" ")[2]) for part, name in result.figures if "places" in name) + 1
    title = "Does it still know a name it has read?"
    fig = figures.along(title, line, f"bytes back; its context has {size}", "bits saved", across=0, up=size)
    _opened(result, fig, places, "diagnostics_planted", NAMES, (result.tables["planted"], _at_distance))


def _forest(
    result: "ProbeResult",
    title: str,
    places: "Sequence[Place]",
    key: str,
    said: str,
    reference: float | None = None,
    labels: Sequence[str] | None = None,
    rows: tuple[pd.DataFrame, Rows] | None = None,
    x: str = "",
) -> None:
    """Figures as lines, called by their names or `labels`; `x` is their unit."""
    called = labels or [name for _, name in places]
    drawn: Mapping[str, Sequence[Measured | None]] = {
        label: [result.figures[place]] for label, place in zip(called, places, strict=True)
    }
    _opened(result, forest(title, drawn, reference=reference, x=x), places, key, said, rows)


def _opened(
    result: "ProbeResult",
    fig: go.Figure,
    places: "Sequence[Place]",
    key: str,
    said: str,
    rows: tuple[pd.DataFrame, Rows] | None = None,
) -> None:
    """A picture, and its figures as numbers that open the rows behind them: those of the result, or of a table."""
    summary = result.summary().set_index(["part", "figure"]).loc[list(places)].reset_index()
    show.picture(fig, summary, key, said)
    table, which = rows or (result.rows, lambda _, place: behind(result, place))
    with st.expander("Numbers, and the rows behind each"):
        lines(summary, table, lambda line: which(table, places[line]), f"{key}_numbers")


def _all(rows: pd.DataFrame, place: "Place") -> "pd.Series[bool]":
    return pd.Series(True, rows.index, dtype=bool)


def _wrote(rows: pd.DataFrame, place: "Place") -> "pd.Series[bool]":
    return (rows["temperature"] == _degrees(place)) & ((rows["given"] == "") == place[1].endswith(NOTHING))


def _replied(rows: pd.DataFrame, place: "Place") -> "pd.Series[bool]":
    return (rows["part"] == place[0].removeprefix("bank, ")) & (rows["fits"] == place[1].removeprefix("right, "))


def _short(name: str) -> str:
    """`right, fits into the context` -> `fits`."""
    return "fits" if "fits" in name else "too long"


def _at_distance(rows: pd.DataFrame, place: "Place") -> "pd.Series[bool]":
    return rows["distance"] == _number(place[1])


def _degrees(place: "Place") -> float:
    """`temperature 0.8` -> 0.8."""
    return float(place[0].removeprefix("temperature "))


def _number(name: str) -> float:
    """The distance in `bits saved, 40 bytes back`."""
    return float(name.split(", ")[1].split()[0])


def _middle(name: str) -> float:
    """The middle of `bits per byte, places 0 to 31`."""
    first, last = name.partition("places ")[2].split(" to ")
    return (int(first) + int(last)) / 2
