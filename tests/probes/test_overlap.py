"""The longest run that a passage shares with a text: by hand, against brute force and against difflib."""

from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.overlap import Overlap, index, longest, overlaps, shards

few = st.binary(max_size=30).map(lambda raw: bytes(97 + byte % 3 for byte in raw))  # letters a, b and c


def brute(documents: list[bytes], passage: bytes) -> int:
    runs = (passage[i:j] for i in range(len(passage)) for j in range(i, len(passage) + 1))
    return max((len(run) for run in runs if any(run in document for document in documents)), default=0)


def test_the_longest_run_is_found_and_where_it_begins() -> None:
    found = overlaps([b"the cat sat on the mat"], [b"a dog sat on the cat", b"xyz", b""])
    assert found == [Overlap(len(b" sat on the "), 5), Overlap(0), Overlap(0)]


def test_of_runs_of_one_length_the_first_is_taken() -> None:
    assert longest(index(b"abab"), b"ab.ab") == Overlap(2, 0)


def test_a_run_does_not_go_on_in_the_next_document() -> None:
    assert overlaps([b"one two", b"three four"], [b"two\0three", b"twothree"])[0] == Overlap(5, 4)


@given(st.lists(few, max_size=4), few, st.integers(1, 20))
def test_it_is_what_trying_all_runs_finds_however_the_text_is_cut(
    documents: list[bytes], passage: bytes, shard: int
) -> None:
    (found,) = overlaps(documents, [passage], shard)
    assert found.length == brute(documents, passage)
    run = passage[found.start : found.start + found.length]
    assert not run or any(run in document for document in documents)


@given(few, few)
def test_it_is_what_difflib_finds(text: bytes, passage: bytes) -> None:
    match = SequenceMatcher(None, text, passage, autojunk=False).find_longest_match()
    assert overlaps([text], [passage])[0].length == match.size


@given(st.lists(few.filter(bool), max_size=5), st.integers(1, 40), st.integers(0, 10))
def test_shards_are_small_and_hold_every_document(documents: list[bytes], size: int, shared: int) -> None:
    made = list(shards(documents, size, shared))
    assert all(len(shard) <= size + shared + 1 for shard in made)
    whole = [document for document in documents if len(document) <= size]
    assert all(any(document in shard.split(b"\0") for shard in made) for document in whole)


def test_progress_reaches_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[int, int]] = []
    overlaps([b"abc"] * 5, [b"b"], 4, lambda done, total: seen.append((done, total)))
    assert (len(seen), seen[-1]) == (5, (20, 20))


def test_no_text_shares_nothing() -> None:
    assert overlaps([], [b"abc"]) == [Overlap(0)]
    assert longest(index(b""), b"abc") == Overlap(0)
