import gzip
import json
import os
from pathlib import Path

import pytest

from tilelli.data import sample
from tilelli.data.corpus import read
from tilelli.data.documents import Documents
from tilelli.data.sample import OPENERS, fetch
from tilelli.data.source import find
from tilelli.errors import DataError, InputError


class PowerCutError(Exception):
    """Stands for the end of everything: nothing is saved after it."""


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "SAVE_EVERY", 60)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.jsonl"
    texts = [f"Käfer {n} \u2028 sagt\n" + "ja" * (n % 7) for n in range(40)] + ["", None]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


def stream(source: Path, limit: int | None = None) -> Documents:
    return Documents(find(str(source)), limit)


def stop_after(count: int) -> "object":
    calls = iter(range(1, 1000))
    return lambda: next(calls) == count


@pytest.mark.parametrize("suffix", OPENERS)
def test_a_sample_holds_the_documents_of_its_source(source: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / "new" / f"sample{suffix}"
    assert fetch(stream(source), out)
    assert read(out).documents == read(source).documents


@pytest.mark.parametrize("suffix", OPENERS)
@pytest.mark.parametrize("at", [1, 3, 4, 39, 40])
def test_a_stopped_sample_is_gone_on_with_exactly(source: Path, tmp_path: Path, suffix: str, at: int) -> None:
    out = tmp_path / f"sample{suffix}"
    assert not fetch(stream(source), out, should_stop=stop_after(at))  # type: ignore[arg-type]
    assert len(read(out).documents) == at
    assert fetch(stream(source), out, resume=True)
    assert read(out).documents == read(source).documents


@pytest.mark.parametrize("suffix", OPENERS)
@pytest.mark.parametrize("at", [1, 5, 33])
def test_a_killed_sample_is_gone_on_with_exactly(source: Path, tmp_path: Path, suffix: str, at: int) -> None:
    out, seen = tmp_path / f"sample{suffix}", stream(source)

    def die() -> None:
        if seen.count == at:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        fetch(seen, out, on_document=die)
    with out.open("ab") as file:
        file.write(b"half a mem")  # what the disk may hold of a write that was cut off
    again = stream(source)
    assert fetch(again, out, resume=True)
    assert read(out).documents == read(source).documents
    assert (again.count, again.dropped) == (40, {"empty": 1, "no text": 1})


def test_a_finished_sample_goes_on_to_a_higher_limit(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "sample.jsonl"
    fetch(stream(source, 100), out)
    few = read(out).documents
    fetch(stream(source, 100), out, resume=True)
    assert read(out).documents == few
    fetch(stream(source, 300), out, resume=True)
    assert read(out).documents[: len(few)] == few
    assert read(out).documents == list(stream(source, 300))


def test_to_go_on_with_nothing_is_to_begin(source: Path, tmp_path: Path) -> None:
    assert fetch(stream(source), tmp_path / "sample.jsonl", resume=True)


def test_a_file_that_is_there_is_left_alone(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.jsonl"
    out.write_text("mine")
    with pytest.raises(DataError, match=r"The sample is already there: .*mine\.jsonl\. Add --resume, or choose anoth"):
        fetch(stream(source), out)
    with pytest.raises(DataError, match="The sample cannot be gone on with"):
        fetch(stream(source), out, resume=True)
    assert out.read_text() == "mine"


@pytest.mark.parametrize("state", ["", "{}", "[]", '{"length": 10000, "source": {}, "documents": {}}'])
def test_a_state_that_makes_no_sense_is_refused(source: Path, tmp_path: Path, state: str) -> None:
    out = tmp_path / "sample.jsonl"
    out.write_text("something")
    (tmp_path / "sample.jsonl.state").write_text(state)
    with pytest.raises(DataError, match="The sample cannot be gone on with"):
        fetch(stream(source), out, resume=True)


def test_a_sample_is_not_gone_on_with_from_another_text(source: Path, tmp_path: Path) -> None:
    fetch(stream(source), tmp_path / "sample.jsonl", should_stop=lambda: True)
    source.write_text(source.read_text() * 2)
    with pytest.raises(DataError, match=r"begun from another text: revision was \w+, is \w+\. Choose another --out"):
        fetch(stream(source), tmp_path / "sample.jsonl", resume=True)


def test_an_unknown_format_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be written in that format: sample\.zst\. End it in \.jsonl, "):
        fetch(stream(source), tmp_path / "sample.zst")


def test_a_disk_that_does_not_take_it_is_told_in_one_line(source: Path) -> None:
    with pytest.raises(DataError, match="The sample cannot be written"):
        fetch(stream(source), Path("/dev/null/sample.jsonl"))


def test_a_compressed_sample_is_a_row_of_whole_members(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "sample.jsonl.gz"
    fetch(stream(source), out, should_stop=stop_after(7))  # type: ignore[arg-type]
    length = json.loads((tmp_path / "sample.jsonl.gz.state").read_text())["length"]
    assert length == os.path.getsize(out)
    assert out.read_bytes().count(b"\x1f\x8b\x08") >= 2
    assert len(gzip.decompress(out.read_bytes()).splitlines()) == 7
