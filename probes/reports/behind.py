"""Which rows stand behind a figure.

Of every probe it is known by the part: a figure of a part comes from the rows of that part, and one whose part is no
part of the rows from all of them. Where more is known, as of a share of the answerable questions, or of a regime that
is held against another, it is told here; the `n` of a figure shows whether these are just its rows.
"""

from collections.abc import Callable

import pandas as pd

from probes.banks import CALIBRATION
from probes.result import Place, ProbeResult

Which = Callable[[pd.DataFrame], "pd.Series[bool]"]
OTHER_NAMES = ("failure: ",)  # under which a part of the rows may stand among the figures


def _everything(rows: pd.DataFrame) -> "pd.Series[bool]":
    return pd.Series(True, rows.index, dtype=bool)


def _right(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows["outcome"] == "right"


def _spoken(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows["outcome"].isin(("right", "wrong", "answered"))


SHARES: dict[tuple[str, str], tuple[Which, Which]] = {
    ("abstain", "hallucination"): (lambda rows: ~rows["answerable"], lambda rows: rows["outcome"] == "answered"),
    ("abstain", "false inability"): (
        lambda rows: rows["answerable"],
        lambda rows: rows["outcome"].str.startswith("abstained"),
    ),
    ("abstain", "coverage"): (_everything, _spoken),
    ("abstain", "selective accuracy"): (_spoken, _right),
    ("abstain", "right, closed world"): (lambda rows: rows["answerable"] & (rows["category"] == "facts"), _right),
}
"""By probe and figure: which rows of a part count, and in which of them it happened."""


def behind(result: ProbeResult, place: Place) -> "pd.Series[bool]":
    """Of each row of a result whether it stands behind a figure."""
    part, name = place
    if result.probe in READ:
        return READ[result.probe](result, place)
    own = of_part(result.rows, part)
    if (result.probe, name) not in SHARES:
        return own
    counted, _ = SHARES[result.probe, name]
    return own & counted(result.rows).astype(bool)


def of_part(rows: pd.DataFrame, part: str) -> "pd.Series[bool]":
    """Of each row whether it is of a part; all are where no row is."""
    for prefix in ("", *OTHER_NAMES):
        if "part" in rows and part.startswith(prefix) and (own := rows["part"] == part.removeprefix(prefix)).any():
            return own
    return _everything(rows)


def _regime(result: ProbeResult, place: Place) -> "pd.Series[bool]":
    """A regime beside the domain; of failure, replies that are right or wrong. Forced choices are none of the rows."""
    part, rows = place[0], result.rows
    read = rows["split"] != CALIBRATION
    if part.startswith("failure: "):
        own = part.removeprefix("failure: ")
        return read & rows["right"].notna() & ((rows["part"] == own) | (own == "all"))
    return read & (rows["part"].isin(("in_domain", part)) | (part == "in_domain")) & (part != "choices")


def _confident(result: ProbeResult, place: Place) -> "pd.Series[bool]":
    """Those whose confidence was read; bytes of a text are none of the rows."""
    if "answers" not in result.tables:  # as results were kept once
        return of_part(result.rows, place[0])
    own = answers(result.tables["answers"], place)
    return pd.Series(result.rows.index.isin(own["row"]) & (place[0] != "text"), result.rows.index)


def answers(table: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Those of the `answers` of the calibration probe that a figure such as `ECE of reply_p` was computed from."""
    part, kind = place[0], ""
    if part not in set(table["part"]):
        part, _, kind = part.partition(": ")
    own = table[(table["part"] == part) & (table["signal"] == place[1].rpartition(" of ")[2])]
    return own[own["kind"] == kind] if kind else own


READ: dict[str, Callable[[ProbeResult, Place], "pd.Series[bool]"]] = {
    "metacognition": _regime,
    "calibration": _confident,
}
"""By probe: which rows a figure was read on."""
