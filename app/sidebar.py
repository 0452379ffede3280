"""What holds on every page: which checkpoint is looked at, and what is done to its routers. Both stand in the URL."""

import itertools

import streamlit as st

from app import services
from tilelli.config import PATHWAYS, ModelConfig
from tilelli.errors import TilelliError
from tilelli.header import SPLICE, read_header
from tilelli.interventions import ACTIONS, Intervention, parse, written

SAID = {  # each action as it is offered, and as it is told: with its pathways, or its numbers
    "remove": ("Remove a pathway", "{0} is removed"),
    "force": ("Use one pathway only", "only {0} is used"),
    "swap": ("Swap two pathways", "{0} are swapped"),
    "flatten": ("Weigh all pathways alike", "all pathways weigh alike"),
    "shuffle": ("Shuffle the weights", "weights are shuffled (seed {1})"),
    "top": ("Keep the heaviest only", "only the heaviest pathway of each byte is left"),
    "skip": ("Drop small weights", "weights below {1} are dropped"),
    "set": ("Set the weights", "local, sparse and dense weigh {1}"),
    "zero": ("Switch a block off", "nothing is added"),
}
NUMBERS = {  # what is asked for: label, what it stands at, step, most
    "shuffle": (("Seed", 1.0, 1.0, 1e6),),
    "skip": (("Threshold", 0.2, 0.05, 1.0),),
    "set": tuple((name, 0.33, 0.05, 100.0) for name in PATHWAYS),
}


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
    config = None if name is None else read_header(name).config
    routed = config is not None and config.kind == "routed"
    in_force = st.sidebar.container()  # above the form: seen without scrolling
    with st.sidebar.expander("Intervene", icon=":material/build:", key="intervene"):
        if routed and config is not None:
            _build_intervention(config)
        else:
            st.caption("This checkpoint has no routers to intervene in.")
        st.text_input(
            "In words",
            key="interventions",
            bind="query-params",
            placeholder="remove:sparse@1",
            help="What is done to the routers' weights on every page that runs a model, one word after another.",
        )
    with in_force:
        _say_what_holds(name, routed)


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


def _say_what_holds(name: str | None, routed: bool) -> None:
    """What is in force, in plain words, and how to end it."""
    words = (st.session_state.get("interventions") or "").strip()
    if not words:
        return
    try:
        if not routed or name is None:
            st.caption(f"`{words[:80]}` waits for a checkpoint that has routers.")
            return
        lines = "".join(f"\n- {in_words(change)}" for change in parse(interventions(name)))
        st.warning(f"**The routers are overruled**, on every page:{lines}", icon=":material/build:")
        end = "End it"
    except TilelliError as error:
        st.error(str(error))
        end = "Clear it"
    st.button(end, on_click=intervene, args=("",), key="intervene_end", icon=":material/close:", width="stretch")


def in_words(change: Intervention) -> str:
    """`remove:sparse@2` as "sparse is removed in block 2"."""
    what = SAID[change.action][1].format(
        " and ".join(change.pathways), ", ".join(f"{number:g}" for number in change.numbers)
    )
    if change.blocks is None:
        return f"{what} in every block"
    first, last = (number + 1 for number in change.blocks)
    return f"{what} in block {first}" if first == last else f"{what} in blocks {first} to {last}"


def _build_intervention(config: ModelConfig) -> None:
    """Widgets that put an intervention together, for those who do not know the words."""
    has = [name for name in PATHWAYS if name in config.pathways]
    offered = [action for action in SAID if ACTIONS[action].pathways <= len(has)]
    action = st.selectbox("What to do", offered, key="intervene_action", format_func=lambda name: SAID[name][0])
    meaning = ACTIONS[action]
    st.caption(meaning.sentence)
    pathways: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    if meaning.pathways:
        choices = list(itertools.combinations(has, meaning.pathways))
        pathways = st.selectbox("Pathway", choices, key=f"intervene_{meaning.pathways}", format_func=" and ".join)
    if meaning.numbers:
        numbers = tuple(
            float(st.number_input(label, 0.0, most, value, step, key=f"intervene_{action}_{label}", format="%g"))
            for label, value, step, most in NUMBERS[action]
        )
    n = config.n_blocks
    first, last = st.select_slider("Blocks", range(1, n + 1), (1, n), key=f"intervene_blocks_{n}") if n > 1 else (1, 1)
    blocks = None if (first, last) == (1, n) else (first - 1, last - 1)
    added = str(Intervention(action, pathways, numbers, blocks))
    st.button(f"Apply `{added}`", on_click=_add, args=(added,), key="intervene_add", width="stretch")


def _add(word: str) -> None:
    intervene(f"{st.session_state.get('interventions') or ''} {word}".strip())


def intervene(text: str) -> None:
    """Put these interventions in force on every page; an empty text ends them."""
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
