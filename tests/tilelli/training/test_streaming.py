"""Training on a stream: its place is saved with the run, so that a resumed run ends like one that ran through."""

import dataclasses
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.conftest import TEXT, TINY
from tests.tilelli.training.test_loop import PLAN, PowerCutError, figures
from tilelli.base import ByteLM
from tilelli.checkpoint import load, weights_hash
from tilelli.config import Recipe
from tilelli.data import stream
from tilelli.data.source import find
from tilelli.errors import DataError, TrainingError
from tilelli.training.distributed import Group
from tilelli.training.loop import Step, Task, train
from tilelli.training.pretraining import streaming
from tilelli.training.run import RunFolder
from tilelli.training.step import Trainer


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred documents, all different, and a few rows that hold none."""
    path = tmp_path_factory.mktemp("texts") / "a.jsonl"
    shuffled = random.Random(0)
    texts = [" ".join(shuffled.sample(TEXT.split(), 12)) for _ in range(200)] + ["", None]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few windows, so that a run of twelve steps reads several."""
    monkeypatch.setattr(stream, "BLOCK_BYTES", 150)


def task(path: Path, limit: int | None = None, size: int = 1, **changes: object) -> Task:
    recipe = Recipe(TINY, dataclasses.replace(PLAN, **changes))
    return streaming(recipe, find(str(path)), limit, [TEXT.encode()], Group(0, size))


def killed_run(path: Path, folder: Path, at: int) -> None:
    def die(step: Step) -> None:
        if step.step == at:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        train(task(path), RunFolder(folder), on_step=die)


@pytest.mark.parametrize("at", [3, 5, 9, 11])
def test_a_killed_run_goes_on_where_its_stream_stood(path: Path, tmp_path: Path, at: int) -> None:
    train(task(path), RunFolder(tmp_path / "whole"))
    killed_run(path, tmp_path / "killed", at)
    train(task(path), RunFolder(tmp_path / "killed"), resume=True)
    assert figures(tmp_path / "killed") == figures(tmp_path / "whole")
    models = [load(tmp_path / name, ByteLM) for name in ("killed", "whole")]
    assert weights_hash(models[0]) == weights_hash(models[1])


def test_each_step_reads_new_text(path: Path) -> None:
    source = task(path).source
    rows = [bytes(row.tolist()) for step in range(12) for row in source.batch(step).ids]
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    ("limit", "size", "message"),
    [
        (500, 1, "another data: bytes was None, is 500"),
        (None, 2, r"another data: processes was 1, is 2\. Use the same"),
    ],
)
def test_a_run_is_not_resumed_with_another_stream(
    path: Path, tmp_path: Path, limit: int | None, size: int, message: str
) -> None:
    train(task(path), RunFolder(tmp_path), should_stop=lambda: True)
    with pytest.raises(TrainingError, match=message):
        train(task(path, limit, size), RunFolder(tmp_path), resume=True)


def test_a_stream_without_a_window_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("tiny")
    with pytest.raises(DataError, match="shorter than one window"):
        train(task(tmp_path / "a.txt"), RunFolder(tmp_path / "run"))


def test_provenance_tells_the_text_and_its_revision(path: Path, tmp_path: Path) -> None:
    train(task(path, 5000), RunFolder(tmp_path))
    told = load(tmp_path, ByteLM).provenance["data"]
    expected = {"source": "a.jsonl", "revision": find(str(path)).revision, "text_field": "text", "bytes": 5000}
    assert told == expected


@dataclass(frozen=True)
class Pair(Group):
    """One of two processes; what the other has is told beforehand."""

    others: tuple[Any, ...] = ()

    def wrap(self, model: nn.Module) -> nn.Module:
        return model

    def gather(self, value: Any) -> list[Any]:
        return [*self.others[: self.rank], value, *self.others[self.rank :]]


def trainer(path: Path, rank: int, others: tuple[Any, ...] = ()) -> Trainer:
    group = Pair(rank, 2, others=others)
    one = streaming(Recipe(TINY, PLAN), find(str(path)), None, [], group)
    return Trainer(PLAN, one.model, one.source, group)


def test_each_process_goes_back_to_its_own_place(path: Path) -> None:
    first = trainer(path, 0)
    first.source.batch(0)
    second = trainer(path, 1, others=tuple(first.places()[:1]))
    second.source.batch(0)
    again = [trainer(path, rank) for rank in range(2)]
    for one in again:
        one.go_to(second.places())
    following = [[one.source.batch(1).ids for one in pair] for pair in ((first, second), again)]
    assert all(map(torch.equal, *following))
    assert not torch.equal(*following[0])


def test_each_process_trains_on_all_its_own_rows(path: Path) -> None:
    one = trainer(path, 1)
    assert one.source.batch(0).ids.shape == (PLAN.batch_size // 2, TINY.context + 1)
    assert one.own_rows(1).ids.shape == (PLAN.batch_size // 2, TINY.context + 1)
