"""Which rows stand behind a figure.

Of every probe it is known by the part: a figure of a part comes from the rows of that part, and one whose part is no
part of the rows from all of them. Where more is known, as of a share of the answerable questions, it is told here; the
`n` of a figure shows whether these are just its rows.
"""

from collections.abc import Callable

import pandas as pd

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
