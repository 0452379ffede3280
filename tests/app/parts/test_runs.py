"""Runs as processes. One is trained to its end and shared, another is stopped and resumed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.parts import runs
from app.parts.orders import ROOT, Order, recipes
from tests.conftest import TEXT
from tilelli.errors import ConfigError, InputError, TrainingError
from tilelli.training.run import LOCK, METRICS, RunFolder

NANO = str(ROOT / "configs" / "nano.yaml")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(autouse=True)
def _looked_into(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILELLI_CHECKPOINTS", str(root))
    monkeypatch.delenv("TILELLI_READ_ONLY", raising=False)


@pytest.fixture
def order(root: Path) -> Order:
    text = root / "cats.txt"
    text.write_text(TEXT * 50, encoding="utf-8")
    return Order(NANO, str(text), "", "routed", steps=20, seed=3, threads=1)


@pytest.fixture
def trained(order: Order) -> Iterator[Callable[[str, Order], None]]:
    """Starts runs and leaves none behind."""
    started: list[str] = []

    def begin(name: str, wanted: Order) -> None:
        started.append(runs.start(name, wanted))

    yield begin
    for name in started:
        runs.stop(name)
        wait(name, lambda run: not run.alive)


def wait(name: str, enough: Callable[[runs.Run], bool], seconds: float = 90) -> runs.Run:
    deadline = time.monotonic() + seconds
    while not enough(run := runs.look(name)):
        assert time.monotonic() < deadline, run
        time.sleep(0.05)
    return run


def test_a_run_is_started_and_watched_to_its_end(order: Order, trained: Callable[[str, Order], None]) -> None:
    trained("whole", order)
    assert runs.look("whole").state == "starting"
    assert runs.look("whole").headline == "**starting** · step 0 of 20"
    assert runs.names()[0] == "whole"
    run = wait("whole", lambda run: not run.alive)
    assert (run.state, run.step, run.steps, run.bytes_a_step, run.progress) == ("done", 20, 20, 16 * 32, 1.0)
    assert run.headline.startswith("**done** · step 20 of 20 · ")
    assert run.records[0]["entropy"][0] > 0
    assert "sample" in run.records[-1]
    assert not run.resumable
    with pytest.raises(TrainingError, match=r"A run of this name exists: .*whole\. Choose another name\."):
        runs.start("whole", order)


def test_a_run_is_stopped_and_goes_on_as_it_was_started(order: Order, trained: Callable[[str, Order], None]) -> None:
    trained("halves", replace(order, steps=3000))
    run = wait("halves", lambda run: run.step > 0)
    assert (run.state, runs.names()[0]) == ("running", "halves")
    assert "left" in run.headline
    with pytest.raises(TrainingError, match="being trained already"):
        runs.resume("halves")
    with pytest.raises(TrainingError, match="A run of this name exists"):
        runs.start("halves", order)
    runs.stop("halves")
    run = wait("halves", lambda run: not run.alive)
    assert (run.state, run.resumable, run.problem) == ("stopped", True, None)
    before = run.step
    assert 0 < before < 3000
    runs.resume("halves")
    run = wait("halves", lambda run: run.step > before)
    assert (run.state, run.records[0]["step"], run.steps) == ("running", 5, 3000)


def test_what_goes_wrong_at_once_is_a_sentence(order: Order, trained: Callable[[str, Order], None]) -> None:
    trained("nothing", replace(order, data="no/such/text.txt"))
    run = wait("nothing", lambda run: not run.alive)
    assert run.state == "failed"
    assert (
        run.problem == "There is no text to read: no/such/text.txt. Give a text, JSONL or Parquet file, or a folder "
        "of them."
    )
    trained("nothing", order)  # nothing was lost, so the name is free
    runs.stop("nothing")
    assert wait("nothing", lambda run: not run.alive).problem is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "../a", "/tmp/a", "a b", "a\n", "-rf", "é", "a" * 65]
)
def test_a_name_is_no_path(order: Order, name: str) -> None:
    with pytest.raises(InputError, match="This is no name for a run"):
        runs.start(name, order)


def test_an_order_that_cannot_work_is_refused_before_it_starts(root: Path, order: Order) -> None:
    with pytest.raises(InputError, match="There is nothing to train on"):
        runs.start("refused", replace(order, data=" "))
    with pytest.raises(ConfigError, match="steps is out of range: 0"):
        runs.start("refused", replace(order, steps=0))
    with pytest.raises(ConfigError, match="The recipe cannot be read"):
        runs.start("refused", replace(order, config="no.yaml"))
    assert not (root / "refused").exists()


def test_a_checkpoint_is_not_trained_over(root: Path, order: Order) -> None:
    (root / "kept").mkdir()
    (root / "kept" / "model.safetensors").write_bytes(b"precious")
    with pytest.raises(TrainingError, match="A run of this name exists"):
        runs.start("kept", order)


def test_a_shared_dashboard_starts_and_stops_nothing(root: Path, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "other").mkdir()
    (root / "other" / "command.json").write_bytes(order.as_json())
    monkeypatch.setenv("TILELLI_READ_ONLY", "1")
    for action in (lambda: runs.start("mine", order), lambda: runs.resume("other"), lambda: runs.stop("other")):
        with pytest.raises(TrainingError, match="cannot be started or stopped here"):
            action()
    assert not (root / "mine").exists()


def test_a_run_of_the_command_line_cannot_be_resumed_here(root: Path) -> None:
    RunFolder(root / "foreign").claim(resume=False)
    RunFolder(root / "foreign").log({"step": 10, "bpb": 4.0})
    run = runs.look("foreign")
    assert (run.state, run.step, run.steps, run.resumable, run.command) == ("stopped", 10, 0, False, None)
    assert run.headline == "**stopped** · step 10"
    (root / "foreign" / "command.json").write_text('{"config": 1')
    with pytest.raises(TrainingError, match="Nobody knows how this run was started"):
        runs.resume("foreign")


def test_a_process_that_is_no_trainer_is_left_alone(root: Path) -> None:
    RunFolder(root / "elsewhere").claim(resume=False)
    with RunFolder(root / "elsewhere").held(), subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1) as process:
        (root / "elsewhere" / LOCK).write_text(str(process.pid))
        with pytest.raises(TrainingError, match=rf"cannot be stopped from here: process {process.pid}"):
            runs.stop("elsewhere")
        assert process.poll() is None
        process.communicate(b"\n")


def test_records_that_are_no_records_are_left_out(root: Path) -> None:
    (root / "odd").mkdir()
    lines = [
        json.dumps({"step": 5, "bpb": 4.0}),
        "7",
        "null",
        '"text"',
        '{"bpb": 1}',
        '{"step": "x"}',
        '{"step": 10, "b',
    ]
    (root / "odd" / METRICS).write_text("\n".join(lines))
    assert runs.look("odd").records == [{"step": 5, "bpb": 4.0}]
    (root / "odd" / METRICS).write_bytes(b"\xff\xfe")
    assert runs.look("odd").records == []


def test_the_speed_is_the_mean_over_the_last_steps_and_says_what_is_left(order: Order) -> None:
    records = [{"step": step, "bytes_per_second": 1} for step in range(30)]
    records += [{"step": 100 + i, "bytes_per_second": speed} for i, speed in enumerate([100, 300] * 10)]
    run = runs.Run(Path("x"), "running", records, 269, 512, order, None)
    assert run.bytes_per_second == pytest.approx(150)
    assert run.headline == "**running** · step 119 of 269 · 150 bytes/s · about 0:08:32 left"


def test_the_command_line_is_what_was_asked_for(order: Order) -> None:
    wanted = replace(order, data="--resume; rm x", held_out="b.txt")
    assert wanted.arguments("out")[2] == "--data=--resume; rm x"
    assert wanted.command("out", resume=True).endswith(
        "'--data=--resume; rm x' --held-out=b.txt --kind=routed --steps=20 --seed=3 --threads=1 --out=out --resume"
    )


def test_paths_mean_the_same_in_any_folder(order: Order, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert replace(order, data=" cats.txt ").settled().data == str(root / "cats.txt")
    assert replace(order, data="hub:some/set").settled().data == "hub:some/set"


def test_the_smallest_recipe_comes_first() -> None:
    assert next(iter(recipes())) == "nano"
    assert all(os.path.exists(path) for path in recipes().values())
