"""How every page shows a picture: the figure, its numbers to take away, and the same elsewhere."""

import shlex
from collections.abc import Callable
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from tilelli.errors import TilelliError


def guarded(part: Callable[..., None], *arguments: Any) -> None:
    """Run a part of a page; what goes wrong in it is shown as its sentence, and the rest of the page goes on."""
    try:
        part(*arguments)
    except TilelliError as error:
        st.error(str(error))


def picture(fig: go.Figure, numbers: pd.DataFrame, name: str, caption: str) -> None:
    """A figure with one sentence on how to read it, and its HTML and CSV behind a button (PNG is the camera above it).

    Args:
        fig: what to draw.
        numbers: what the figure shows, one row a mark.
        name: file name without suffix, also the widgets' key.
        caption: how to read the picture.
    """
    camera = {"toImageButtonOptions": {"filename": name, "format": "png", "scale": 2}, "displaylogo": False}
    st.plotly_chart(fig, key=f"{name}_figure", config=camera)
    st.caption(caption)
    with st.popover("Take away", type="tertiary", icon=":material/download:"):
        st.download_button("Numbers (CSV)", lambda: numbers.to_csv(index=False), f"{name}.csv", key=f"{name}_csv")
        st.download_button("Picture (HTML)", _html(fig), f"{name}.html", "text/html", key=f"{name}_html")
        st.caption("PNG: the camera in the picture's own toolbar.")


def elsewhere(python: str, command: str | None = None) -> None:
    """The same result without the dashboard."""
    with st.expander("The same in Python" + (" and on the command line" if command else "")):
        st.code(python.strip(), language="python", wrap_lines=True)
        if command:
            st.code(command, language="bash", wrap_lines=True)


def as_file(text: bytes, name: str) -> str:
    """A shell command that writes `text` to a file, whatever bytes it is made of."""
    plain = text.decode("utf-8", "replace")
    if plain.encode() == text and plain.replace("\n", "").isprintable():
        return f"printf %s {shlex.quote(plain)} > {name}"
    return "printf '" + "".join(f"\\{byte:03o}" for byte in text) + f"' > {name}"


def _html(fig: go.Figure) -> Callable[[], str]:
    return lambda: str(fig.to_html(include_plotlyjs=True))
