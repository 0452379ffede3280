"""Which pathway carries each byte of the user's own text, block by block."""

import streamlit as st

from app import inputs, services, show, sidebar
from app.figures import routing as figures
from probes.routing import ALL, Routing, from_trace, name_of
from tilelli.header import read_header

MOST_BYTES, MOST_BLOCKS = 256, 8  # drawn at once, so that an old laptop keeps up
CAPTIONS = (
    "The mean over all bytes of the text. A share says how far a pathway is turned up, not how much it had to say.",
    "Only the kinds of byte that occur, with their number. Letters beyond a to z take two to four bytes each.",
    "1: the router chose one pathway for this byte; 3: it used all three alike. Each dot has its winner's colour.",
)
PYTHON = """
from probes.routing import from_trace
from tilelli import TilelliLM
from tilelli.trace import trace

lm = TilelliLM.from_pretrained({name!r})
result = from_trace(trace(lm, list({text!r})))
print(result.blocks.round(3), result.classes.round(3), *result.findings, sep="\\n")
"""


def in_view(result: Routing) -> Routing:
    """The part of a long text or a deep model that is drawn; a slider appears where there is more."""
    start, block = 0, 1
    if (spare := len(result.ids) - MOST_BYTES) > 0:
        start = st.slider(f"First of the {MOST_BYTES} bytes drawn", 0, spare, key="routing_start")
    if (spare := len(result.numbers) - MOST_BLOCKS) > 0:
        block = st.slider(f"First of the {MOST_BLOCKS} blocks drawn", 1, spare + 1, key="routing_first_block")
    return result.window(start, MOST_BYTES, block, MOST_BLOCKS)


def page(name: str) -> None:
    config = read_header(name).config
    st.caption(inputs.describe(name))
    if config.kind != "routed":
        st.info("This is a vanilla model: it has one way through each block, so no router. Choose a routed checkpoint.")
        return
    if (text := inputs.ask_text(config.context)) is None:
        return
    result = from_trace(services.trace(name, text, sidebar.interventions(name)))
    for finding in result.findings:
        st.warning(finding)
    if not result.findings:
        st.caption("Every block uses every pathway on this text: none is below 2 % of the mix, none above 95 %.")
    choices = [ALL, *(name_of(number) for number in result.numbers)]
    block = st.selectbox("Block", choices, key="routing_block", bind="query-params", help="One, or the mean over all.")
    view = in_view(result)
    st.html(figures.key(result))
    st.html(figures.text_strip(result.window(view.first, MOST_BYTES, 1, config.n_blocks), block))
    st.caption("Each cell is one byte: ␣ is a space, ↵ a new line, two hex digits a part of another character.")
    left, right = st.columns(2)
    with left:
        show.picture(figures.by_block(result), result.blocks, "routing_blocks", CAPTIONS[0])
    with right:
        show.picture(figures.by_class(result, block), result.classes, "routing_classes", CAPTIONS[1])
    st.subheader("Does every block choose alike?", anchor=False)
    st.html(figures.block_strip(view))
    st.caption("One column a byte, one row a block, the winner's initial in each cell. Scroll sideways for the rest.")
    show.picture(figures.along(view), result.rows, "routing_bytes", CAPTIONS[2])
    show.elsewhere(PYTHON.format(name=name, text=text))


st.title("Which pathway carries each byte?")
st.write(
    "Every block of a routed model offers each byte three pathways: **local** looks at the last few bytes, **sparse** "
    "looks back through the text for its best matches, **dense** looks up what the model has learned. A small "
    "**router** turns each of them up or down, anew for every byte; the three shares add up to 100 %."
)
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
