import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from tilelli import hub
from tilelli.data.source import Source, find
from tilelli.errors import DataError, InputError


def rows(path: Path, *texts: object) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """A hub that knows every set, at commit `abc`; the list is of what it was asked for."""
    asked: list[dict[str, object]] = []

    def told(self: object, repository: str, **options: object) -> SimpleNamespace:
        asked.append({"repository": repository, **options})
        return SimpleNamespace(sha=options["revision"] or "abc")

    monkeypatch.setattr(hub, "_reachable", lambda endpoint: True)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", told)
    return asked


def test_a_file_is_a_source_of_one_part(tmp_path: Path) -> None:
    source = find(str(rows(tmp_path / "a.jsonl", "one")))
    assert source.parts == (str(tmp_path / "a.jsonl"),)
    assert list(source.open(source.parts[0])) == [b"one"]


def test_no_path_of_this_disk_is_among_the_facts(tmp_path: Path) -> None:
    facts = find(str(rows(tmp_path / "a.jsonl", "one"))).facts()
    assert facts == {"source": "a.jsonl", "revision": facts["revision"], "text_field": "text"}


def test_another_length_or_name_is_another_revision(tmp_path: Path) -> None:
    def revision() -> str:
        return find(str(tmp_path)).revision

    rows(tmp_path / "a.jsonl", "one")
    first = revision()
    assert revision() == first
    rows(tmp_path / "a.jsonl", "longer")
    second = revision()
    (tmp_path / "a.jsonl").rename(tmp_path / "b.jsonl")
    assert len({first, second, revision()}) == 3


@pytest.mark.parametrize(
    ("name", "config", "split"),
    [
        ("hub:some/set", None, "train"),
        ("hub:some/set:small", "small", "train"),
        ("hub:some/set:small:test", "small", "test"),
    ],
)
def test_a_name_on_the_hub_may_tell_config_and_split(
    online: list[dict[str, object]], name: str, config: str | None, split: str
) -> None:
    assert find(name) == Source("hub:some/set", ("some/set",), "abc", config=config, split=split)
    assert find(name, config="other", split="valid").facts() == {
        "source": "hub:some/set",
        "config": "other",
        "split": "valid",
        "revision": "abc",
        "text_field": "text",
    }


def test_a_revision_may_be_asked_for(online: list[dict[str, object]]) -> None:
    assert find("hub:some/set@v1:small").revision == "v1"
    assert online == [{"repository": "some/set", "revision": "v1", "timeout": 10}]


def test_a_set_on_the_hub_is_streamed_at_its_revision(
    online: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import datasets

    load, asked = datasets.load_dataset, []

    def served(path: str, **options: object) -> object:
        asked.append((path, options))
        files = [str(rows(tmp_path / f"{n}.jsonl", *(f"row {n} {i}" for i in range(3)))) for n in range(4)]
        return load("json", data_files=files, split="train", streaming=True)

    monkeypatch.setattr(datasets, "load_dataset", served)
    source = find("hub:some/set:small")
    shares = [list(source.open("some/set", rank, 2)) for rank in range(2)]
    assert asked[0] == ("some/set", {"name": "small", "split": "train", "revision": "abc", "streaming": True})
    assert [[row[:5] for row in share[::3]] for share in shares] == [[b"row 0", b"row 2"], [b"row 1", b"row 3"]]


def test_no_server_is_told_of_a_local_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datasets.load.get_session", lambda: pytest.fail("the network was asked"))
    source = find(str(rows(tmp_path / "a.jsonl", "one")))
    assert list(source.open(source.parts[0])) == [b"one"]


@pytest.mark.parametrize("name", ["hub:", "hub:set", "hub:a/b/c", "hub:a b/c", "hub:https://example.org/a"])
def test_what_is_no_name_on_the_hub_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(hub, "_reachable", lambda endpoint: pytest.fail("the network was asked"))
    with pytest.raises(InputError, match=r"no such set on the hub: .*\. Write hub:OWNER/NAME"):
        find(name)


def test_offline_the_hub_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_reachable", lambda endpoint: False)
    with pytest.raises(DataError, match=r"The hub cannot be reached: hub:some/set:small\. Give text on this disk"):
        find("hub:some/set:small")


def test_who_wants_no_network_is_not_given_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "_reachable", lambda endpoint: pytest.fail("the network was asked"))
    with pytest.raises(DataError, match="The hub cannot be reached"):
        find("hub:some/set")


def test_a_set_that_is_not_there_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("404:\n a long technical story")

    monkeypatch.setattr(hub, "_reachable", lambda endpoint: True)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", fail)
    with pytest.raises(DataError, match=r"did not give the text: some/set \(404: a long .*\)\. Check its name") as told:
        find("hub:some/set")
    assert "\n" not in str(told.value)


def test_a_file_has_no_config(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Only sets on the hub have a config or a split"):
        find(str(rows(tmp_path / "a.jsonl", "one")), config="small")


@pytest.mark.skipif(os.name != "posix", reason="such names are a thing of Unix")
def test_a_name_that_is_no_text_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "a\udcff.txt").write_text("one")
    assert len(find(str(tmp_path)).parts) == 1
