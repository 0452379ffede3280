"""What holds on every page: which checkpoint is looked at, and what is done to its routers. Both stand in the URL."""

import streamlit as st

from app import services
from tilelli.config import PATHWAYS
from tilelli.errors import TilelliError
from tilelli.header import SPLICE, read_header
from tilelli.interventions import ACTIONS, Intervention, parse, written


def choose_checkpoint() -> str | None:
    """The shared picker in the sidebar; None if there is no checkpoint at all."""
    entries = [entry for entry in services.checkpoints() if entry.header]
    asked = st.query_params.get("checkpoint")
    names = [entry.name for entry in entries] + _splices(asked)
    if not names:
        st.sidebar.warning("No checkpoint here yet. The Checkpoints page says how to get one.")
        return None
    if asked and asked not in names:
        st.sidebar.warning(f"The link names a checkpoint that is not here: `{asked[:80]}`. Showing {names[0]} instead.")
    return st.sidebar.selectbox("Checkpoint", names, key="checkpoint", bind="query-params", help="On every page.")


def choose_interventions(name: str | None) -> None:
    """What is done to the routers, in the sidebar and in the URL: it holds on every page that runs a model."""
    routed = name is not None and read_header(name).config.kind == "routed"
    with st.sidebar.expander("Intervene", icon=":material/build:", key="intervene"):
        st.text_input(
            "Interventions",
            key="interventions",
            bind="query-params",
            placeholder="remove:sparse@1",
            max_chars=400,
            help="What is done to the router's weights on every page that runs a model, one word after another.",
        )
        if name is None or not routed:
            st.caption("This checkpoint has no routers: nothing is changed.")
            return
        _build_intervention(read_header(name).config.n_blocks)
    try:
        if found := interventions(name):
            st.sidebar.warning(f"Under intervention: `{found}`", icon=":material/build:")
            st.sidebar.button("End the intervention", on_click=_set_interventions, args=("",), key="intervene_end")
    except TilelliError as error:
        st.sidebar.error(str(error))


def interventions(name: str) -> str:
    """The interventions that hold for a checkpoint, as they are written; empty for none, and for a vanilla model.

    Raises:
        InputError: what stands in the sidebar is not an intervention, or not one in this model.
    """
    config = read_header(name).config
    if config.kind != "routed":
        return ""
    found = parse(st.session_state.get("interventions") or "")
    for intervention in found:
        intervention.check(config)
    return written(found)


def _build_intervention(n_blocks: int) -> None:
    """Widgets that put the words together, for those who do not know them."""
    action = st.selectbox("What to do", list(ACTIONS), key="intervene_action")
    meaning = ACTIONS[action]
    st.caption(meaning.sentence)
    pathways: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    if meaning.pathways:
        picked = st.multiselect("Pathways", PATHWAYS, PATHWAYS[: meaning.pathways], key=f"intervene_{action}_pathways")
        pathways = tuple(picked)
    if meaning.numbers:
        labels = PATHWAYS if meaning.numbers == len(PATHWAYS) else ("Number",)
        columns = st.columns(meaning.numbers)
        numbers = tuple(
            column.number_input(label, 0.0, 1e6, 0.1, 0.1, key=f"intervene_{action}_{label}")
            for column, label in zip(columns, labels, strict=True)
        )
    first, last = st.select_slider("Blocks", range(1, n_blocks + 1), (1, n_blocks)) if n_blocks > 1 else (1, 1)
    st.button("Add", on_click=_add, args=(action, pathways, numbers, first, last, n_blocks), key="intervene_add")


def _add(
    action: str, pathways: tuple[str, ...], numbers: tuple[float, ...], first: int, last: int, n_blocks: int
) -> None:
    blocks = None if (first, last) == (1, n_blocks) else (first - 1, last - 1)
    try:
        added = str(Intervention(action, pathways, numbers, blocks))
    except TilelliError as error:
        st.toast(str(error), icon=":material/error:")
        return
    _set_interventions(f"{st.session_state.get('interventions') or ''} {added}".strip())


def _set_interventions(text: str) -> None:
    st.session_state.interventions = text


def remember_splice(name: str) -> None:
    """Put a splice among the checkpoints of this session, and choose it."""
    st.session_state.setdefault("splices", []).append(name)
    st.session_state.checkpoint = name


def _splices(asked: str | None) -> list[str]:
    """Splices made in this session, and the one that the link names, if it can be made here."""
    found = list(dict.fromkeys(st.session_state.get("splices", [])))
    if asked and SPLICE in asked and asked not in found:
        try:
            read_header(asked)
        except TilelliError as error:
            st.sidebar.warning(str(error))
        else:
            st.session_state.setdefault("splices", []).append(asked)
            found.append(asked)
    return found
