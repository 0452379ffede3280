import html
import re

from hypothesis import given
from hypothesis import strategies as st

from app.figures.writing import prose


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def test_the_prompt_and_the_continuation_can_be_read() -> None:
    assert text_of(prose(b"Once ", b"upon", [0.5] * 4)) == "Once upon"


def test_markup_from_a_model_stays_text() -> None:
    page = prose(b"<b>", b"<script>\"'&", [0.1] * 11)
    assert "<script" not in page
    assert "<b>" not in page
    assert text_of(page) == "<b><script>\"'&"


def test_a_character_of_several_bytes_appears_once_with_the_product_of_its_chances() -> None:
    page = prose(b"", "é".encode(), [0.5, 0.5])
    assert page.count('<span style="background') == 1
    assert "25.0 %" in page
    assert "C3 50.0 %, A9 50.0 %" in page


def test_the_less_sure_the_stronger_the_ground() -> None:
    grounds = [float(re.findall(r"rgba\(\d+,\d+,\d+,([\d.]+)\)", prose(b"", b"a", [p]))[0]) for p in (1.0, 0.5, 0.0)]
    assert grounds == sorted(grounds)
    assert grounds[0] == 0


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_any_bytes_make_a_page(prompt: bytes, written: bytes) -> None:
    page = prose(prompt, written, [0.5] * len(written))
    assert page.startswith("<div")
    assert page.endswith("</div>")
