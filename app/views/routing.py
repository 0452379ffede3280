"""Which pathway carries each byte of the user's own text, block by block."""

import streamlit as st

from app import inputs, services, show, sidebar
from app.figures import routing as figures
from app.parts import measured, router, xray
from probes.routing import ALL, from_trace, name_of, share_by_position
from tilelli.header import read_header

CAPTIONS = (
    "The mean over all bytes of the text. A share says how far a pathway is turned up, not how much it had to say.",
    "Only the kinds of byte that occur, with their number. Letters beyond a to z take two to four bytes each.",
    "The mean over each eighth of what the model can read at once. The thin bars are 95 % intervals, from drawing runs "
    "of 4 bytes again; a stretch of fewer than 20 bytes has none.",
    "1: the router chose one pathway for this byte; 3: it used all three alike. Each dot has its winner's colour.",
)


def page(name: str) -> None:
    config = read_header(name).config
    st.caption(inputs.describe(name))
    if config.kind != "routed":
        st.info("This is a vanilla model: it has one way through each block, so no router. Choose a routed checkpoint.")
        return
    if (text := inputs.ask_text(config.context)) is None:
        return
    place, under = measured.reserve(name), sidebar.interventions(name)
    result = from_trace(services.trace(name, text, under))
    router.call_out(result, under)
    choices = [ALL, *(name_of(number) for number in result.numbers)]
    block = st.selectbox("Block", choices, key="routing_block", bind="query-params", help="One, or the mean over all.")
    view = router.in_view(result)
    st.html(figures.key(result))
    st.html(figures.text_strip(result.window(view.first, router.MOST_BYTES, 1, config.n_blocks), block))
    st.caption("Each cell is one byte: ␣ is a space, ↵ a new line, two hex digits a part of another character.")
    xray.panel(name, text, "routing")
    left, right = st.columns(2)
    positions = share_by_position(result, config.context)
    with left:
        show.picture(figures.by_block(result), result.blocks, "routing_blocks", CAPTIONS[0])
    with right:
        show.picture(figures.by_class(result, block), result.classes, "routing_classes", CAPTIONS[1])
    show.picture(figures.by_position(positions, block), positions, "routing_positions", CAPTIONS[2])
    st.subheader("Does every block choose alike?", anchor=False)
    st.html(figures.block_strip(view))
    st.caption("One column a byte, one row a block, the winner's initial in each cell. Scroll sideways for the rest.")
    show.picture(figures.along(view), result.rows, "routing_bytes", CAPTIONS[3])
    bank = router.questions(name, under, block)
    router.elsewhere(name, text, under, bank)
    measured.fill(place, name, text)


st.title("Which pathway carries each byte?")
st.write(
    "Every block of a routed model offers each byte three pathways: **local** looks at the last few bytes, **sparse** "
    "looks back through the text for its best matches, **dense** looks up what the model has learned. A small "
    "**router** turns each of them up or down, anew for every byte; the three shares add up to 100 %."
)
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
