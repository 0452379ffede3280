"""Which checkpoints stand side by side, and under which interventions. All of it stands in the URL.

The first is the one in the sidebar. The sidebar's interventions hold for every routed checkpoint that is compared; so
that a model can be held against its own intervened self, it may stand there once more without them.
"""

import shlex
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from app import services, show, sidebar
from probes.compare import LETTERS, Comparison, Reading, compare, facts
from probes.twins import Twins, from_traces, read_by_both, unlike
from tilelli.errors import TilelliError
from tilelli.header import SPLICE, read_header

RULE = "The interventions in the sidebar hold for every routed checkpoint here."
NUMBER = st.column_config.NumberColumn
COLUMNS = {
    "reading": st.column_config.TextColumn("", width="small"),
    "parameters": NUMBER(format="localized"),
    "file_bytes": NUMBER("file", format="bytes", help="A splice has a file once it has been saved."),
    "bytes_seen": NUMBER("trained on", format="bytes", help="Bytes of text read in training, those read twice twice."),
    "held_out_bpb": NUMBER("own held-out bpb", format="%.3f", help="As it says of itself, each on a text of its own."),
}
PYTHON = """
from probes.compare import compare, read

text = {text!r}
result = compare(text, [read(name, text, changes) for name, changes in {sides!r}])
print(result.table.round(4).to_string(), *result.findings, sep="\\n")
"""
TWINS = """
from probes.twins import between
from tilelli.base import ByteLM
from tilelli.checkpoint import load

pair = load({one!r}, ByteLM), load({other!r}, ByteLM)
print(*between(*pair, text, {changes!r}).findings, sep="\\n")
"""


class Side(NamedTuple):
    """One of those compared: what it is called here, its checkpoint, and its interventions as they are written."""

    letter: str
    name: str
    interventions: str

    @property
    def label(self) -> str:
        """The same as Markdown."""
        under = f" under `{self.interventions}`" if self.interventions else ""
        return f"**{self.letter}** `{self.name}`{under}"


def choose(first: str) -> list[Side]:
    """The checkpoint of the sidebar and up to three more; what cannot be compared is said in words and left out."""
    changes = sidebar.interventions(first)
    unchanged = bool(changes) and st.toggle(
        f"Also show {first} without the intervention", key="compare_unchanged", bind="query-params"
    )
    names, most = _known(first), len(LETTERS) - 1 - unchanged
    _prepare(first, names, most)
    picked = st.multiselect(
        "Compare with", names, key="compare_with", bind="query-params", max_selections=most, help=f"At most {most}."
    )
    if sidebar_text := st.session_state.get("interventions"):
        st.caption(f"{RULE} In force: `{sidebar_text}`")
    return lettered([(first, changes), *([(first, "")] if unchanged else []), *usable(picked)])


def lettered(sides: list[tuple[str, str]]) -> list[Side]:
    """Names and interventions as A, B and so on."""
    return [Side(letter, *side) for letter, side in zip(LETTERS, sides, strict=False)]


def usable(names: list[str]) -> list[tuple[str, str]]:
    """Each with the interventions that hold for it; left out, with a sentence, where they do not fit."""
    found = []
    for name in names:
        try:
            found.append((name, sidebar.interventions(name)))
        except TilelliError as error:
            st.warning(f"`{name}` is left out. {error}")
    return found


def begin_with(key: str, value: Any) -> None:
    """What a widget bound to the URL stands at when nobody has chosen yet; call it before the widget is drawn.

    Unlike a default it stands in the URL, so that a link means the same where other checkpoints are at hand.
    """
    if key not in st.session_state and key not in st.query_params:
        st.session_state[key] = value
        st.query_params[key] = value


def facts_of(sides: list[Side]) -> pd.DataFrame:
    """What each says of itself, and what is done to its routers."""
    table = facts([side.name for side in sides], [read_header(side.name) for side in sides])
    if any(side.interventions for side in sides):
        table.insert(2, "under", [side.interventions or "–" for side in sides])
    return table


def read(sides: list[Side], text: bytes) -> Comparison:
    """Let all of them read a text."""
    return compare(
        text, [Reading(s.name, s.interventions, services.bits(s.name, text, s.interventions)) for s in sides]
    )


def twins(first: Side, other: Side, text: bytes) -> Twins:
    """What differs inside two of one shape; raises InputError for others."""
    beginning = read_by_both(read_header(first.name).config, read_header(other.name).config, text)
    traces = [services.trace(side.name, beginning, side.interventions) for side in (first, other)]
    return from_traces(traces, services.drift(first.name, other.name), other.letter)


def twins_of_first(sides: list[Side]) -> list[Side]:
    """Those of one shape with the first; of the others it is said why not."""
    first = read_header(sides[0].name).config
    odd = {side: unlike(first, read_header(side.name).config) for side in sides[1:]}
    for side, settings in odd.items():
        if settings:
            st.caption(
                f"{side.label} is not of one shape with A ({', '.join(settings)}): only twins can be looked into."
            )
    return [side for side, settings in odd.items() if not settings]


def elsewhere(sides: list[Side], text: bytes, inside: bool = True) -> tuple[str, str]:
    """The same figures in Python and on the command line; `inside` tells whether what differs inside is wanted too."""
    first, *others = sides
    python = PYTHON.format(text=text, sides=[(side.name, side.interventions) for side in sides])
    if inside and (
        alike := [s for s in others if not unlike(*(read_header(name).config for name in (first.name, s.name)))]
    ):
        changes = (first.interventions, alike[0].interventions)
        python += TWINS.format(one=first.name, other=alike[0].name, changes=changes)
    again = others[0].name == first.name  # the first without the intervention
    names = " ".join(f"--checkpoint {shlex.quote(s.name)}" for s in [first, *others[again:]])
    under = next((side.interventions for side in sides if side.interventions), "")
    options = f" --intervene {shlex.quote(under)}" * bool(under) + " --also-unchanged" * again
    return python, f"{show.as_file(text, 'text.txt')}\npython -m probes run compare {names} --text text.txt{options}"


def _known(first: str) -> list[str]:
    """All that can be compared with the first: checkpoints, this session's splices, and those that the link names."""
    names = [entry.name for entry in services.checkpoints() if entry.header] + st.session_state.get("splices", [])
    for asked in st.query_params.get_all("compare_with"):
        if SPLICE in asked and asked not in names:
            try:
                read_header(asked)
                names.append(asked)
            except TilelliError as error:
                st.warning(str(error))
        elif asked not in names:
            st.warning(f"The link names a checkpoint that is not here: `{asked[:80]}`.")
    return [name for name in dict.fromkeys(names) if name != first]


def _prepare(first: str, names: list[str], most: int) -> None:
    """Before the widget is drawn: some choice to begin with, one of the other kind if there is any, and none that it
    would refuse."""
    kind = read_header(first).config.kind
    names = sorted(names, key=lambda name: read_header(name).config.kind == kind)
    if "compare_with" in st.session_state:
        kept = [name for name in st.session_state.compare_with if name in names][:most]
        st.session_state.compare_with = kept or (names[:1] if st.session_state.compare_with else [])
    begin_with("compare_with", names[:1])
