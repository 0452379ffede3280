"""What probes have found of checkpoints that are compared: stored results on the same questions, side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from app import services, stored
from app.parts.side_by_side import Side
from probes.report import number

if TYPE_CHECKING:
    from probes.store.store import Entry

NONE = (
    "No probe has been put to two of them with the same questions and settings. `python -m probes sweep --checkpoints "
    "{names} --probes all --quick` puts all of them."
)


def page(sides: Sequence[Side]) -> None:
    """A table for each probe that at least two sides have a result of; interventions are not part of any result."""
    plain = [side for side in sides if not side.interventions]
    shared = gather(plain, stored.history())
    if not shared:
        st.caption(NONE.format(names=" ".join(dict.fromkeys(side.name for side in sides))))
    for title, found in shared.items():
        ids = urlencode({"ids": [entry.id for entry in found.values()]}, doseq=True)
        st.markdown(f"**{title}** · [with intervals of the differences](/results?{ids})")
        results = {letter: stored.result(entry.id, entry.time) for letter, entry in found.items()}
        places = list(dict.fromkeys(place for result in results.values() for place in result.figures))
        rows = [
            {"part": part, "figure": figure}
            | {letter: number(result.figures.get((part, figure))) for letter, result in results.items()}
            for part, figure in places
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, height="content" if len(rows) < 10 else 320)


def gather(sides: Sequence[Side], history: "Sequence[Entry]") -> "dict[str, dict[str, Entry]]":
    """Probe, bank and seed -> letter -> newest result, where at least two sides have one of the same settings."""
    letters: dict[str, list[str]] = {}
    for side in sides:
        letters.setdefault(services.identity(side.name), []).append(side.letter)
    alike: dict[str, dict[str, Entry]] = {}
    told: dict[str, str] = {}
    for entry in history:  # newest first
        run = f"{entry.probe} {entry.bank} {sorted(entry.settings.items())} {entry.seed}"
        on = f" on {entry.bank_name}" if entry.bank_name else ""
        told.setdefault(run, f"{entry.probe}{on}, seed {entry.seed}")
        for letter in letters.get(entry.weights, []):
            alike.setdefault(run, {}).setdefault(letter, entry)
    return {told[run]: dict(sorted(found.items())) for run, found in alike.items() if len(found) > 1}
