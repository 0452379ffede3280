import bz2
import dataclasses
import gzip
import hashlib
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tilelli.data.corpus import Corpus, first_held_out, is_held_out, read, split, summarize
from tilelli.data.documents import Documents
from tilelli.data.source import find
from tilelli.errors import DataError

PACKERS = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress, ".zst": zstandard.compress}
POEM = "Ein Käfer saß auf einem Blatt,\n\n  und hatte  alles satt.\n"


def rows(path: Path, *texts: object, field: str = "text") -> Path:
    path.write_text("".join(json.dumps({field: text}) + "\n" for text in texts), encoding="utf-8")
    return path


def corpus_of(*documents: bytes) -> Corpus:
    return Corpus("here", list(documents), 0)


@pytest.mark.parametrize("name", ["poem.txt", "poem.md", "poem", "poem.of.mine", "a poem.txt", "poem [1].txt"])
def test_a_text_file_is_one_document_byte_for_byte(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(POEM, encoding="utf-8")
    assert read(tmp_path / name).documents == [POEM.encode()]


def test_a_name_with_brackets_is_no_pattern_for_other_names(tmp_path: Path) -> None:
    rows(tmp_path / "story 1.jsonl", "the neighbour's")
    assert read(rows(tmp_path / "story [1].jsonl", "mine")).documents == [b"mine"]


def test_line_ends_are_left_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "dos.txt").write_bytes(b"one\r\ntwo\r\n")
    assert read(tmp_path / "dos.txt").documents == [b"one\r\ntwo\r\n"]


def test_each_row_of_jsonl_is_a_document(tmp_path: Path) -> None:
    assert read(rows(tmp_path / "a.jsonl", "one", POEM)).documents == [b"one", POEM.encode()]


def test_each_row_of_parquet_is_a_document(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"text": ["one", POEM]}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").documents == [b"one", POEM.encode()]


@pytest.mark.parametrize(("suffix", "pack"), PACKERS.items())
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl"])
def test_files_may_be_compressed(tmp_path: Path, name: str, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    content = json.dumps({"text": POEM}) if name == "a.jsonl" else POEM
    (tmp_path / (name + suffix)).write_bytes(pack(content.encode()))
    assert read(tmp_path / (name + suffix)).documents == [POEM.encode()]


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "b.txt").write_text("second")
    (tmp_path / "a.txt").write_text("first")
    rows(tmp_path / "deep" / "c.jsonl", "third", "fourth")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    assert read(tmp_path).documents == [b"first", b"second", b"third", b"fourth"]


def test_a_folder_that_is_named_like_a_file_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.md").mkdir()
    (tmp_path / "notes.md" / "a.txt").write_text("first")
    assert read(tmp_path).documents == [b"first"]


def test_another_column_may_hold_the_text(tmp_path: Path) -> None:
    assert read(rows(tmp_path / "a.jsonl", "one", field="story"), "story").documents == [b"one"]


def test_a_missing_column_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'text': .*a\.jsonl has story\. Name the right one with --text-f"):
        read(rows(tmp_path / "a.jsonl", "one", field="story"))


def test_empty_documents_are_dropped_and_counted(tmp_path: Path) -> None:
    corpus = read(rows(tmp_path / "a.jsonl", "one", "", "  \n ", "x", None, "two"))
    assert (corpus.documents, corpus.dropped) == ([b"one", b"two"], 4)


def test_the_byte_between_documents_is_in_none(tmp_path: Path) -> None:
    assert read(rows(tmp_path / "a.jsonl", "o\0n\0e")).documents == [b"one"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", r"No text is in it: .*empty\.txt, 1 dropped \(1 empty\)"),
        ("blank.txt", b" \n ", "No text is in it"),
        ("latin.txt", b"caf\xe9 au lait", r"No text is in it: .* \(1 not UTF-8\)\. Give .* UTF-8\."),
        ("broken.jsonl", b'{"text": "one"}\n{"text": ', "The text cannot be read"),
        ("list.jsonl", b"[1, 2]\n", r"2 dropped \(2 no text\)"),
        ("empty.jsonl", b"", "The text cannot be read|No text is in it"),
        ("broken.parquet", b"PAR1 and nothing else", "The text cannot be read"),
        ("broken.txt.gz", b"\x1f\x8b and nothing else", "The text cannot be read"),
        ("broken.txt.xz", b"not compressed at all", "The text cannot be read"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value[:15] else "",
)
def test_a_broken_file_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as refused:
        read(tmp_path / name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["absent.txt", "."])
def test_where_nothing_is_nothing_is_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"There is no text to read: .*\. Give a text, JSONL or Parquet file"):
        read(tmp_path / name)


