"""The workbench on the command line: chosen on one half of a bank, read on the other, equal to the functions."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from probes import workbench
from probes.__main__ import main
from probes.result import plain
from probes.store.store import Store
from tests.probes.chats import checkpoints

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def asked(tmp_path: Path) -> list[str]:
    """Options that name a tiny model and a bank with both halves."""
    lines = [
        {
            "question": f"Who is {'o' * (n // 6)}{n % 6}?",
            "answerable": n % 3 == 0,
            "split": ("calibration", "test")[n % 2],
        }
        | {"part": "own", "answers": ["no one"] * (n % 3 == 0)}
        for n in range(24)
    ]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return ["--checkpoint", checkpoints(tmp_path, 1)[0], "--bank", str(tmp_path / "own.jsonl"), "--threads", "1"]


def run(*words: object) -> int:
    return main(["run", "threshold", *map(str, words)])


def test_the_command_gives_what_the_functions_give(asked: list[str], tmp_path: Path, capsys: Captured) -> None:
    assert run(*asked, "--invented", 2, "--silent", 0.5, "--json", tmp_path / "out.json") == 0
    out, content = capsys.readouterr().out, json.loads((tmp_path / "out.json").read_text())
    store = Store()
    (entry,) = store.history(probe="abstain")
    result = store.get(entry.id)
    store.close()
    costs = workbench.Costs(invented=2, silent=0.5)
    choice = workbench.choose(result.rows, "abstain_p", costs, result.provenance["threshold"])
    found = workbench.selective(result.rows, "abstain_p")
    assert content["threshold"] == choice.threshold
    assert content["tables"]["policies"] == plain(workbench.table(choice.policies))
    assert content["tables"]["outcomes"] == plain(choice.outcomes)
    assert content["tables"]["curve"] == plain(found.curve)
    assert content["areas"] == {name: asdict(area) for name, area in found.areas.items()}
    assert out.startswith(choice.sentence)
    assert f"{found.answered} of 12 replies" in out


def test_what_cannot_be_is_refused(asked: list[str], capsys: Captured) -> None:
    assert run(*asked, "--signal", "abstian_p") == 2
    assert "This model has no such signal: abstian_p. Use abstain_p, " in capsys.readouterr().err
    assert run(*asked, "--wrong", -1) == 2
    assert "A cost is 0 or more, and not all are 0: wrong -1" in capsys.readouterr().err


def test_labels_are_kept_and_counted(asked: list[str], capsys: Captured) -> None:
    assert run(*asked) == 0
    capsys.readouterr()
    assert main(["label", "1"]) == 0
    assert "undefined of 0 labelled rows" in capsys.readouterr().out
    assert main(["label", "1", "--row", "3", "--as", "wrong"]) == 0
    assert "by hand: wrong" in capsys.readouterr().out
    assert main(["label", "1", "--row", "3"]) == 0
    assert "of 1 labelled rows" in capsys.readouterr().out
    assert main(["label", "1", "--row", "3", "--as", "none"]) == 0
    assert "by hand: not labelled" in capsys.readouterr().out
    assert main(["label", "1", "--row", "24", "--as", "wrong"]) == 2
    assert "There is no such row: 24" in capsys.readouterr().err
    assert main(["label", "1", "--row", "3", "--as", "good"]) == 2
    assert "There is no such label: 'good'" in capsys.readouterr().err
