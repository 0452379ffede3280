"""Every probe on the command line: one shape of result, and a sentence for whatever cannot work."""

import hashlib
import json
from pathlib import Path

import pytest

from probes.__main__ import PROBES, main
from probes.registry import REGISTERED
from tests.conftest import TEXT, MakeModel
from tilelli.checkpoint import load, weights_hash
from tilelli.model import TilelliLM

READERS = ["routing", "attention", "xray", "effect", "ablation", "compare"]
ALIKE = [*(set(READERS) - {"ablation"}), "weights"]
NEEDS = {"xray": ["--byte", "3"], "effect": ["--max-new", "4"]}
Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def given(tiny: MakeModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two checkpoints, and files to read: text, bytes that are no text, nothing, none, and a folder."""
    root = tmp_path_factory.mktemp("commands")
    tiny().save_pretrained(root / "model")
    tiny(seed=1).save_pretrained(root / "other")
    (root / "text").write_bytes(TEXT.encode())
    (root / "binary").write_bytes(bytes(range(256)))
    (root / "empty").write_bytes(b"")
    (root / "folder").mkdir()
    return {name: str(root / name) for name in ("model", "other", "text", "binary", "empty", "folder", "nothing")}


def call(probe: str, given: dict[str, str], text: str, *more: str) -> int:
    other = ["--checkpoint", given["other"]] if probe == "compare" else []
    reads = {"metacognition": [], "threshold": [], "memorization": ["--train", given[text]]}
    read = reads.get(probe, ["--text", given[text]])
    asked = ["--checkpoint", given["model"], *other, *read, "--threads", "1"]
    return main(["run", probe, *asked, *NEEDS.get(probe, []), *more])


@pytest.mark.parametrize("probe", ALIKE)
def test_what_is_written_has_one_shape(probe: str, given: dict[str, str], tmp_path: Path, capsys: Captured) -> None:
    assert call(probe, given, "text", "--json", str(tmp_path / "out.json")) == 0
    content, out = json.loads((tmp_path / "out.json").read_text()), capsys.readouterr().out
    assert list(content) == ["probe", "provenance", "tables", "findings"]
    assert content["probe"] == probe
    assert {"checkpoint", "weights", "settings", "code", "machine"} <= set(content["provenance"])
    hashes = [weights_hash(load(given[name], TilelliLM)) for name in ("model", "other")]
    assert content["provenance"]["weights"] == (hashes if probe == "compare" else hashes[0])
    assert all(isinstance(row, dict) for table in content["tables"].values() for row in table)
    assert content["findings"] == [line for line in out.splitlines() if line in content["findings"]]
    if probe in READERS:
        assert content["provenance"]["text"] in [
            hashlib.sha256(text).hexdigest() for text in (TEXT.encode(), TEXT.encode()[:16])
        ]


@pytest.mark.parametrize("probe", READERS)
def test_any_bytes_can_be_read_and_from_anywhere(probe: str, given: dict[str, str], capsys: Captured) -> None:
    assert call(probe, given, "binary", "--from", "100") == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("probe", READERS)
@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("empty", (), "There is nothing to read: "),
        ("folder", (), "The text cannot be read: "),
        ("nothing", (), "The text cannot be read: "),
        ("text", ("--from", "999"), "There is no such byte: 999 of 94. "),
        ("text", ("--intervene", "explode"), "There is no such intervention: 'explode'. "),
        ("text", ("--threads", "0"), "There is no such number of threads: 0. "),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_line(
    probe: str, text: str, more: tuple[str, ...], said: str, given: dict[str, str], capsys: Captured
) -> None:
    assert call(probe, given, text, *more) == 2
    out, message = capsys.readouterr()
    assert (out, len(message.strip().splitlines())) == ("", 1)
    assert said in message


@pytest.mark.parametrize("probe", sorted(PROBES))
def test_where_no_result_can_be_written_nothing_is_measured(
    probe: str, given: dict[str, str], capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tilelli.checkpoint.load", lambda *_: pytest.fail("a model was loaded"))
    for out in (given["folder"], given["nothing"] + "/out.json"):
        assert call(probe, given, "text", "--json", out) == 2
        assert "The result cannot be written: " in capsys.readouterr().err


def test_every_module_of_a_command_is_on_the_list() -> None:
    import probes.commands

    modules = {path.stem for path in Path(probes.commands.__path__[0]).glob("[a-z]*.py")}
    others = {"shared", "listing", "registered", "sweep", "history", "report", "reproduce", "label"}
    assert modules - others <= set(PROBES) <= modules - others | set(REGISTERED)
    assert set(REGISTERED) <= set(PROBES)
