from pathlib import Path

import pytest

from tilelli import TilelliLM, hub
from tilelli.base import ByteLM
from tilelli.checkpoint import save_packed, weights_hash
from tilelli.errors import CheckpointError


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_reachable", lambda endpoint: False)


def serve(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    """Puts `folder` in the place of the hub; returns the list of the names that will be asked for."""
    from huggingface_hub.errors import EntryNotFoundError

    asked: list[str] = []

    def fetch(name: str, file: str, **options: object) -> str:
        asked.append(f"{name}/{file}")
        if not (folder / file).is_file():
            raise EntryNotFoundError(file)
        return str(folder / file)

    monkeypatch.setattr(hub, "_reachable", lambda endpoint: True)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fetch)
    return asked


@pytest.mark.usefixtures("offline")
def test_offline_a_name_that_is_not_bundled_is_refused_with_those_that_are() -> None:
    happened = "neither bundled nor on this disk, and the hub cannot be reached"
    with pytest.raises(CheckpointError, match=rf"{happened}: nobody/nothing\. .*always there: a/b, a/c\."):
        hub.download("nobody/nothing", ("model.safetensors",), (), ["a/b", "a/c"])


@pytest.mark.usefixtures("offline")
def test_where_nothing_is_bundled_it_says_so() -> None:
    with pytest.raises(CheckpointError, match=r"Bundled, and always there: none\."):
        hub.download("nobody/nothing", ("model.safetensors",), (), [])


@pytest.mark.parametrize("name", ["nothing", "a/b/c", "", "a b/c", "https://example.org/a", "a/b\n"])
def test_what_is_no_hub_name_is_refused_without_asking(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(hub, "_reachable", lambda endpoint: pytest.fail("the network was asked"))
    with pytest.raises(CheckpointError, match="There is no such checkpoint"):
        hub.download(name, ("model.safetensors",), (), [])


def test_a_checkpoint_on_the_hub_is_a_checkpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, routed: ByteLM
) -> None:
    asked = serve(monkeypatch, routed.save_pretrained(tmp_path))
    assert weights_hash(TilelliLM.from_pretrained("nobody/tiny")) == weights_hash(routed)
    assert asked == [f"nobody/tiny/{file}" for file in ("model.safetensors", "config.json", "training.json")]


def test_the_weights_alone_are_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, routed: ByteLM) -> None:
    serve(monkeypatch, routed.save_pretrained(tmp_path))
    for file in ("config.json", "training.json"):
        (tmp_path / file).unlink()
    assert TilelliLM.from_pretrained("nobody/tiny").config == routed.config


def test_a_packed_checkpoint_on_the_hub_is_a_checkpoint_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, routed: ByteLM
) -> None:
    (tmp_path / "hub").mkdir()
    save_packed(routed, tmp_path / "hub" / "model.packed.safetensors")
    serve(monkeypatch, tmp_path / "hub")
    assert TilelliLM.from_pretrained("nobody/tiny").config == routed.config


def test_a_repository_without_weights_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    serve(monkeypatch, tmp_path)
    with pytest.raises(CheckpointError, match=r"holds no checkpoint: nobody/empty without model\.safetensors"):
        TilelliLM.from_pretrained("nobody/empty")


def test_a_hub_that_fails_is_named_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> str:
        raise ConnectionResetError("a long technical story")

    monkeypatch.setattr(hub, "_reachable", lambda endpoint: True)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    with pytest.raises(CheckpointError, match=r"did not give the checkpoint: nobody/x \(ConnectionResetError\)"):
        TilelliLM.from_pretrained("nobody/x")


def test_an_address_that_leads_nowhere_is_not_reachable() -> None:
    assert not hub._reachable("http://127.0.0.1:1")
