import json
import re
from pathlib import Path

import pytest
import torch

from tilelli.data.corpus import is_held_out
from tilelli.data.documents import Documents
from tilelli.data.source import find
from tilelli.data.stream import StreamWindows
from tilelli.errors import DataError


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hundred documents of six bytes, each naming itself."""
    path = tmp_path_factory.mktemp("texts") / "a.jsonl"
    path.write_text("".join(json.dumps({"text": f"<{n:04}>"}) + "\n" for n in range(300)))
    return path


def windows(path: Path, rank: int = 0, size: int = 1, seed: int = 0, block: int = 200) -> StreamWindows:
    stream = StreamWindows(Documents(find(str(path)), None, rank, size), 13, 4, seed)
    stream.block_bytes = block
    return stream


def named(batches: list[torch.Tensor]) -> set[bytes]:
    """Documents that stand whole in a window."""
    texts = b"|".join(bytes(row.tolist()) for batch in batches for row in batch)
    return set(re.findall(rb"<\d{4}>", texts))


def test_windows_are_pieces_of_the_text_in_a_shuffled_order(path: Path) -> None:
    stream = windows(path)
    batches = [stream.batch(step).ids for step in range(30)]
    assert {batch.shape for batch in batches} == {(4, 14)}
    held = [b"<%04d>" % n for n in range(300) if not is_held_out(b"<%04d>" % n)]
    text = b"\0" + b"\0".join(held) + b"\0"
    pieces = [bytes(row.tolist()) for batch in batches[:6] for row in batch]
    assert all(piece in text for piece in pieces)
    assert pieces != sorted(pieces)


@pytest.mark.parametrize("at", [0, 1, 2, 3, 7, 40, 60])
def test_a_restored_stream_gives_the_batches_of_one_that_ran_through(path: Path, at: int) -> None:
    whole, first, second = (windows(path) for _ in range(3))
    expected = [whole.batch(step).ids for step in range(70)]
    for step in range(at):
        first.batch(step)
    second.restore(json.loads(json.dumps(first.state())))
    assert second.state() == first.state()
    assert torch.equal(torch.stack([second.batch(step).ids for step in range(at, 70)]), torch.stack(expected[at:]))


def test_past_its_end_the_text_begins_again_in_another_order(path: Path) -> None:
    stream = windows(path, block=10**6)
    first = [stream.batch(step).ids for step in range(30)]
    again = [stream.batch(step).ids for step in range(30, 65)]
    assert len(named(first) & named(again)) > 50
    assert not torch.equal(torch.stack(first), torch.stack(again[5:]))


def test_the_seed_changes_the_order(path: Path) -> None:
    assert not torch.equal(windows(path, seed=1).batch(0).ids, windows(path, seed=2).batch(0).ids)


def test_no_two_processes_see_the_same_document(path: Path) -> None:
    streams = [windows(path, rank, 2) for rank in range(2)]
    seen = [named([stream.batch(step).ids for step in range(60)]) for stream in streams]
    assert min(map(len, seen)) > 50
    assert not seen[0] & seen[1]


def test_held_out_documents_are_never_shown(path: Path) -> None:
    stream = windows(path)
    assert not any(map(is_held_out, named([stream.batch(step).ids for step in range(150)])))


def test_a_text_without_a_window_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("too short")
    with pytest.raises(DataError, match=r"shorter than one window: .*a\.txt, 9 bytes for windows of 14\. Give more"):
        windows(tmp_path / "a.txt").batch(0)


def test_a_text_of_one_window_is_enough(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("just as long")
    assert windows(tmp_path / "a.txt").batch(0).ids.shape == (4, 14)
