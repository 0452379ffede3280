import io
from pathlib import Path

import numpy as np
import pytest

from app import services
from tests.conftest import MakeModel
from tilelli.checkpoint import save_packed, weights_hash
from tilelli.errors import CheckpointError


def test_checkpoints_of_the_folder_are_listed(folder: Path) -> None:
    found = {entry.name: entry for entry in services.checkpoints() if entry.origin == "your folder"}
    assert set(found) == {str(folder / "routed"), str(folder / "vanilla")}
    assert all(entry.header for entry in found.values())


def test_a_broken_checkpoint_is_listed_with_its_problem(folder: Path) -> None:
    (folder / "broken").mkdir()
    (folder / "broken" / "model.safetensors").write_bytes(b"garbage")
    broken = next(entry for entry in services.checkpoints() if entry.name.endswith("broken"))
    assert broken.header is None
    assert broken.problem is not None
    assert "not a whole safetensors file" in broken.problem


def test_one_model_object_serves_everyone(folder: Path) -> None:
    assert services.model(str(folder / "routed")) is services.model(str(folder / "routed"))


def test_a_checkpoint_that_was_trained_further_is_loaded_anew(folder: Path, tiny: MakeModel) -> None:
    before = services.identity(str(folder / "routed"))
    tiny(seed=9).save_pretrained(folder / "routed")
    assert services.identity(str(folder / "routed")) != before


def test_a_trace_is_that_of_the_model(folder: Path) -> None:
    trace = services.trace(str(folder / "routed"), b"hello")
    assert trace.ids.tolist() == [list(b"hello")]
    assert np.allclose(trace.probabilities.sum(-1), 1)


def test_of_large_traces_few_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, texts = str(folder / "vanilla"), [b"one", b"two", b"three"]
    small = [services.trace(name, text) for text in texts]
    assert services.trace(name, texts[0]) is small[0]
    monkeypatch.setattr(services, "LARGE", 10)
    large = [services.trace(name, text) for text in texts]
    assert services.trace(name, texts[2]) is large[2]
    assert services.trace(name, texts[0]) is not large[0]


def test_an_upload_is_kept_under_its_hash(folder: Path) -> None:
    content = (folder / "routed" / "model.safetensors").read_bytes()
    name = services.add_upload(io.BytesIO(content))
    assert weights_hash(services.model(name)) == services.identity(str(folder / "routed"))
    assert services.add_upload(io.BytesIO(content)) == name
    assert name in [entry.name for entry in services.checkpoints()]


def test_a_refused_upload_leaves_nothing_behind(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        services.add_upload(io.BytesIO(b"garbage"))
    assert list((services.home() / "uploads").iterdir()) == []


def test_a_checkpoint_that_has_gone_is_a_sentence(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no such checkpoint"):
        services.model(str(folder / "gone"))


@pytest.mark.parametrize(("value", "expected"), [("", False), ("0", False), ("1", True)])
def test_read_only_is_a_switch(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("TILELLI_READ_ONLY", value)
    assert services.read_only() is expected


@pytest.mark.parametrize("name", ["../elsewhere", "a/..", "/tmp"])
def test_a_path_is_no_hub_name(folder: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="There is no such checkpoint"):
        services.add_from_hub(name)


def test_a_folder_of_this_disk_is_not_taken_for_a_hub_checkpoint(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no such checkpoint"):
        services.add_from_hub(str(folder / "routed"))
    assert not (services.home() / "hub").exists()


def test_a_packed_checkpoint_is_listed_like_any(folder: Path) -> None:
    (folder / "small").mkdir()
    save_packed(services.model(str(folder / "routed")), folder / "small" / "model.packed.safetensors")
    assert next(entry for entry in services.checkpoints() if entry.name == str(folder / "small")).header
    assert services.trace(str(folder / "small"), b"hello").ids.tolist() == [list(b"hello")]
