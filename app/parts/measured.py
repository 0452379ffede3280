"""What the intervention in force does, measured on the page's own text: a block at the top of pages that run a model.

The place is kept free first and filled last, so that the page's pictures do not wait for it.
"""

from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import services, sidebar
from probes.names import signed

if TYPE_CHECKING:
    from probes.effects import Effect

LABELS = ("Reading", "Writing", "Computing")


def reserve(name: str) -> DeltaGenerator:
    """Where the block will stand; it says that it is being measured if there is an intervention."""
    place = st.empty()
    if sidebar.interventions(name):
        with place.container(border=True):
            st.caption("Measuring what the intervention does to this text …")
    return place


def fill(place: DeltaGenerator, name: str, text: bytes) -> None:
    """Measure and show; nothing where there is no intervention."""
    if changes := sidebar.interventions(name):
        found = services.effect(name, text, changes)
        with place.container(border=True):
            st.markdown(f"What `{changes}` does to this text:")
            for column, label, finding in zip(st.columns(3), LABELS, found.findings, strict=True):
                column.metric(label, _headline(label, found), border=False)
                column.caption(finding.removeprefix(f"{label}: ").capitalize())


def _headline(label: str, found: "Effect") -> str:
    share = {"Writing": found.differing, "Computing": found.share_skipped}.get(label)
    if label == "Reading":
        return f"{signed(found.change.value or 0)} bpb"
    return "–" if share is None else f"{100 * share:.0f} % " + ("differs" if label == "Writing" else "skipped")
