"""Which models are here, where they came from, and how to add one."""

import pandas as pd
import streamlit as st

from app import services, show, theme
from app.figures.checkpoints import gather, learning_curve
from tilelli.header import SPLICE, read_header

PYTHON = """
from tilelli.base import ByteLM
from tilelli.checkpoint import load, weights_hash

lm = load({name!r}, ByteLM)
print(lm.config, lm.num_parameters(), weights_hash(lm))
print(lm.provenance)
"""
CURVE = "Each point is a measurement on text the model was not trained on. The lower the line, the better the guesses."
NO_CURVE = "No loss to draw here: the file carries none, or this is a splice, which was not trained as it is."
UPLOAD = "**Upload** a `model.safetensors`, with its `config.json` if it has one (at most {} MB)"


def facts(name: str) -> None:
    """Size, identity and provenance of one checkpoint."""
    header = read_header(name)
    with st.container(horizontal=True):
        st.metric("Parameters", theme.count(header.num_parameters))
        st.metric("File", "not saved" if SPLICE in name else theme.size(header.file_size))
        st.metric("Kind", header.config.kind)
        st.metric("Context", f"{header.config.context} bytes")
    st.markdown(f"Identity (SHA-256 of the weights): `{services.identity(name)}`")
    if curve := gather(name, header.provenance):
        points = pd.DataFrame({"megabytes": curve.megabytes, "bpb": curve.bpb})
        show.picture(learning_curve([curve]), points, "checkpoints_curve", CURVE)
    else:
        st.caption(NO_CURVE)
    left, right = st.columns(2)
    left.markdown("**Configuration**")
    left.json(header.config.to_dict())
    right.markdown("**Where it came from**")
    if header.provenance:
        right.json({key: value for key, value in header.provenance.items() if key != "held_out"}, expanded=1)
    else:
        right.info("The file carries no provenance: nobody can tell what it was trained on.")
    show.elsewhere(PYTHON.format(name=name))


def add() -> None:
    """Upload, folder or hub name."""
    if services.read_only():
        st.info("This dashboard is shared for reading; checkpoints cannot be added here.")
        return
    st.markdown(f"**Your folder.** Every checkpoint in `{services.checkpoint_folder()}` is listed by itself.")
    limit = services.LARGEST_UPLOAD_MB
    files = st.file_uploader(
        UPLOAD.format(limit), accept_multiple_files=True, max_upload_size=limit, key="checkpoints_upload"
    )
    hub = st.text_input("**Hub name**, such as `owner/model` (needs a network)", key="checkpoints_hub").strip()
    if st.button("Add", key="checkpoints_add", disabled=not (files or hub)):
        with st.spinner("Checking …"):
            config = next((file.getvalue() for file in files if file.name.endswith(".json")), None)
            added = [services.add_upload(file, config) for file in files if not file.name.endswith(".json")]
            added += [services.add_from_hub(hub)] if hub else []
        st.session_state.checkpoints_added = added
        st.rerun()


st.title("Which models are here, and where do they come from?")
if done := st.session_state.pop("checkpoints_added", None):
    st.success(f"Added and checked: {', '.join(done)}. Choose it on the left.")
if chosen := st.session_state.get("checkpoint"):
    st.subheader(f"`{chosen}`", anchor=False)
    show.guarded(facts, chosen)
st.subheader("Add another", anchor=False)
show.guarded(add)
for entry in services.checkpoints():
    if entry.problem:
        st.warning(f"Found, but not usable: `{entry.name}`: {entry.problem}")
