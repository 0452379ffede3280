"""Colours, number formats and the plotly template: how everything looks, in one place.

The pathway colours are from Okabe and Ito's palette, which readers with any colour vision can tell apart; on screen
they are always named as well. Backgrounds are transparent, so that a figure fits the light and the dark theme alike.
"""

import plotly.graph_objects as go

PATHWAY_COLOURS = {"local": "#009e73", "sparse": "#e69f00", "dense": "#0072b2"}
TRIT_COLOURS = {-1: "#d55e00", 0: "#999999", 1: "#56b4e9"}
UNSURE = (213, 94, 0)  # red-green-blue: the stronger, the less sure the model was
SEQUENTIAL = "Cividis"  # perceptually even, and safe for colour-blind readers
LINES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
GREY = "#888888"

TEMPLATE = go.layout.Template(
    layout=go.Layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        colorway=LINES,
        margin={"l": 56, "r": 16, "t": 76, "b": 48},  # room for a title above a legend
        title={"y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 12}},
        hovermode="closest",
        xaxis={"gridcolor": "rgba(128,128,128,0.2)", "zerolinecolor": "rgba(128,128,128,0.4)"},
        yaxis={"gridcolor": "rgba(128,128,128,0.2)", "zerolinecolor": "rgba(128,128,128,0.4)"},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )
)


def figure(title: str, x: str = "", y: str = "", height: int = 360) -> go.Figure:
    """An empty figure in the house style."""
    layout = go.Layout(template=TEMPLATE, title={"text": title}, height=height)
    return go.Figure(layout=layout).update_xaxes(title_text=x).update_yaxes(title_text=y)


def empty(title: str, line: str) -> go.Figure:
    """What a figure shows before there is anything to draw: its title, and one line that says what will appear."""
    fig = figure(title, height=200)
    fig.add_annotation(text=line, showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")
    return fig.update_xaxes(visible=False).update_yaxes(visible=False)


def percent(share: float) -> str:
    """0.4567 -> '45.7 %'."""
    return f"{100 * share:.1f} %"


def count(n: int) -> str:
    """1432137 -> '1.43 M', 5843 -> '5.8 K', 12 -> '12'."""
    if n >= 10**6:
        return f"{n / 10**6:.2f} M"
    return f"{n / 1000:.1f} K" if n >= 1000 else str(n)


def size(n: int) -> str:
    """Bytes of a file: 5731860 -> '5.73 MB'."""
    return f"{n / 10**6:.2f} MB" if n >= 10**5 else f"{n / 1000:.1f} kB"


def glyph(byte: int) -> str:
    """One visible sign for any byte: printable ASCII as it is, space and controls as their symbols, others in hex."""
    if byte == 0x20:
        return "␣"
    if byte == 0x0A:
        return "↵"
    if byte < 0x20:
        return chr(0x2400 + byte)
    if byte == 0x7F:
        return "␡"
    return chr(byte) if byte < 0x80 else f"{byte:02X}"
