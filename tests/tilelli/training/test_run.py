import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import MakeModel
from tilelli.base import ByteLM
from tilelli.config import TrainingConfig
from tilelli.errors import TrainingError
from tilelli.training.optimizer import Optimizers, make_optimizer
from tilelli.training.run import LOCK, METRICS, STATE, RunFolder

PLAN = TrainingConfig()
FACTS = {"step": 3, "data": "abc"}
HOLD = """
import fcntl, os, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print(os.getpid(), file=file, flush=True)
print("held", flush=True)
time.sleep(60)
"""


def stepped(model: ByteLM, plan: TrainingConfig) -> Optimizers:
    """An optimizer that has taken two steps on `model`."""
    model.requires_grad_(True)
    optimizer = make_optimizer(model, plan)
    for _ in range(2):
        model(torch.tensor([[1, 2, 3]]))[0].square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return optimizer


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_weights_and_optimizer_come_back_exactly(tiny: MakeModel, tmp_path: Path, kind: str) -> None:
    model, other, plan = tiny(), tiny(seed=1), TrainingConfig(optimizer=kind)
    optimizer, fresh = stepped(model, plan), make_optimizer(other, plan)
    RunFolder(tmp_path).save_state(model, optimizer, FACTS)
    assert RunFolder(tmp_path).load_state(other, fresh, {"data": "abc"}) == FACTS
    for mine, back in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, back)
        kept = optimizer.memory_of(mine)
        assert kept
        assert all(torch.equal(value, fresh.memory_of(back)[key]) for key, value in kept.items())


def test_a_state_before_the_first_step_can_be_saved(tiny: MakeModel, tmp_path: Path) -> None:
    model, folder = tiny(), RunFolder(tmp_path)
    folder.save_state(model, make_optimizer(model, PLAN), FACTS)
    assert folder.load_state(tiny(seed=1), make_optimizer(model, PLAN), {}) == FACTS


@pytest.mark.parametrize("content", [b"", b"garbage" * 99, (10**10).to_bytes(8, "little") + b"{}"])
def test_a_state_that_cannot_be_read_is_refused(tiny: MakeModel, tmp_path: Path, content: bytes) -> None:
    (tmp_path / STATE).write_bytes(content)
    with pytest.raises(TrainingError, match=r"The run cannot be resumed: .*state\.safetensors"):
        RunFolder(tmp_path).load_state(tiny(), make_optimizer(tiny(), PLAN), {})


def test_a_file_of_another_program_is_no_state(tiny: MakeModel, tmp_path: Path) -> None:
    tiny().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / STATE)
    with pytest.raises(TrainingError, match="The run cannot be resumed"):
        RunFolder(tmp_path).load_state(tiny(), make_optimizer(tiny(), PLAN), {})


def test_records_after_the_saved_step_are_forgotten(tiny: MakeModel, tmp_path: Path) -> None:
    folder, model = RunFolder(tmp_path), tiny()
    optimizer = make_optimizer(model, PLAN)
    for step in (2, 3, 4):
        folder.log({"step": step})
    folder.save_state(model, optimizer, FACTS)
    folder.forget_after(folder.load_state(model, optimizer, {})["step"])
    assert folder.metrics() == [{"step": 2}, {"step": 3}]


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.log({"step": 1})
    with (tmp_path / METRICS).open("a") as file:
        file.write('{"step": 2, "bp')
    assert folder.metrics() == [{"step": 1}]


def test_a_folder_without_metrics_has_none(tmp_path: Path) -> None:
    assert RunFolder(tmp_path / "absent").metrics() == []


def test_a_new_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    RunFolder(tmp_path / "a" / "b").claim(resume=False)
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("name", [STATE, METRICS])
def test_a_folder_in_use_is_claimed_only_to_go_on(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    RunFolder(tmp_path).claim(resume=True)
    with pytest.raises(TrainingError, match="The folder already holds a run"):
        RunFolder(tmp_path).claim(resume=False)


def test_a_file_in_the_place_of_the_folder_is_refused(text_file: Path) -> None:
    with pytest.raises(TrainingError, match=r"text\.txt"):
        RunFolder(text_file).claim(resume=False)


def test_two_never_train_one_run(tmp_path: Path) -> None:
    folder, again = RunFolder(tmp_path), RunFolder(tmp_path)
    assert folder.trained_by() is None
    with folder.held():
        assert again.trained_by() == os.getpid()
        refused = rf"is being trained already: .*, by process {os.getpid()}\. Wait for it"
        with pytest.raises(TrainingError, match=refused), again.held():
            pass
        assert again.trained_by() == os.getpid()
    assert folder.trained_by() is None
    with again.held():
        pass


def test_a_killed_process_holds_a_run_no_longer(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / LOCK)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert folder.trained_by() == process.pid
        process.kill()
    assert (tmp_path / LOCK).read_text().strip() == str(process.pid)
    assert folder.trained_by() is None
    with folder.held():
        assert folder.trained_by() == os.getpid()


def test_a_lock_without_a_number_names_nobody(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with folder.held():
        (tmp_path / LOCK).write_text("")
        assert folder.trained_by() is None


def test_without_locks_a_run_is_trained_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tilelli.training.run.fcntl", None)
    folder = RunFolder(tmp_path)
    with folder.held(), folder.held():
        assert folder.trained_by() is None
