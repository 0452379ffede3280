"""What is stored can be listed, narrowed, shown and written out."""

import json
from pathlib import Path

import pytest

from probes.__main__ import main
from probes.store.store import Store
from tests.probes.store.conftest import everything, key

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def number() -> int:
    store = Store()
    store.put(key(probe="other", seed=7), everything())
    number = store.put(key(), everything())
    store.close()
    return number


def shown(capsys: Captured, *arguments: object) -> str:
    assert main(["history", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_every_result_is_a_line_newest_first(number: int, capsys: Captured) -> None:
    head, first, second = shown(capsys).splitlines()
    assert head.split() == ["id", "time", "probe", "checkpoint", "weights", "seed", "code", "verdicts"]
    assert [line.split()[2] for line in (first, second)] == ["abstain", "other"]
    assert first.split()[4:] == ["aaaaaaaaaaaa", "0", "0.1.0+0", "1", "missed,", "1", "undefined,", "1", "tie"]


def test_the_history_can_be_narrowed(number: int, capsys: Captured) -> None:
    assert len(shown(capsys, "--probe", "other").splitlines()) == 2
    assert len(shown(capsys, "--checkpoint", "aaaa").splitlines()) == 3
    assert "Nothing" in shown(capsys, "--checkpoint", "b")


def test_a_result_is_shown_with_all_its_figures_and_where_they_come_from(number: int, capsys: Captured) -> None:
    out = shown(capsys, number)
    assert out.startswith("abstain of runs/é\n")
    lines = [line.split() for line in out.splitlines()]
    assert ["a", "part", "AUROC", "0.300", "30"] in lines
    assert ["another", "undefined", "undefined", "0"] in lines
    assert "missed, narrowly: a part: AUROC at least 0.7: 0.300" in out
    assert "Note: One note." in out
    assert "settings: {'gate': None}" in out


def test_what_is_shown_can_be_written(number: int, tmp_path: Path, capsys: Captured) -> None:
    shown(capsys, "--json", tmp_path / "all.json")
    assert [line["probe"] for line in json.loads((tmp_path / "all.json").read_text())["history"]] == [
        "abstain",
        "other",
    ]


def test_a_number_that_is_no_result_is_told(number: int, capsys: Captured) -> None:
    assert main(["history", "99"]) == 2
    assert capsys.readouterr().err.startswith("InputError: There is no such result: 99.")
