"""Every probe put to every checkpoint: the same rows wherever it runs, nothing twice, and no failure stops the rest."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probes import sweep
from probes.__main__ import main
from probes.abstain_probe import probe
from probes.answering import Answer
from probes.registry import REGISTERED, chosen
from probes.store.keeper import Keeper, keeping
from probes.store.store import Store
from probes.sweep import Asked, Outcome, Task, carry_out, matching, plan, work
from tests.probes.chats import SETTINGS, bank, bank_file, checkpoints
from tests.probes.store.conftest import assert_equal
from tilelli.base import ByteLM
from tilelli.checkpoint import load
from tilelli.errors import InputError, StoreError

ASKED = Asked("abstain", replace(REGISTERED["abstain"], settings=SETTINGS), bank())
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    """Three checkpoints in `runs/`, beside things that are none."""
    made = checkpoints(tmp_path)
    (tmp_path / "runs" / "notes.txt").write_text("no checkpoint")
    (tmp_path / "runs" / "empty").mkdir()
    return made


def planned(names: list[str], **changes: Any) -> list[Task]:
    found: list[Task] = []
    for tasks in plan(names, [ASKED], 0, **changes):
        assert not isinstance(tasks, Outcome)
        found += tasks
    return found


def swept(names: list[str], url: str, **where: Any) -> list[Outcome]:
    with keeping(url=url) as keeper:
        return list(carry_out(planned(names, url=url), keeper, **where))


def kept(url: str, names: list[str]) -> list[tuple[Any, Any]]:
    """The rows and the result of each checkpoint."""
    store, found = Store(url), []
    for task in planned(names):
        model = load(task.place, ByteLM)
        answers = sweep.Key.of("answers", model, bank(), {"max_new": 4}, 0)
        found.append((store.rows(answers), store.result(task.key)))
    store.close()
    return found


def assert_as_directly(url: str, names: list[str]) -> None:
    """What is kept is what the probe gives when it is asked in this process."""
    for name, (rows, result) in zip(names, kept(url, names), strict=True):
        expected = probe(load(name, ByteLM), name, bank(), SETTINGS, 0, Keeper(wanted=False))
        assert_equal(result, expected)
        assert list(rows) == list(range(12))
        assert [Answer(**row).reply for row in rows.values()] == expected.rows["reply"].tolist()


@pytest.fixture
def cluster() -> Iterator[str]:
    """Address of a Dask cluster of two workers, each a process."""
    distributed = pytest.importorskip("distributed")
    made = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1")
    with made:
        yield made.scheduler_address.replace("tcp://", sweep.DASK)


def test_processes_here_and_two_workers_of_a_cluster_find_the_same_rows(
    runs: list[str], own_store: str, cluster: str, tmp_path: Path
) -> None:
    """And both what the probe finds when it is asked directly."""
    here = f"sqlite:///{tmp_path}/here.db"
    outcomes = [*swept(runs, here, jobs=2), *swept(runs, own_store, backend=cluster)]
    assert [(outcome.state, outcome.reason) for outcome in outcomes] == [("computed", "")] * 6
    for (rows, result), (other_rows, other) in zip(kept(own_store, runs), kept(here, runs), strict=True):
        assert rows == other_rows
        assert_equal(result, other)
    assert_as_directly(own_store, runs)


def test_what_is_stored_is_not_run_again(runs: list[str], own_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    swept(runs[:2], own_store, jobs=1)
    seen: list[str] = []
    own: Callable[[Task], Any] = work
    monkeypatch.setattr(sweep, "work", lambda task: (seen.append(task.checkpoint), own(task))[1])
    outcomes = swept(runs, own_store, jobs=1)
    assert [outcome.state for outcome in outcomes] == ["found", "found", "computed"]
    assert seen == runs[2:]
    assert all(outcome.result is not None for outcome in outcomes)


def test_a_copy_of_a_checkpoint_is_computed_once_and_named_by_its_own_name(
    runs: list[str], own_store: str, tmp_path: Path
) -> None:
    copy = str(shutil.copytree(runs[0], tmp_path / "copy"))
    first, second = swept([runs[0], copy], own_store, jobs=1)
    assert first.result is not None
    assert_equal(second.result, replace(first.result, checkpoint=copy))
    store = Store(own_store)
    assert len(store.history()) == 1
    store.close()


def test_a_task_that_fails_is_an_outcome_and_not_the_end(runs: list[str], own_store: str) -> None:
    tasks = planned(runs[:2])
    bad = replace(tasks[0], asked=replace(ASKED, bank=None))
    wrong = replace(tasks[0], place=runs[2])
    with keeping() as keeper:
        outcomes = list(carry_out([bad, tasks[1]], keeper, jobs=1))
    assert [outcome.state for outcome in outcomes] == ["failed", "computed"]
    digest, outcome = work(wrong)
    assert (digest, outcome.state) == (tasks[0].key.digest, "failed")
    assert outcome.reason.startswith("A worker does not have what was planned: other weights. ")


def test_a_worker_elsewhere_leaves_an_sqlite_file_alone_and_sends_its_result(runs: list[str], tmp_path: Path) -> None:
    (task,) = planned(runs[:1], url=f"sqlite:///{tmp_path}/there.db")
    _, outcome = work(replace(task, machine="another"))
    assert outcome.state == "computed"
    assert not (tmp_path / "there.db").exists()
    work(task)
    assert (tmp_path / "there.db").exists()


def test_workers_that_end_are_told(runs: list[str], own_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(task: Task) -> None:
        raise OSError("out of memory")

    monkeypatch.setattr(sweep, "work", end)
    with pytest.raises(InputError, match="The workers ended early: OSError: out of memory"):
        swept(runs, own_store, jobs=1)


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ("ray://here:1", "There is no such backend: ray://here:1. "),
        ("dask://127.0.0.1:1", r"No Dask scheduler answers: 127\.0\.0\.1:1 "),
        ("dask://nonsense", "No Dask scheduler answers: nonsense "),
    ],
)
def test_a_backend_that_is_not_there_is_told(
    backend: str, said: str, runs: list[str], own_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "CONNECT", 0.2)
    with pytest.raises(InputError, match=said):
        swept(runs, own_store, backend=backend)


def test_without_dask_it_is_said_what_to_install(
    runs: list[str], own_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match="pip install distributed"):
        swept(runs, own_store, backend="dask://127.0.0.1:1")


def test_a_pattern_stands_for_what_holds_weights_and_a_name_for_itself(runs: list[str], tmp_path: Path) -> None:
    assert matching([f"{tmp_path}/runs/*"]) == runs
    assert matching(["tilelli/mini", f"{tmp_path}/runs/c[01]", runs[0]]) == ["tilelli/mini", *runs[:2]]
    assert matching([f"{tmp_path}/runs/*/*"]) == [f"{name}/model.safetensors" for name in runs]
    with pytest.raises(InputError, match="No checkpoint matches: "):
        matching([f"{tmp_path}/nothing/*"])


def test_probes_are_chosen_by_name() -> None:
    assert list(chosen("all")) == list(REGISTERED)
    assert list(chosen(" abstain")) == ["abstain"]
    with pytest.raises(InputError, match="There is no such probe: 'abstian'"):
        chosen("abstain,abstian")


def call(folder: Path, *more: object) -> int:
    own = ["--checkpoints", f"{folder}/runs/*", "--bank", bank_file(folder), "--jobs", 1, "--quick"]
    return main(["sweep", "--probes", "abstain", *map(str, [*own, *more])])


def test_a_broken_checkpoint_is_named_at_the_end_and_the_rest_is_stored(
    runs: list[str], tmp_path: Path, capsys: Captured
) -> None:
    (Path(runs[1]) / "model.safetensors").write_bytes(b"broken")
    assert call(tmp_path, "--json", tmp_path / "out.json") == 2
    out, message = capsys.readouterr()
    states = [line.split()[0] for line in out.splitlines()]
    assert states == ["computed", "failed", "computed"]
    said = f"InputError: 1 checkpoint of 3 failed: {runs[1]}. The reasons stand above"
    assert message.splitlines()[-1].startswith(said)
    results = json.loads((tmp_path / "out.json").read_text())["results"]
    assert [result["checkpoint"] for result in results] == [runs[0], runs[2]]
    shutil.rmtree(runs[1])
    assert call(tmp_path) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["found", "found"]


def test_a_run_and_a_sweep_keep_the_same_result(runs: list[str], tmp_path: Path, capsys: Captured) -> None:
    assert main(["run", "abstain", "--checkpoint", runs[0], "--bank", str(bank_file(tmp_path)), "--quick"]) == 0
    capsys.readouterr()
    assert call(tmp_path) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["found", "computed", "computed"]


def test_a_sweep_is_not_begun_without_a_store_and_loses_no_figure_with_one_that_fails(
    runs: list[str], tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.store.store.Store.put", full)
    assert call(tmp_path) == 2
    out, message = capsys.readouterr()
    assert out.count("false inability") == 3
    assert message.splitlines()[-1] == "StoreError: Results cannot be kept or read: full. Make room."
    monkeypatch.setenv("TILELLI_DB", "nowhere")
    assert call(tmp_path) == 2
    out, message = capsys.readouterr()
    assert (out, message.splitlines()[-1].split(":")[0]) == ("", "StoreError")


def full(*_: object) -> None:
    raise StoreError("Results cannot be kept or read", "full", "Make room.")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--jobs", 0), "There is no such number of jobs: 0. "),
        (("--seed", -1), "There is no such seed: -1. "),
        (("--probes", "nothing"), "There is no such probe: 'nothing'. "),
        (("--bank", "nothing"), "There is no such bank: nothing. "),
        (("--json", "no/such/out.json"), "The result cannot be written: "),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_opened(
    more: tuple[object, ...],
    said: str,
    runs: list[str],
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tilelli.checkpoint.load", lambda *_: pytest.fail("a model was loaded"))
    assert call(tmp_path, *more) == 2
    out, message = capsys.readouterr()
    assert (out, said in message) == ("", True)
