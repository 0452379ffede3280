import pytest

from app import theme
from app.figures import xray as figures
from probes.xray import xray
from tests.conftest import MakeModel
from tilelli.base import ByteLM

TEXT = list(b"A <b>\n caf\xc3\xa9 & more")
DRAWN = (figures.guesses, figures.lens, figures.pathways, figures.ablations, figures.kept)


def test_without_a_result_a_titled_figure_says_what_will_appear() -> None:
    for draw in DRAWN:
        assert draw(None).layout.title.text
        assert draw(None).layout.annotations[0].text == figures.WAITING


def test_a_vanilla_model_says_what_it_lacks(vanilla: ByteLM) -> None:
    found = xray(vanilla, TEXT, 8)
    assert figures.pathways(found).layout.annotations[0].text == figures.ROUTERLESS
    assert figures.ablations(found).layout.annotations[0].text == "A vanilla model has no pathways to remove."
    assert figures.lens(found).data
    assert figures.kept(found).data


def test_a_model_that_looks_nowhere_says_so(tiny: MakeModel) -> None:
    found = xray(tiny(pathways=["local"]), TEXT, 8)
    assert figures.kept(found).layout.annotations[0].text == "No block of this model looks back."


def test_the_byte_that_came_is_the_blue_bar(routed: ByteLM) -> None:
    found = xray(routed, TEXT, 8)
    bar = figures.guesses(found).data[0]
    blue = [share for share, colour in zip(bar.x, bar.marker.color, strict=True) if colour == theme.LINES[0]]
    assert blue == [pytest.approx(found.probability)]


def test_every_cell_is_one_removal(routed: ByteLM) -> None:
    found = xray(routed, TEXT, 8)
    cells = figures.gather_ablations(found)
    assert cells is not None
    assert [value for row in cells.values for value in row] == [removal.change for removal in found.removals]
    assert cells.rows == ["block 1", "block 2"]


def test_kept_bytes_are_named_with_their_distance(routed: ByteLM) -> None:
    found = xray(routed, TEXT, 8)
    cells, heaviest = figures.gather_kept(found), found.heads(1).iloc[0]
    assert cells is not None
    assert (cells.rows[0], cells.values[0][0]) == ("1.1", pytest.approx(heaviest["attention"]))
    assert f" −{heaviest['back']}: {100 * heaviest['attention']:.0f}%" in cells.texts[0][0]
    first = figures.gather_kept(xray(routed, TEXT, 1))  # there is but one byte to look at
    assert first is not None
    assert first.values[0][0] == pytest.approx(1)


def test_of_many_heads_the_sharpest_are_drawn_in_order(tiny: MakeModel) -> None:
    found = xray(tiny(n_blocks=4, n_heads=8, head_dim=2), TEXT, 12)
    cells = figures.gather_kept(found)
    assert cells is not None
    assert len(cells.rows) == figures.SHOWN_HEADS
    assert cells.rows == sorted(cells.rows)
    drawn = {row: values[0] for row, values in zip(cells.rows, cells.values, strict=True)}
    left_out = [row.attention for row in found.heads(1).itertuples() if f"{row.block}.{row.head}" not in drawn]
    assert max(left_out) <= min(drawn.values())  # type: ignore[type-var]


def test_all_attention_adds_up_to_one(model: ByteLM) -> None:
    assert sum(figures.attention(xray(model, TEXT, 8)).values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("draw", DRAWN)
def test_no_byte_becomes_markup(routed: ByteLM, draw: object) -> None:
    for text in (b"<<<<<<", b"&&&&&&"):
        found = xray(routed, list(text), 5)
        assert callable(draw)
        said = str(draw(found).to_plotly_json())
        assert "<'" not in said
        assert "'<" not in said.replace("'<br>", "")
        assert "“<”" not in said
    assert "<b>" not in figures.place(xray(routed, TEXT, 8), TEXT)


def test_the_strip_shows_the_place_and_what_is_near(routed: ByteLM) -> None:
    long = list(b"y" * 200)
    strip = figures.place(xray(routed, long, 150), long)
    assert strip.count("</span>") == figures.BEFORE + figures.AFTER + 1
    assert "byte 150: y" in strip
    assert "of all attention" in strip
