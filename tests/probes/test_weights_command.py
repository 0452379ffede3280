from pathlib import Path

import pytest

from probes.__main__ import main
from tests.conftest import MakeModel

UP = "blocks.0.dense.up.weight"
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def pair(tmp_path: Path, tiny: MakeModel) -> tuple[Path, Path]:
    return tiny(seed=1).save_pretrained(tmp_path / "late"), tiny(seed=2).save_pretrained(tmp_path / "early")


def call(*arguments: object) -> int:
    return main([str(argument) for argument in ("run", "weights", "--threads", 1, *arguments)])


def test_no_text_is_needed_and_one_is_accepted(pair: tuple[Path, Path], text_file: Path, capsys: Captured) -> None:
    assert call("--checkpoint", pair[0]) == 0
    without = capsys.readouterr().out
    assert call("--checkpoint", pair[0], "--text", text_file) == 0
    assert capsys.readouterr().out == without
    assert "Yes: all " in without


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--near", 2), "There is no such distance to a threshold: 2.0 scales"),
        (("--tensor", "nose"), "The model has no such tensor: nose"),
        (("--tensor", UP, "--low", 3, "--high", 1), "There is nothing in this range: 3 to 1"),
        (("--against", "nowhere/none/at-all"), "nowhere/none/at-all"),
        (("--json", "no/such/folder/out.json"), "The result cannot be written"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(
    pair: tuple[Path, Path], options: tuple[object, ...], message: str, capsys: Captured
) -> None:
    assert call("--checkpoint", pair[0], *options) == 2
    assert message in capsys.readouterr().err


def test_another_shape_is_refused(pair: tuple[Path, Path], tmp_path: Path, tiny: MakeModel, capsys: Captured) -> None:
    deep = tiny(n_blocks=3).save_pretrained(tmp_path / "deep")
    assert call("--checkpoint", pair[0], "--against", deep) == 2
    assert "do not have the same tensors" in capsys.readouterr().err
