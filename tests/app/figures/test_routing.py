import sys
from collections.abc import Callable

import numpy as np
import pytest

from app.figures import routing as figures
from app.theme import PATHWAY_COLOURS
from probes.routing import Routing, summarise
from tilelli.pathways import PATHWAYS


def result(raw: bytes = b"ab 1", L: int = 2) -> Routing:
    weights = np.tile([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], (L, len(raw), 1))[:, : len(raw)]
    return summarise(weights, np.array(list(raw), dtype=np.int64), PATHWAYS)


def test_every_pathway_has_a_colour() -> None:
    assert tuple(PATHWAY_COLOURS) == PATHWAYS


@pytest.mark.parametrize("draw", [figures.by_block, figures.by_class, figures.along])
def test_without_a_result_a_titled_figure_says_what_will_appear(draw: Callable[..., object]) -> None:
    fig = draw(None)
    assert fig.layout.title.text  # type: ignore[attr-defined]
    assert "Appears as soon as" in fig.layout.annotations[0].text  # type: ignore[attr-defined]


def test_blocks_are_stacked_to_the_whole() -> None:
    fig = figures.by_block(result())
    assert [bar.name for bar in fig.data] == list(PATHWAYS)
    assert list(fig.data[0].y) == ["block 1", "block 2"]
    np.testing.assert_allclose(sum(np.array(bar.x) for bar in fig.data), 1)


def test_classes_say_how_many_bytes_they_have() -> None:
    assert list(figures.by_class(result()).data[0].y) == ["letter (2)", "space (1)", "digit (1)"]


def test_classes_can_be_drawn_for_one_block() -> None:
    fig = figures.by_class(result(), "block 2")
    assert fig.layout.title.text.endswith("block 2")
    assert list(fig.data[0].x) == pytest.approx([0.4, 0.7, 0.1])


def test_there_is_a_line_a_block_and_hovering_names_the_byte() -> None:
    fig = figures.along(result(b"<\xc3\xa9"))
    assert len(fig.data) == 2
    assert [text.split("<br>")[0] for text in fig.data[0].text] == [
        "byte 0: &lt;",
        "byte 1: C3, part of é",
        "byte 2: A9, part of é",
    ]
    assert fig.data[0].marker.color[0] == PATHWAY_COLOURS["local"]


def test_the_strip_shows_every_byte_with_its_shares() -> None:
    page = figures.text_strip(result())
    assert page.count("title=") == 4
    assert "local 70.0 %, sparse 20.0 %, dense 10.0 %" in page
    assert "pathways in use" in page


def test_the_block_strip_has_a_row_for_the_text_and_one_a_block() -> None:
    page = figures.block_strip(result(L=3))
    assert page.count("title=") == 4 * (1 + 3)
    assert all(f">block {n}<" in page for n in (1, 2, 3))


def test_characters_of_several_bytes_stand_above_their_first_byte() -> None:
    page = figures.block_strip(result("é!".encode()))
    assert page.count("title=") == 3 * (2 + 2)
    assert ">é<" in page
    assert ">C3<" in page


def test_a_script_in_the_text_is_only_text() -> None:
    raw = b"<script>alert(1)</script>"
    for page in (figures.text_strip(result(raw)), figures.block_strip(result(raw)), figures.key(result(raw))):
        assert "<script" not in page


def test_a_window_is_drawn_with_its_own_positions() -> None:
    part = result(b"abcdefgh", L=4).window(4, 2, 3, 1)
    fig = figures.along(part)
    assert list(fig.data[0].x) == [4, 5]
    assert fig.layout.yaxis.title.text == "block 3"


def test_figures_know_neither_the_screen_nor_torch() -> None:
    import subprocess

    code = "import sys, app.figures.routing; sys.exit(bool({'torch', 'streamlit'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
