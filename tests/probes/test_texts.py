from pathlib import Path

import pytest

from probes.texts import first_of, named, pieces, text, told
from tilelli.errors import DataError, InputError


def test_a_text_that_has_changed_is_refused(text_file: Path) -> None:
    found = text(str(text_file))
    assert text(str(text_file), found.sha256) == found
    assert told(found) == {"documents": 1, "bytes": found.bytes, "sha256": found.sha256}
    text_file.write_text("another")
    with pytest.raises(InputError, match="The text has changed"):
        text(str(text_file), found.sha256)


def test_settings_name_a_text_by_its_path_and_its_hash(text_file: Path) -> None:
    path = str(text_file)
    assert named({"train": path, "held_out": None}) == {"train": path, "train_sha256": text(path).sha256}
    with pytest.raises(DataError, match="nothing here"):
        named({"text": "nothing here"})


def test_an_empty_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    with pytest.raises(DataError, match="No text is in it"):
        text(str(tmp_path / "empty.txt"))


def test_documents_are_drawn_with_a_seed_and_short_ones_left_out() -> None:
    documents = [b"x" * size for size in range(1, 50)]
    drawn = first_of(documents, 10, 20, 5, seed=1)
    assert drawn == first_of(documents, 10, 20, 5, seed=1) == sorted(drawn, key=len)
    assert len(set(drawn)) == 10
    assert min(map(len, drawn)) >= 20
    assert drawn != first_of(documents, 10, 20, 5, seed=2)


def test_a_single_document_is_cut_into_pieces_and_no_byte_is_lost() -> None:
    book = bytes(range(250)) * 2
    assert b"".join(pieces([book], 60)) == book
    drawn = first_of([book], 5, 60, 60, seed=0)
    assert [len(piece) for piece in drawn] == [60] * 5
    assert first_of([b"short"], 5, 60, 60, seed=0) == []
