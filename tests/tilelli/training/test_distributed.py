"""Several processes under torchrun: the same losses as one, and nothing lost when one of them is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tilelli.training.distributed import Group, join

ROOT = Path(__file__).parents[3]


def start(processes: int, text: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = ["-m", "tilelli", "train", "--config", "configs/nano.yaml", "--threads", "1"]
    chosen = ["--data", str(text), "--out", str(out), *more]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    # A session of its own, so that the test can look for its processes and clean up whatever happens.
    return subprocess.Popen(
        [*torchrun, *command, *chosen],
        cwd=ROOT,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def losses(folder: Path) -> list[float]:
    """Training and held-out losses, in the order in which they were logged."""
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [record.get("bpb", record.get("held_out_bpb")) for record in records]


def test_alone_there_is_a_group_of_one() -> None:
    with join() as group:
        assert group == Group(0, 1, group.device)
        assert group.main
        assert group.any(True)
        assert not group.any(False)


def test_two_processes_lose_what_one_loses(text_file: Path, tmp_path: Path) -> None:
    for processes in (1, 2):
        assert start(processes, text_file, tmp_path / str(processes), "--steps", "20").wait(180) == 0
    assert losses(tmp_path / "2") == pytest.approx(losses(tmp_path / "1"), abs=1e-4)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for the processes in /proc")
def test_a_killed_process_ends_the_run_and_resume_ends_at_the_same_loss(text_file: Path, tmp_path: Path) -> None:
    steps = ("--steps", "400")
    run = start(2, text_file, tmp_path / "killed", *steps)
    try:
        kill_one_process(run.pid, tmp_path / "killed" / "state.safetensors")
        assert run.wait(180) != 0
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
    assert len(losses(tmp_path / "killed")) < 80
    assert start(2, text_file, tmp_path / "killed", *steps, "--resume").wait(180) == 0
    assert start(2, text_file, tmp_path / "whole", *steps).wait(180) == 0
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")


def kill_one_process(launcher: int, once: Path) -> None:
    """SIGKILL the youngest child of `launcher` as soon as the file `once` is there."""
    deadline = time.monotonic() + 120
    while not once.exists():
        assert time.monotonic() < deadline
        time.sleep(0.002)
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
