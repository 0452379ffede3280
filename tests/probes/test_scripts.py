"""What scripts and languages cost, from costs that are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.scripts import BYTES, CHARACTERS, FREQUENCIES, Sentence, by, by_language, frequencies, taught


def sentences(*texts: str, script: str = "Latin", language: str = "English") -> list[Sentence]:
    return [Sentence(text.encode(), script, language) for text in texts]


def test_a_character_of_two_bytes_costs_twice_a_byte() -> None:
    greek = sentences("αβγ", "δε", script="Greek")
    assert [sentence.characters for sentence in greek] == [3, 2]
    figures = by(greek, [np.full(6, 3.0), np.full(4, 3.0)], lambda sentence: sentence.script, 0)
    assert (figures["Greek", BYTES].value, figures["Greek", CHARACTERS].value) == (3, 6)
    assert (figures["Greek", BYTES].low, figures["Greek", BYTES].n) == (None, 2)


def test_bytes_that_are_no_character_count_as_one_each() -> None:
    assert Sentence(b"a\xff\xfe", "", "").characters == 3


def test_the_interval_is_over_sentences() -> None:
    bits = [np.full(4, cost) for cost in (1.0, 2, 3, 4, 5, 6)]
    found = by(sentences(*["abcd"] * 6), bits, lambda sentence: sentence.script, 0)["Latin", BYTES]
    assert found.value == 3.5
    assert found.low is not None
    assert 1 < found.low < 3.5 < (found.high or 0) < 6


def test_byte_frequencies_cost_their_entropy() -> None:
    assert frequencies(b"ab" * 5000) == pytest.approx(1, abs=1e-3)
    assert frequencies(bytes(range(256)) * 1000) == pytest.approx(8, abs=1e-3)
    assert frequencies(b"aaaa") == 0


@given(st.binary(min_size=1, max_size=200))
def test_frequencies_agree_with_scipy_up_to_the_correction(raw: bytes) -> None:
    from scipy.stats import entropy

    counts = np.bincount(list(raw))
    more = (len(set(raw)) - 1) / (2 * len(raw) * np.log(2))
    assert frequencies(raw) == pytest.approx(entropy(counts, base=2) + more, abs=1e-9)


def test_the_correction_makes_few_bytes_no_less_than_many() -> None:
    random = np.random.default_rng(0)
    few = np.mean([frequencies(random.integers(97, 123, 100, dtype=np.uint8).tobytes()) for _ in range(200)])
    assert few == pytest.approx(np.log2(26), abs=0.03)  # without it, 0.18 less


def test_a_script_that_costs_more_than_its_bytes_frequencies_is_named() -> None:
    known = sentences(*["one two three"] * 6)
    strange = sentences(*["αβγ δε"] * 6, script="Greek", language="Greek")
    lone = sentences("որդի", script="Armenian", language="Armenian")
    bits = [np.full(len(s.text), 1.0) for s in known] + [np.full(len(s.text), 7.0) for s in (*strange, *lone)]
    every = [*known, *strange, *lone]
    figures, languages = by(every, bits, lambda s: s.script, 0), by_language(every, bits, 0)
    said = taught(figures, languages)
    assert said[0].endswith("taken whole): Greek; and, with less certainty, Armenian.")
    assert said[1].endswith("of their script: English.")
    assert len(said) == 2
    assert figures["Greek", FREQUENCIES].low is None


def test_a_language_has_a_row_with_both_units() -> None:
    both = [*sentences("ab", "cd"), *sentences("ж", script="Cyrillic", language="Russian")]
    found = by_language(both, [np.array([1.0, 3]), np.array([2.0, 2]), np.array([4.0, 4])], 0)
    assert found["language"].tolist() == ["English", "Russian"]
    assert found["bits_per_byte"].tolist() == [2, 4]
    assert found["bits_per_character"].tolist() == [2, 8]
    assert by_language(sentences("ab", language=""), [np.ones(2)], 0).empty