def test_the_hash_is_one_over_lengths_and_bytes() -> None:
    expected = hashlib.sha256(b"\2" + bytes(7) + b"ab" + b"\1" + bytes(7) + b"c").hexdigest()
    assert corpus_of(b"ab", b"c").sha256 == expected
    assert corpus_of(b"a", b"bc").sha256 != expected
    assert dataclasses.replace(corpus_of(b"ab", b"c"), source="there", dropped=3).sha256 == expected


def test_bytes_are_counted() -> None:
    assert corpus_of(b"ab", b"c").bytes == 3


def test_a_split_loses_no_document_and_doubles_none() -> None:
    documents = [b"document %d" % n for n in range(3000)]
    kept, held = split(corpus_of(*documents))
    assert sorted(kept + held) == sorted(documents)
    assert 15 <= len(held) <= 50  # 1 % by hash


def test_a_document_falls_on_the_same_side_wherever_it_stands() -> None:
    documents = [b"document %d" % n for n in range(500)]
    held = set(split(corpus_of(*documents))[1])
    assert held == set(split(corpus_of(*reversed(documents)))[1])
    assert held >= set(split(corpus_of(*documents[100:], b"a new one"))[1]) - {b"a new one"}


def test_a_repeated_document_is_never_on_both_sides() -> None:
    kept, held = split(corpus_of(*[b"document %d" % n for n in range(500)] * 2))
    assert not set(kept) & set(held)


def test_of_few_documents_the_last_is_held_out() -> None:
    assert split(corpus_of(b"one", b"two", b"three")) == ([b"one", b"two"], [b"three"])


@pytest.mark.parametrize(("length", "held"), [(2, 1), (10, 1), (100, 10)])
def test_of_a_single_document_the_end_is_held_out(length: int, held: int) -> None:
    text = bytes(range(length))
    assert split(corpus_of(text)) == ([text[:-held]], [text[-held:]])


def streamed(path: Path) -> Documents:
    return Documents(find(str(path)))


@pytest.mark.parametrize("count", [1, 2, 30, 1500])
def test_a_summary_says_what_reading_and_splitting_would(tmp_path: Path, count: int) -> None:
    path = rows(tmp_path / "a.jsonl", *(f"document {n}" for n in range(count)), *["document 7"] * (count > 7))
    corpus = read(path)
    train, held_out = split(corpus)
    found = summarize(streamed(path))
    assert found.train == (len(train), sum(map(len, train)))
    assert found.held_out == (len(held_out), sum(map(len, held_out)))
    assert (found.sha256, found.begins) == (corpus.sha256, b"document 0")


def test_a_text_that_is_held_out_whole_cannot_be_summarized(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No text is left to train on"):
        summarize(streamed(rows(tmp_path / "a.jsonl", "same", "same")))


def test_held_out_documents_are_taken_from_the_front_until_they_are_enough(tmp_path: Path) -> None:
    path = rows(tmp_path / "a.jsonl", *(f"document {n}" for n in range(1500)))
    held = [document for document in read(path).documents if is_held_out(document)]
    assert first_held_out(streamed(path), 10**6) == held
    assert first_held_out(streamed(path), 20) == held[:2]


def test_where_none_is_held_out_some_are_asked_for(tmp_path: Path) -> None:
    path = rows(tmp_path / "a.jsonl", "one", "two")
    with pytest.raises(DataError, match=r"to judge by: none of 2 documents of .*\. Give some with --held-out\."):
        first_held_out(streamed(path), 9)
