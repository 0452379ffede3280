import subprocess
import sys
from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import pytest

from app.figures import attention as figures
from probes.attention import Grid, KeptSet, grid, kept_set, reach
from tilelli.base import ByteLM
from tilelli.trace import trace

TEXT = b"The cat sat on t"


def lines_of(fig: go.Figure) -> int:
    return sum(drawn.mode == "lines" for drawn in fig.data[1:])


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.lines(None, b""),
        lambda: figures.square(None, b""),
        lambda: figures.distances(None),
    ],
)
def test_without_a_result_a_titled_figure_says_what_will_appear(draw: Callable[[], go.Figure]) -> None:
    fig = draw()
    assert fig.layout.title.text
    assert "Appears as soon as" in fig.layout.annotations[0].text
    assert not fig.data


def test_every_byte_stands_in_the_text_once_and_every_kept_one_has_a_line(model: ByteLM) -> None:
    kept = kept_set(trace(model, list(TEXT)), 1, 0, 9)
    fig = figures.lines(kept, TEXT)
    signs = [sign for drawn in fig.data[1:] if drawn.mode == "text" for sign in drawn.text]
    assert sorted(signs) == sorted("The␣cat␣sat␣on␣t")
    assert lines_of(fig) == len(kept.positions)
    assert fig.layout.title.text == "Block 2, head 1: what byte 9 looks at"


def test_hovering_says_what_was_kept_what_not_and_what_comes_later() -> None:
    kept = KeptSet(0, 0, 2, np.array([2, 0]), np.array([0.75, 0.25]))
    seen = figures.gather_lines(kept, b"abcd")
    assert seen is not None
    assert [name.split("<br>")[1] for name in seen.names] == [
        "25.0 % of the attention",
        "not kept",
        "75.0 % of the attention",
        "comes later: cannot be seen",
    ]


def test_a_long_text_is_cut_to_what_ends_with_the_query() -> None:
    kept = KeptSet(0, 0, 999, np.array([999, 5]), np.array([0.75, 0.25]))
    seen = figures.gather_lines(kept, b"x" * 1024)
    assert seen is not None
    assert len(seen.glyphs) == figures.SHOWN
    assert (seen.query, seen.kept) == (figures.SHOWN - 1, [figures.SHOWN - 1])
    assert seen.names[-1].startswith("byte 999: x")


def test_the_captions_say_what_is_not_drawn() -> None:
    kept = KeptSet(0, 0, 999, np.array([999, 5]), np.array([0.75, 0.25]))
    said = figures.lines_caption(kept, 1024)
    assert said.endswith("Drawn: bytes 744 to 999 of 1024; 1 of the kept ones lie before them.")
    assert "Drawn" not in figures.lines_caption(kept_early := KeptSet(0, 0, 9, np.arange(10), np.full(10, 0.1)), 256)
    assert "heaviest" not in figures.lines_caption(kept_early, 256)
    assert "heaviest 24" in figures.lines_caption(KeptSet(0, 0, 99, np.arange(100), np.full(100, 0.01)), 100)
    window = Grid(0, 0, 744, np.zeros((256, 256), dtype=np.float32))
    assert "bytes 744 to 999 of 1024" in figures.square_caption(window, 1024)
    assert "Drawn" not in figures.square_caption(window, 256)


def test_only_the_heaviest_lines_are_drawn() -> None:
    kept = KeptSet(0, 0, 99, np.arange(99, -1, -1), np.full(100, 0.01))
    assert lines_of(figures.lines(kept, b"x" * 100)) == figures.MOST_LINES


def test_the_ranking_names_the_bytes() -> None:
    kept = KeptSet(0, 0, 2, np.array([2, 1]), np.array([0.75, 0.25]))
    assert figures.ranking(kept, "aé".encode()).values.tolist() == [["itself", 0.75], ["byte 1: C3, part of é", 0.25]]


def test_the_square_is_small_sparse_and_named(model: ByteLM) -> None:
    square = grid(trace(model, list(TEXT)), 0, 1)
    fig = figures.square(square, TEXT)
    assert fig.data[0].z.dtype == np.float32
    np.testing.assert_array_equal(fig.data[0].z, square.weights)
    assert fig.data[0].x[3] == "3 ␣"


def test_a_square_further_on_keeps_the_positions_of_the_text() -> None:
    fig = figures.square(Grid(0, 0, 2, np.ones((2, 2), dtype=np.float32)), b"abcd")
    assert list(fig.data[0].x) == ["2 c", "3 d"]


def test_distances_are_named_by_their_bins(model: ByteLM) -> None:
    fig = figures.distances(reach(trace(model, list(TEXT)), 0, 0))
    assert list(fig.data[0].x) == ["itself", "1", "2–3", "4–7", "8–15"]
    assert sum(fig.data[0].y) == pytest.approx(1)


def test_markup_in_the_text_stays_text() -> None:
    text = b"<b>&"
    kept = KeptSet(0, 0, 3, np.array([0]), np.array([1.0]))
    seen = figures.gather_lines(kept, text)
    assert seen is not None
    assert "".join(seen.glyphs) == "&lt;b&gt;&amp;"
    assert figures.square(Grid(0, 0, 0, np.ones((4, 4), dtype=np.float32)), text).data[0].x[0] == "0 &lt;"


@pytest.mark.parametrize("text", ["🌍", "سلام", "\x00\x7f"])
def test_every_byte_has_one_name(text: str) -> None:
    raw = text.encode()
    called = figures.names(raw)
    assert [name.split(":")[0] for name in called] == [f"byte {i}" for i in range(len(raw))]


def test_drawing_needs_neither_streamlit_nor_torch() -> None:
    look = "import sys, app.figures.attention; sys.exit(any(name in sys.modules for name in ('streamlit', 'torch')))"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
