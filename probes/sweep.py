"""Many checkpoints, many probes: each pair is a task, and tasks run wherever there is room.

Tasks are made here, where every checkpoint is opened once to know it by its weights, so that what is stored is not run
again and what is broken is found before anything is computed. They are carried out by joblib, in processes of this
machine or on a Dask cluster, each with one thread, so that the same numbers come out wherever they run. Workers keep
rows as they go if they can reach the database; results come back and are kept here. This module knows no probe.
"""

import glob
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from probes.banks import Bank
from probes.registry import Probe
from probes.result import ProbeResult
from probes.store.engine import address
from probes.store.keeper import Keeper
from probes.store.key import Key
from tilelli.errors import InputError, TilelliError
from tilelli.header import PACKED, WEIGHTS

if TYPE_CHECKING:
    from tilelli.base import ByteLM

DASK = "dask://"
CONNECT = 20  # seconds in which a cluster must answer
State = Literal["computed", "found", "failed"]


@dataclass(frozen=True)
class Asked:
    """What is put to every checkpoint: a probe by name, its settings already chosen, and its questions."""

    name: str
    probe: Probe
    bank: Bank | None

    def key(self, model: "ByteLM", seed: int) -> Key:
        return Key.of(self.name, model, self.bank, self.probe.settings, seed)


@dataclass(frozen=True)
class Task:
    """A probe to be put to a checkpoint; everything that a worker needs, in what can be sent.

    Attributes:
        checkpoint: what it is called.
        place: the same, with the whole path where it is one: a worker may stand elsewhere.
        url: of the database.
        machine: that planned it; an SQLite file is only there.
    """

    asked: Asked
    checkpoint: str
    place: str
    seed: int
    key: Key
    url: str
    machine: str


@dataclass(frozen=True)
class Outcome:
    """What became of a task, or of a checkpoint that could not be opened; `reason` says why it failed."""

    checkpoint: str
    probe: str
    state: State
    result: ProbeResult | None = None
    reason: str = ""


def matching(patterns: Sequence[str]) -> list[str]:
    """Names of checkpoints; a pattern with wildcards stands for all that match it and hold weights, in order.

    Raises:
        InputError: a pattern stands for nothing.
    """
    found: list[str] = []
    for pattern in patterns:
        wild = glob.has_magic(pattern) and not Path(pattern).exists()
        names = [name for name in sorted(glob.glob(pattern)) if _is_checkpoint(Path(name))] if wild else [pattern]
        if not names:
            raise InputError("No checkpoint matches", pattern, "Name folders that hold model.safetensors.")
        found += names
    return list(dict.fromkeys(found))


def plan(
    checkpoints: Sequence[str], asked: Sequence[Asked], seed: int, url: str | None = None
) -> Iterator[list[Task] | Outcome]:
    """For each checkpoint its tasks, or a failure if it cannot be opened."""
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load

    for name in checkpoints:
        try:
            model = load(name, ByteLM)
        except TilelliError as error:
            yield Outcome(name, "", "failed", reason=str(error))
            continue
        place = os.path.abspath(name) if Path(name).exists() else name
        where = url or address()
        yield [Task(each, name, place, seed, each.key(model, seed), where, platform.node()) for each in asked]


def carry_out(tasks: Sequence[Task], keeper: Keeper, backend: str | None = None, jobs: int = -1) -> Iterator[Outcome]:
    """Outcomes as they come: first what is stored, then what is computed, which is kept.

    Tasks with the same key, as two copies of a checkpoint have, are computed once.

    Raises:
        InputError: there is no such backend, it cannot be reached, or its workers ended.
    """
    waiting: dict[str, list[Task]] = {}
    for task in tasks:
        kept = keeper.result(task.key)
        if kept is not None:
            yield _named(Outcome(task.checkpoint, task.asked.name, "found", kept), task)
        else:
            waiting.setdefault(task.key.digest, []).append(task)
    for digest, outcome in _spread([group[0] for group in waiting.values()], backend, jobs):
        first, *copies = waiting[digest]
        if outcome.result is not None:
            keeper.put(first.key, outcome.result)
        yield outcome
        for copy in copies:
            yield _named(outcome, copy)


def work(task: Task) -> tuple[str, Outcome]:
    """Carry one task out, wherever this runs; a failure is an outcome too. Returns the digest of its key with it."""
    lite_elsewhere = task.url.startswith("sqlite") and platform.node() != task.machine
    keeper = Keeper(not lite_elsewhere, task.url)  # if it fails here, its trouble shows where results are kept
    try:
        with one_thread():
            return task.key.digest, Outcome(task.checkpoint, task.asked.name, "computed", _computed(task, keeper))
    except Exception as error:  # whatever it is, the other tasks go on
        said = str(error) if isinstance(error, TilelliError) else f"{type(error).__name__}: {error}"
        return task.key.digest, Outcome(task.checkpoint, task.asked.name, "failed", reason=said)
    finally:
        keeper.close()


def _computed(task: Task, keeper: Keeper) -> ProbeResult:
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load

    model, asked = load(task.place, ByteLM), task.asked
    here = asked.key(model, task.seed)
    if here != task.key:
        seen = "other code" if here.code != task.key.code else "other weights"
        raise InputError("A worker does not have what was planned", seen, "Give all machines the same files.")
    return asked.probe.run(model, task.checkpoint, asked.bank, asked.probe.settings, task.seed, keeper)


def _spread(tasks: Sequence[Task], backend: str | None, jobs: int) -> Iterator[tuple[str, Outcome]]:
    from joblib import Parallel, delayed  # type: ignore[import-untyped]

    if not tasks:
        return
    try:
        with _backend(backend):
            run = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
            yield from run(delayed(work)(task) for task in tasks)
    except TilelliError:
        raise
    except Exception as error:
        cause = f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
        remedy = "Run the same again: what was finished is stored. Fewer --jobs take less memory."
        raise InputError("The workers ended early", cause, remedy) from error


@contextmanager
def _backend(backend: str | None) -> Iterator[None]:
    """Where joblib runs things: processes here, or a Dask cluster."""
    from joblib import parallel_config

    if backend is None:
        with parallel_config("loky", inner_max_num_threads=1):
            yield
        return
    if not backend.startswith(DASK):
        raise InputError("There is no such backend", backend, f"Use {DASK}HOST:PORT, or none for processes here.")
    with _client(backend.removeprefix(DASK)) as client, parallel_config("dask", client=client):
        yield


@contextmanager
def _client(scheduler: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError:
        raise InputError("Dask is not installed", "distributed", "Install it: pip install distributed.") from None
    try:
        client: Any = Client(f"tcp://{scheduler}", timeout=CONNECT, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        cause = " ".join(str(error).split())[:160]
        remedy = "Start one with dask scheduler, and workers with dask worker."
        raise InputError("No Dask scheduler answers", f"{scheduler} ({cause})", remedy) from None
    with client:
        yield client


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for sums, whose last bits depend on how many there are."""
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def _named(outcome: Outcome, task: Task) -> Outcome:
    """The outcome under the name of another checkpoint with the same weights."""
    result = outcome.result and replace(outcome.result, checkpoint=task.checkpoint)
    return replace(outcome, checkpoint=task.checkpoint, result=result)


def _is_checkpoint(path: Path) -> bool:
    if path.is_dir():
        return any((path / name).is_file() for name in (WEIGHTS, PACKED))
    return path.suffix == ".safetensors"
