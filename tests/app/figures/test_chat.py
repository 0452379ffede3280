import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.figures import chat
from tilelli.generation import Written

SHARES = (0.2, 0.7, 0.1)


def steps(raw: bytes, abstain: float | None = 0.25) -> list[Written]:
    others = ((60, 0.5), (10, 0.25))
    return [Written(byte, 0.5, 1.5, others, SHARES, abstain) for byte in raw]


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def cells(page: str) -> list[str]:
    return [html.unescape(cell) for cell in re.findall(r"<span[^>]*>([^<]*)</span>", page)]


def test_a_ribbon_has_a_row_a_question_and_a_column_a_byte() -> None:
    page = chat.ribbon(steps(b"a\n"))
    assert cells(page) == ["a", "↵", "50", "50", "s", "s", "25", "25"]
    assert re.findall(r"<div>(\w+)</div>", page) == ["byte", "sure", "pathway", "abstain"]


def test_rows_that_a_model_has_no_part_for_are_missing() -> None:
    plain = [step._replace(pathways=(), abstain=None) for step in steps(b"ab")]
    assert cells(chat.ribbon(plain)) == ["a", "b", "50", "50"]
    assert "sparse" not in chat.key(plain)
    assert "abstain" not in chat.key(plain)
    assert "pathway" not in chat.reading(plain)
    assert "abstain" not in chat.reading(plain)
    assert "pathways" not in chat.describe(plain[0], 0)
    assert list(chat.numbers(plain)) == ["place", "byte", "sign", "probability", "entropy", "likeliest"]


def test_the_bytes_of_a_character_are_hex_with_the_character_above() -> None:
    assert cells(chat.ribbon(steps("é".encode())))[:4] == ["é", "", "C3", "A9"]


def test_hovering_tells_all_that_is_known_of_a_byte() -> None:
    assert chat.describe(steps(b"l")[0], 7).splitlines() == [
        "byte 7: l (hex 6C)",
        "probability 50.0 %, entropy 1.50 bits",
        "likeliest: < 50.0 %, ↵ 25.0 % (ends the reply)",
        "pathways: local 20.0 %, sparse 70.0 %, dense 10.0 %",
        "abstain probability 25.0 %",
    ]


def test_a_ribbon_never_has_more_than_256_columns() -> None:
    assert "repeat(256," in chat.ribbon(steps(b"a" * 300))


def test_a_byte_is_named_by_those_before_it() -> None:
    assert chat.in_its_place(steps(b" Peru is L"), 9) == "9:  Peru is [L] 50.0 %"


@pytest.mark.parametrize("draw", [chat.said, lambda text: chat.replied(steps(text.encode()))])
def test_markup_from_a_user_or_a_model_stays_text(draw: object) -> None:
    page = draw("<script>alert(1)</script>")  # type: ignore[operator]
    assert "<script" not in page
    assert text_of(page) == "<script>alert(1)</script>"
    assert 'dir="auto"' in page


def test_a_reply_without_a_byte_says_so() -> None:
    assert text_of(chat.waiting(False)) == "(nothing)"


def test_the_meter_says_in_words_what_the_bar_shows() -> None:
    page = chat.meter({"earlier turns": 10, "your message": 30, "the reply": 20, "free": 40}, "bytes & so on")
    assert re.findall(r"width:([\d.]+)%", page) == ["10.00", "30.00", "20.00", "40.00"]
    assert text_of(page) == "earlier turns 10 your message 30 the reply 20 free 40 bytes & so on"


@given(st.binary(max_size=40))
def test_any_bytes_make_a_ribbon(raw: bytes) -> None:
    page = chat.ribbon(steps(raw))
    assert page.startswith("<div")
    assert page.endswith("</div>")
    assert len(chat.numbers(steps(raw))) == len(raw)
