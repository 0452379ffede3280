"""The whole way once, on the command line: run, report, test, report."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import TEXT
from tests.tilelli.experiment.conftest import HELD_OUT, TEST
from tilelli.__main__ import main
from tilelli.data.corpus import Corpus
from tilelli.experiment.plan import Plan

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The command takes over Ctrl-C and SIGTERM; the tests give them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a text for every split."""
    monkeypatch.chdir(tmp_path)
    corpus = Corpus("", [TEXT.encode() * 40], 0)
    for name, text in (("train", corpus), ("valid", HELD_OUT), ("test", TEST)):
        rows = [json.dumps({"text": document.decode()}) for document in text.documents]
        Path(f"{name}.jsonl").write_text("\n".join(rows))
    return tmp_path


def call(*arguments: object) -> int:
    return main(["experiment", "plans/small.yaml", *map(str, arguments)])


def test_a_plan_from_the_first_run_to_the_last_report(plan: Plan, here: Path, capsys: Captured) -> None:
    texts = ("--data", "train.jsonl", "--held-out", "valid.jsonl", "--threads", 1)
    assert call(*texts, "--only", "vanilla", "--seed", 0) == 0
    assert call() == 0
    assert "routed-0: not yet" in capsys.readouterr().out
    assert call(*texts, "--report") == 0
    assert "RESULTS.md: 4 of 4 runs, figures of the validation split." in capsys.readouterr().out
    assert sorted(path.name for path in plan.records.iterdir()) == [
        f"{arm}-{seed}.json" for arm in ("routed", "vanilla") for seed in (0, 1)
    ]
    assert call("--test", "test.jsonl", "--report", "--results", "out.md") == 0
    assert "python -m tilelli experiment plans/small.yaml --report" in Path("out.md").read_text()
    assert "read once, after every choice" in Path("out.md").read_text()
    assert call() == 0
    assert ", test " in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--data", "--held-out"])
def test_training_needs_both_texts(plan: Plan, here: Path, capsys: Captured, option: str) -> None:
    assert call(option, "train.jsonl") == 2
    assert f"InputError: Training needs two texts: {option} alone." in capsys.readouterr().err


def test_a_report_needs_neither_data_nor_runs(plan: Plan, here: Path, capsys: Captured) -> None:
    assert call("--report") == 0
    assert Path("docs/small.svg").is_file()
    assert not Path("runs").exists()
