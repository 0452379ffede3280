"""Which earlier bytes each byte looks at, head by head, over the user's own text."""

import shlex

import streamlit as st

from app import inputs, services, show, sidebar
from app.figures.heads import explain
from app.parts import attention, xray
from probes.attention import grid, kept_set, reach
from probes.survey import longest
from tilelli.header import read_header

PYTHON = """
from probes.attention import kept_set, reach
from probes.survey import survey
from tilelli.base import ByteLM
from tilelli.checkpoint import load
from tilelli.interventions import parse
from tilelli.trace import trace

lm = load({name!r}, ByteLM)
seen = trace(lm, list({text!r}), parse({changed!r}))
tables = [kept_set(seen, {block}, {head}, {byte}).table(), reach(seen, {block}, {head}).table()]  # counted from 0
found = survey(seen, lm.config.top_k)
tables += [found.heads.table().round(3), found.roles.table().query("named"), found.alike.pairs]
print(*(table.to_string() for table in tables), sep="\\n\\n")
print(*found.findings, sep="\\n")
"""
COMMAND = """{file}
python -m probes run attention --checkpoint {name} --text text.txt{changed} --block {block} --head {head}"""


def page(name: str) -> None:
    config, changed = read_header(name).config, sidebar.interventions(name)
    st.caption(inputs.describe(name))
    if config.kind == "routed" and "sparse" not in config.pathways:
        st.info("This model has no sparse pathway, so nothing in it attends. Choose another checkpoint.")
        return
    if (text := inputs.ask_text(longest(config))) is None:
        return
    trace, found = services.trace(name, text, changed), services.survey(name, text, changed)
    left, middle, right = st.columns([1, 1, 3])
    block = left.selectbox("Block", range(1, config.n_blocks + 1), key="attention_block", bind="query-params") - 1
    head = middle.selectbox("Head", range(1, config.n_heads + 1), key="attention_head", bind="query-params") - 1
    last = len(text) - 1
    with right:
        byte = inputs.slide("Byte that looks", 0, last, "attention_byte", at=last) if last else 0
    st.info(explain(found, block, config.top_k))
    attention.show_byte(kept_set(trace, block, head, byte), text)
    xray.panel(name, text, "attention")
    attention.show_head(grid(trace, block, head, byte), reach(trace, block, head), text)
    attention.show_rules(found)
    left, right = st.columns(2)
    with left:
        attention.show_averages(found)
    with right:
        attention.show_alike(found)
    place = {"name": name, "text": text, "changed": changed, "block": block, "head": head, "byte": byte}
    under = f" --intervene {shlex.quote(changed)}" if changed else ""
    shell = {"name": shlex.quote(name), "changed": under, "block": block + 1, "head": head + 1}
    command = COMMAND.format(file=show.as_file(text, "text.txt"), **shell) + f" --byte {byte} --json attention.json"
    show.elsewhere(PYTHON.format(**place), command)


st.title("Which earlier bytes does each byte look at?")
st.write(
    "To guess what comes next, each byte may look at itself and at those before it. It has 100 % of **attention** to "
    "share out. Every block has several **heads**, and each shares out in its own way: one may look at the byte just "
    "before, another at the last time the same word was used."
)
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
