"""Which models are here, where they came from, and how to add one."""

from typing import Any

import pandas as pd
import streamlit as st

from app import services, show, theme
from app.figures.checkpoints import gather, learning_curve
from tilelli.errors import TilelliError
from tilelli.header import Header

PYTHON = """
from tilelli.base import ByteLM
from tilelli.checkpoint import load, weights_hash

lm = load({name!r}, ByteLM)
print(lm.config, lm.num_parameters(), weights_hash(lm))
print(lm.provenance)
"""


def facts(name: str, header: Header) -> None:
    """Size, identity and provenance of the chosen checkpoint."""
    with st.container(horizontal=True):
        st.metric("Parameters", theme.count(header.num_parameters))
        st.metric("File", theme.size(header.file_size))
        st.metric("Kind", header.config.kind)
        st.metric("Context", f"{header.config.context} bytes")
    st.markdown(f"Identity (SHA-256 of the weights): `{services.identity(name)}`")
    curve = gather(name, header.provenance)
    numbers = pd.DataFrame({"megabytes": curve.megabytes, "bpb": curve.bpb} if curve else {"megabytes": [], "bpb": []})
    show.picture(
        learning_curve([curve] if curve else []),
        numbers,
        "checkpoints_curve",
        "Each point is a measurement on text the model was not trained on. The lower the line, the better the guesses.",
    )
    left, right = st.columns(2)
    left.markdown("**Configuration**")
    left.json(header.config.to_dict(), expanded=True)
    right.markdown("**Where it came from**")
    story: dict[str, Any] = {key: value for key, value in header.provenance.items() if key not in ("held_out",)}
    if story:
        right.json(story, expanded=1)
    else:
        right.info("The file carries no provenance: nobody can tell what it was trained on.")


def add() -> None:
    """Upload, folder or hub name."""
    if services.read_only():
        st.info("This dashboard is shared for reading; checkpoints cannot be added here.")
        return
    st.markdown(f"**Your folder.** Every checkpoint in `{services.checkpoint_folder()}` is listed by itself.")
    limit = services.LARGEST_UPLOAD_MB
    upload = st.file_uploader(
        f"**Upload** a `model.safetensors`, with its `config.json` if it has one (at most {limit} MB)",
        accept_multiple_files=True,
        max_upload_size=limit,
        key="checkpoints_upload",
    )
    hub = st.text_input("**Hub name**, such as `owner/model` (needs a network)", key="checkpoints_hub")
    if st.button("Add", key="checkpoints_add", disabled=not (upload or hub)):
        try:
            with st.spinner("Checking …"):
                if upload:
                    config = next((file.getvalue() for file in upload if file.name.endswith(".json")), None)
                    weights = [file for file in upload if not file.name.endswith(".json")]
                    added = [services.add_upload(file, config) for file in weights]
                else:
                    added = [services.add_from_hub(hub.strip())]
        except TilelliError as error:
            st.error(str(error))
            return
        st.session_state.checkpoints_added = added
        st.rerun()


st.title("Which models are here, and where do they come from?")
if added := st.session_state.pop("checkpoints_added", None):
    st.success(f"Added and checked: {', '.join(added)}. Choose it on the left.")
name = st.session_state.get("checkpoint")
if name:
    st.subheader(f"`{name}`", anchor=False)
    try:
        header = next(entry.header for entry in services.checkpoints() if entry.name == name and entry.header)
        facts(name, header)
        show.elsewhere(PYTHON.format(name=name))
    except TilelliError as error:
        st.error(str(error))
st.subheader("Add another", anchor=False)
add()
if broken := [entry for entry in services.checkpoints() if entry.problem]:
    st.subheader("Found, but not usable", anchor=False)
    for entry in broken:
        st.warning(f"`{entry.name}`: {entry.problem}")
