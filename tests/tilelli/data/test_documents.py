import gzip
import json
from itertools import islice
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from tilelli.data.documents import Documents, told
from tilelli.data.source import find
from tilelli.errors import DataError


def rows(path: Path, *texts: object) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def stream(path: Path, limit: int | None = None, rank: int = 0, size: int = 1) -> Documents:
    return Documents(find(str(path)), limit, rank, size)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every format, 21 documents, and a few rows that hold none."""
    folder = tmp_path_factory.mktemp("texts")
    rows(folder / "a.jsonl", *(f"line {n}" for n in range(6)), "", None)
    content = "".join(json.dumps({"text": f"packed {n}"}) + "\n" for n in range(5))
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(content.encode()))
    table = pyarrow.table({"text": [f"cell {n}" for n in range(8)]})
    parquet.write_table(table, folder / "c.parquet", row_group_size=3)
    (folder / "d.txt").write_text("a whole file\r\n")
    (folder / "e.md.gz").write_bytes(gzip.compress(b"a packed file"))
    return folder


@pytest.mark.parametrize("at", range(22))
def test_a_stream_that_was_left_and_taken_up_gives_each_document_once(folder: Path, at: int) -> None:
    whole, first, second = stream(folder), stream(folder), stream(folder)
    flow = iter(first)
    begun = [next(flow) for _ in range(at)]
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert begun + list(second) == list(whole)
    assert (second.count, second.bytes, second.dropped) == (whole.count, whole.bytes, whole.dropped)


def test_iterating_again_goes_on(folder: Path) -> None:
    one = stream(folder)
    assert list(islice(one, 9)) + list(one) == list(stream(folder))
    assert list(one) == []
    one.rewind()
    assert len(list(one)) == 21


@pytest.mark.parametrize("size", [2, 3, 5, 7])
def test_processes_read_disjoint_shares_that_are_the_whole(folder: Path, size: int) -> None:
    shares = [list(stream(folder, rank=rank, size=size)) for rank in range(size)]
    assert sorted(document for share in shares for document in share) == sorted(stream(folder))


@pytest.mark.parametrize(("rank", "size"), [(1, 2), (0, 7), (2, 7)])
def test_a_share_is_taken_up_like_a_whole(folder: Path, rank: int, size: int) -> None:
    whole = list(stream(folder, rank=rank, size=size))
    for at in range(len(whole)):
        first, second = stream(folder, rank=rank, size=size), stream(folder, rank=rank, size=size)
        flow = iter(first)
        begun = [next(flow) for _ in range(at)]
        second.load_state_dict(first.state_dict())
        assert begun + list(second) == whole


def test_a_stream_ends_with_the_document_that_reaches_its_limit(tmp_path: Path) -> None:
    path = rows(tmp_path / "a.jsonl", "four", "four", "four", "four")
    assert [len(list(stream(path, limit))) for limit in (1, 4, 5, 8, 99)] == [1, 1, 2, 2, 4]
    assert [len(list(stream(path, 8, rank, 2))) for rank in range(2)] == [1, 1]


def test_a_stream_at_its_limit_goes_on_to_a_higher_one(tmp_path: Path) -> None:
    path = rows(tmp_path / "a.jsonl", "one", "two", "three")
    first, second = stream(path, 3), stream(path, 6)
    assert list(first) == [b"one"]
    second.load_state_dict(first.state_dict())
    assert list(second) == [b"two"]
    assert list(second) == []


def test_rows_without_a_document_are_dropped_by_reason(tmp_path: Path) -> None:
    rows(tmp_path / "a.jsonl", "one", "", "x", " \n", None)
    (tmp_path / "b.jsonl").write_bytes(b'{"text": "two"}\n{"text": "caf\xe9 au lait"}\n{"text": "three"}\n')
    rows(tmp_path / "c.jsonl", "four", 5, ["six"])
    (tmp_path / "d.txt").write_bytes(b"caf\xe9")
    found = stream(tmp_path)
    assert list(found) == [b"one", b"two", b"three", b"four"]
    assert found.dropped == {"empty": 3, "no text": 3, "not UTF-8": 2}
    assert told(found.dropped) == "8 dropped (3 empty, 3 no text, 2 not UTF-8)"


def test_a_broken_file_in_mid_stream_ends_it_in_one_line(tmp_path: Path) -> None:
    rows(tmp_path / "a.jsonl", "one")
    (tmp_path / "b.jsonl").write_text('{"text": "two"}\n{"text": ')
    flow = iter(stream(tmp_path))
    assert next(flow) == b"one"
    with pytest.raises(DataError, match=r"The text cannot be read: .*b\.jsonl .*\. Check that the file is whole\."):
        next(flow)
