import html
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import theme
from app.figures.strip import STRONGEST, Cell, characters, legend, rgb, strip, table

GREEN = (0, 158, 115)
LIGHT, DARK = ((255, 255, 255), (49, 51, 63)), ((14, 17, 23), (250, 250, 250))


def texts(raw: bytes) -> list[str]:
    return [text for text, _ in characters(list(raw))]


def plain(page: str) -> list[str]:
    """What stands between the tags."""
    return [html.unescape(part) for part in re.findall(r">([^<]+)<", page)]


def test_a_script_is_shown_and_never_run() -> None:
    evil = '"><script>alert(1)</script>'
    cells = [Cell(evil, GREEN, 1.0, evil)]
    for page in (strip(cells), table([(evil, cells)]), legend([(evil, GREEN)], evil)):
        assert "<script" not in page
        assert evil in plain(page)


def test_quotes_cannot_leave_a_title() -> None:
    assert 'title="a&quot; onmouseover=&quot;b&#x27;"' in strip([Cell("a", GREEN, 1.0, 'a" onmouseover="b\'')])


@pytest.mark.parametrize(
    ("strength", "opacity"), [(0.0, "0.00"), (0.5, "0.30"), (1.0, "0.60"), (7.0, "0.60"), (-1, "0.00")]
)
def test_strength_is_the_opacity_of_the_ground(strength: float, opacity: str) -> None:
    assert f"rgba(0,158,115,{opacity})" in strip([Cell("a", GREEN, strength, "")])


def test_no_text_colour_is_set_so_that_both_themes_can_be_read() -> None:
    cells = [Cell("a", GREEN, 0.5, "why")]
    for page in (strip(cells), table([("row", cells)]), legend([("local", GREEN)])):
        assert not re.search(r"[^-]color:", page)


@pytest.mark.parametrize("colour", [*theme.PATHWAY_COLOURS.values(), *theme.LINES])
@pytest.mark.parametrize(("page", "ink"), [LIGHT, DARK])
def test_text_on_the_strongest_ground_keeps_its_contrast(colour: str, page: rgb, ink: rgb) -> None:
    ground = [STRONGEST * c + (1 - STRONGEST) * p for c, p in zip(rgb(colour), page, strict=True)]
    low, high = sorted((luminance(ground), luminance(ink)))
    assert (high + 0.05) / (low + 0.05) > 4.5


def luminance(colour: list[float] | tuple[int, ...]) -> float:
    """Relative luminance as WCAG 2 defines it."""
    linear = [c / 3294.6 if c <= 10.3 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_nothing_to_show_is_an_empty_strip() -> None:
    assert plain(strip([])) == []
    assert plain(table([])) == []
    assert plain(table([("text", [])])) == ["text"]


def test_rows_of_a_table_are_aligned_or_refused() -> None:
    cell = Cell("a", GREEN, 1.0, "")
    assert "repeat(2," in table([("text", [cell, cell]), ("block 1", [cell, cell])])
    with pytest.raises(AssertionError, match="equally many"):
        table([("text", [cell, cell]), ("block 1", [cell])])


def test_256_bytes_and_8_blocks_stay_light() -> None:
    cell = Cell("s", GREEN, 1.0, "byte 100: C3, part of é" + 100 * " ")
    assert len(table([("block 1", [cell] * 256)] * 9)) < 500_000


def test_bytes_are_grouped_into_whole_characters() -> None:
    assert characters(list("aé€🌍".encode())) == [
        ("a", slice(0, 1)),
        ("é", slice(1, 3)),
        ("€", slice(3, 6)),
        ("🌍", slice(6, 10)),
    ]


def test_space_and_controls_become_visible() -> None:
    assert texts(b"a \n\t\x00\x7f") == ["a", "␣", "↵", "␉", "␀", "␡"]


def test_invalid_bytes_stand_alone_in_hex() -> None:
    assert texts(b"\xff\xc3a\x80\xe2\x82") == ["FF", "C3", "a", "80", "E2", "82"]
    assert texts("\ud800".encode("utf-8", "surrogatepass")) == ["ED", "A0", "80"]


@pytest.mark.parametrize("sign", ["e\u0301", "ते", "👍🏽", "👩\u200d🚀", "❤\ufe0f", "می\u200cخ"[1:3]])
def test_what_a_reader_calls_one_character_stays_whole(sign: str) -> None:
    assert characters(list(sign.encode())) == [(sign, slice(0, len(sign.encode())))]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", ["a", "U+202E", "b"]),
        ("a\u200bb", ["a", "U+200B", "b"]),
        ("a\u200db", ["a", "U+200D", "b"]),
        ("é\u200d\n", ["é\u200d", "↵"]),
        ("é\u200d<", ["é\u200d", "<"]),
        ("\u00a0", ["U+00A0"]),
        ("\u0301", ["◌\u0301"]),
        (" \u0301", ["␣", "◌\u0301"]),
    ],
)
def test_what_would_be_invisible_or_turn_the_line_round_is_shown(text: str, shown: list[str]) -> None:
    assert texts(text.encode()) == shown


def test_accents_without_end_do_not_pile_up_in_one_character() -> None:
    assert max(len(text) for text in texts(("a" + "\u0301" * 100).encode())) <= 16


@given(st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "replace"))))
def test_every_byte_is_in_exactly_one_character(raw: bytes) -> None:
    found = characters(list(raw))
    assert all(text for text, _ in found)
    edges = [0, *(place.stop for _, place in found)]
    assert [(place.start, place.stop) for _, place in found] == list(itertools.pairwise(edges))
    assert edges[-1] == len(raw)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_visible_text_comes_back_as_it_is(text: str) -> None:
    assert "".join(texts(text.encode())).replace("◌", "") == text.replace("◌", "")
