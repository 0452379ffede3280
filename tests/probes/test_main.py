import json
import subprocess
import sys
from pathlib import Path

import pytest

from probes.__main__ import main
from tests.conftest import MakeModel
from tilelli.checkpoint import save_checkpoint, weights_hash

ROOT = Path(__file__).parents[2]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A small bank of one's own."""
    rows = [
        {"question": "What is the capital of France?", "answerable": True, "answers": ["Paris"]},
        {"question": "What is the capital of Burce?", "answerable": False},
    ]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "own.jsonl"


@pytest.fixture
def checkpoints(tiny: MakeModel, tmp_path: Path) -> list[Path]:
    """Two tunings of one base."""
    base = tiny(context=128)
    save_checkpoint(base, tmp_path / "base")
    folders = []
    for seed in (1, 2):
        model = tiny(seed=seed, abstain=True, context=128)
        model.provenance = {"base": {"name": str(tmp_path / "base"), "weights": weights_hash(base)}}
        folders.append(save_checkpoint(model, tmp_path / f"seed{seed}"))
    return folders


def call(*arguments: object) -> int:
    return main([str(argument) for argument in ("run", "abstain", "--threads", 1, *arguments)])


def refused(capsys: Captured, *arguments: object) -> str:
    assert call(*arguments) == 2
    out, message = capsys.readouterr()
    assert (out, len(message.strip().splitlines())) == ("", 1)
    return message


def test_several_checkpoints_get_a_table_each_and_their_spread(
    checkpoints: list[Path], own: Path, text_file: Path, tmp_path: Path, capsys: Captured
) -> None:
    one, other = checkpoints
    written = tmp_path / "out.json"
    assert call("--checkpoint", one, "--checkpoint", other, "--bank", own, "--json", written, "--text", text_file) == 0
    out = capsys.readouterr().out
    assert out.count("Does it know what it does not know?") == 2
    assert "no surface floor: a class has 1 rows" in out
    assert "Over 2 checkpoints: mean, lowest to highest" in out
    content = json.loads(written.read_text())
    assert [result["checkpoint"] for result in content["results"]] == [str(one), str(other)]
    assert [len(result["rows"]) for result in content["results"]] == [2, 2]


def test_the_same_command_gives_the_same_file(checkpoints: list[Path], own: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.json", "b.json")]
    for file in files:
        assert call("--checkpoint", checkpoints[0], "--bank", own, "--json", file, "--seed", 3, "--quick") == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_what_cannot_work_is_refused_before_anything_is_measured(
    checkpoints: list[Path], own: Path, tmp_path: Path, capsys: Captured
) -> None:
    given = ("--checkpoint", checkpoints[0], "--bank", own)
    assert "There is no such bank: nothing" in refused(capsys, "--checkpoint", checkpoints[0], "--bank", "nothing")
    assert "A threshold is a probability: 2" in refused(capsys, *given, "--threshold", 2)
    assert "There is no such seed: -1" in refused(capsys, *given, "--seed", -1)
    assert "The result cannot be written" in refused(capsys, *given, "--json", tmp_path / "no" / "out.json")
    base = ("--checkpoint", tmp_path / "base", "--bank", own, "--text", own)
    assert "does not say what it was tuned from" in refused(capsys, *base)


def test_the_list_shows_probes_and_banks_with_their_rules(capsys: Captured) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "probe abstain: " in out
    assert "bank dialogue-test (3,680 rows, SHA-256 " in out
    assert "premises: AUROC of abstain_p at least 0.7" in out


def test_help_answers_at_once_with_an_example() -> None:
    script = (
        "import sys, probes.__main__ as p\n"
        "try: p.main(['list', '--help'])\n"
        "except SystemExit: assert not {'torch', 'sklearn', 'pandas'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
    with pytest.raises(SystemExit, match="0"):
        main(["run", "abstain", "--help"])
