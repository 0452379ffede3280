from pathlib import Path

import pytest

from probes.__main__ import main
from probes.banks import BUNDLED, bank

Captured = pytest.CaptureFixture[str]


def test_the_list_shows_every_bank_with_counts_and_hash(capsys: Captured) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for name in BUNDLED:
        assert f"bank {name} ({len(bank(name).rows):,} rows, SHA-256 {bank(name).sha256})\nWhat: " in out
    assert "  neo_false_inability: 120 rows, 0 without an answer, 120 different prompts" in out


def test_one_bank_can_be_asked_for(capsys: Captured) -> None:
    assert main(["list", "near-miss"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("bank near-miss (224 rows, ")
    assert "bank regimes" not in out


@pytest.mark.parametrize("name", ["near-miss", "languages", "dialogue-valid"])
def test_rows_that_are_listed_are_a_bank_with_the_same_hash(name: str, tmp_path: Path, capsys: Captured) -> None:
    assert main(["list", name, "--rows"]) == 0
    (tmp_path / "own.jsonl").write_text(capsys.readouterr().out, encoding="utf-8")
    assert bank(str(tmp_path / "own.jsonl")).sha256 == bank(name).sha256


def test_rows_of_no_bank_or_of_none_there_is_are_refused(capsys: Captured) -> None:
    assert main(["list", "--rows"]) == 2
    assert "no bank is named" in capsys.readouterr().err
    assert main(["list", "nowhere"]) == 2
    assert "There is no such bank: nowhere" in capsys.readouterr().err
