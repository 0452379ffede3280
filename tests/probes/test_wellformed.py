import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.stages import Continuation, Start
from probes.wellformed import NOTHING, SENTENCE, beginnings, is_utf8, valid, written


@pytest.mark.parametrize("raw", [b"", b"abc", "żółw".encode(), "żółw".encode()[:3], b"a\xf0\x9f"])
def test_text_is_text_even_where_its_last_character_is_cut(raw: bytes) -> None:
    assert is_utf8(raw)


@pytest.mark.parametrize("raw", [b"\xff", b"a\x80", b"\xc3(", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_what_no_decoder_takes_is_no_text(raw: bytes) -> None:
    assert not is_utf8(raw)


@given(st.text(), st.integers(0, 20))
def test_whatever_python_encodes_is_text_wherever_it_is_cut(text: str, cut: int) -> None:
    assert is_utf8(text.encode()[:cut])


def test_beginnings_are_whole_characters_from_all_over_the_bank() -> None:
    sentences = ["naïve café, twice".encode(), "\N{THAI CHARACTER KO KAI}".encode() * 9, b"short"]
    starts = beginnings(sentences, [0.5, 1.0], 3, seed=7)
    assert [start.prompt for kind, start in starts[3:6]] == ["naïve café".encode(), sentences[1][:12], b"short"]
    assert [kind for kind, _ in starts] == ([NOTHING] * 3 + [SENTENCE] * 3) * 2
    assert [start.temperature for _, start in starts] == [0.5] * 6 + [1.0] * 6
    assert [start.seed for _, start in starts[:3]] == [7, 8, 9]


def test_the_share_is_by_temperature_and_counts_up_to_the_end_of_the_document() -> None:
    starts = [(NOTHING, Start(b"", 0.5)), (NOTHING, Start(b"", 0.5)), (SENTENCE, Start("ж".encode()[:1], 1.0))]
    wrote = [Continuation(raw.hex(), []) for raw in (b"good\x00\xff", b"bad\xff", "ж".encode()[1:])]
    found = valid(starts, wrote)
    assert found["temperature 0.5", f"valid UTF-8 {NOTHING}"].value == 0.5
    assert found["temperature 1", f"valid UTF-8 {SENTENCE}"].value == 1
    assert written(starts, wrote)["written"].tolist() == [
        "good",
        "bad\N{REPLACEMENT CHARACTER}",
        "\N{REPLACEMENT CHARACTER}",
    ]
