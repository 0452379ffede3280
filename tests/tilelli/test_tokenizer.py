import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tilelli.tokenizer import ByteTokenizer, IncrementalDecoder

tokenizer = ByteTokenizer()
characters = st.text(st.characters(exclude_categories=["Cs"]))


def test_a_token_is_a_byte() -> None:
    assert tokenizer.encode("hé") == [104, 0xC3, 0xA9]
    assert tokenizer.vocab_size == 256


@given(characters)
def test_any_text_comes_back(text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.binary())
def test_any_bytes_survive_encoding(raw: bytes) -> None:
    assert bytes(tokenizer.encode(raw)) == raw


@given(st.binary())
def test_decoding_broken_text_is_that_of_python(raw: bytes) -> None:
    assert tokenizer.decode(list(raw)) == raw.decode("utf-8", "replace")


def test_a_tensor_can_be_decoded() -> None:
    assert tokenizer.decode(torch.tensor([104, 105])) == "hi"


def test_broken_text_can_be_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        tokenizer.decode([0xC3], errors="strict")


def test_a_lone_surrogate_becomes_a_replacement_character() -> None:
    assert set(tokenizer.decode(tokenizer.encode("a\ud800b"))) == {"a", "\ufffd", "b"}


@given(st.binary() | characters.map(str.encode))
def test_a_stream_shows_what_the_whole_would_show(raw: bytes) -> None:
    decoder = IncrementalDecoder()
    pieces = [decoder.push(byte) for byte in raw]
    assert "".join(pieces) + decoder.flush() == raw.decode("utf-8", "replace")


@given(characters)
def test_each_character_appears_once_and_whole(text: str) -> None:
    decoder = IncrementalDecoder()
    pieces = [decoder.push(byte) for byte in text.encode()]
    assert [piece for piece in pieces if piece] == list(text)
    assert decoder.flush() == ""


def test_half_a_character_is_held_back_until_it_is_whole() -> None:
    decoder = IncrementalDecoder()
    assert [decoder.push(byte) for byte in "€".encode()] == ["", "", "€"]


def test_a_broken_tail_is_flushed_as_a_replacement_character() -> None:
    decoder = IncrementalDecoder()
    assert decoder.push(0xE2) == ""
    assert decoder.flush() == "\ufffd"
