"""What the Splice page is made of: which parts can be taken, what was taken, and where a splice is kept."""

import math
import re

import pandas as pd
import streamlit as st

from app import services, sidebar, theme
from app.parts import side_by_side
from probes.twins import unlike
from tilelli.errors import InputError, TilelliError
from tilelli.header import SPLICE, Header, read_header
from tilelli.splice import PARTS, Part, ingredients, origins, save_splice, taken

PLAIN = {
    "router": "how far each pathway is turned up, byte by byte",
    "local": "the look at the last few bytes",
    "sparse": "the look back for the best matches",
    "dense": "what is looked up of all that was learned",
    "block": "whole blocks: all of the above, and what holds them together",
    "abstain": "a guess that it should not answer; it changes no byte that is written",
}
NUMBER = st.column_config.NumberColumn
COLUMNS = {"weights": NUMBER(format="localized", width="small"), "part": st.column_config.TextColumn(width="small")}
NOTHING = (
    "Nothing of this checkpoint fits: parts can be exchanged only between models of one shape. Two runs of one recipe "
    "with different seeds fit in every part, and so do a model and what was tuned from it."
)
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def choose(name: str) -> str | None:
    """Donor, blocks and parts; the name of the splice, or None if there is none yet."""
    if not (others := donors(name)):
        st.info("There is no other checkpoint to take anything from. The Checkpoints page says how to get one.")
        return None
    if st.session_state.get("splice_donor") not in (None, *others):
        st.session_state.splice_donor = others[0]  # the one that stood there is now the base, or gone
    side_by_side.begin_with("splice_donor", others[0])
    donor = st.selectbox("Donor: take it from", others, None, key="splice_donor", bind="query-params")
    if donor is None:
        return None
    base, other = read_header(name), read_header(donor)
    n = min(base.config.n_blocks, other.config.n_blocks)
    first, last = 1, n
    if n > 1:
        first, last = st.select_slider(
            "In blocks", range(1, n + 1), (1, n), key=f"splice_blocks_{n}", bind="query-params"
        )
    whole = (first, last) == (1, base.config.n_blocks) and n == other.config.n_blocks
    blocks = None if whole else (first - 1, last - 1)
    found = parts_between(base, other, blocks)
    st.dataframe(table(found), hide_index=True, column_config=COLUMNS, placeholder="–")
    st.caption(
        "  \n".join(f"**{kind}** does not fit. {what}." for kind, what in found.items() if isinstance(what, str))
    )
    if not (fitting := [kind for kind, what in found.items() if isinstance(what, int)]):
        st.info(NOTHING)
        return None
    if "splice_parts" in st.session_state:
        st.session_state.splice_parts = [kind for kind in st.session_state.splice_parts or [] if kind in fitting]
    side_by_side.begin_with("splice_parts", fitting[:1])
    kinds = st.pills("Take", fitting, selection_mode="multi", key="splice_parts", bind="query-params")
    parts = "+".join(str(Part(kind, None if kind == "abstain" else blocks)) for kind in kinds)
    return f"{name}{SPLICE}{parts}{SPLICE}{donor}" if parts else None


def donors(name: str) -> list[str]:
    """Checkpoints that something can be taken from, those most like the base first."""
    config = read_header(name).config
    entries = [entry for entry in services.checkpoints() if entry.header and entry.name != name]
    entries.sort(key=lambda entry: len(unlike(config, entry.header.config)) if entry.header else 0)
    return [entry.name for entry in entries]


def parts_between(base: Header, donor: Header, blocks: tuple[int, int] | None) -> dict[str, int | str]:
    """Each kind of part: how many weights it would bring, or why it does not fit. Blocks count from 0."""
    found: dict[str, int | str] = {}
    for kind in PARTS:
        part = Part(kind, None if kind == "abstain" else blocks)
        try:
            found[kind] = sum(math.prod(donor.shapes[key]) for key in taken(base, donor, [part]))
        except TilelliError as error:
            found[kind] = f"{error.happened}: {error.seen}"
    return found


def table(found: dict[str, int | str]) -> pd.DataFrame:
    """The same for the reader: one row a part."""
    rows = [
        (kind, what, "yes", PLAIN[kind]) if isinstance(what, int) else (kind, None, "no", PLAIN[kind])
        for kind, what in found.items()
    ]
    return pd.DataFrame(rows, columns=["part", "weights", "does it fit?", "what it is"]).astype({"weights": "Int64"})


def account(name: str) -> str:
    """What a splice took, as Markdown."""
    first, parts, second = ingredients(name)
    base, donor = read_header(first), read_header(second)
    keys = taken(base, donor, parts)
    new, total = sum(math.prod(donor.shapes[key]) for key in keys), read_header(name).num_parameters
    return (
        f"`{'+'.join(map(str, parts))}` of `{second}` in the place of the same in `{first}`: {new:,} of {total:,} "
        f"weights ({theme.percent(new / total)}), in {len(keys)} tensors."
    )


def ancestry(name: str) -> None:
    """Of a base that is itself a splice: what it is made of, and the way back."""
    if SPLICE in name:
        whole = origins(name)[0]
        st.info(f"The base is a splice itself: {account(name)}")
        st.button(f"Back to {whole}", on_click=_choose, args=(whole,), key="splice_back", icon=":material/undo:")


def use_or_keep(name: str) -> None:
    """Put the splice into the sidebar, or save it."""
    if kept := st.session_state.pop("splice_kept", None):
        st.success(f"Saved as `{kept}`, with its ancestry. It is among the checkpoints in the sidebar.")
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    left.button(
        "Use this splice on every page",
        type="primary",
        on_click=sidebar.remember_splice,
        args=(name,),
        key="splice_use",
    )
    if services.read_only():
        st.caption("This dashboard is shared for reading: splices can be used here, but not saved.")
        return
    folder = services.checkpoint_folder()
    label = middle.text_input(
        "Save it under the name", "my-splice", key="splice_name", help=f"A new folder in {folder}."
    )
    if right.button("Save it", key="splice_save", width="stretch"):
        if not FILE_NAME.fullmatch(label.strip()):
            raise InputError("This cannot be the name of a folder", repr(label[:40]), "Use letters, digits, _ . and -.")
        st.session_state.splice_kept = str(save_splice(name, folder / label.strip()))
        st.rerun()


def _choose(name: str) -> None:
    st.session_state.checkpoint = name
