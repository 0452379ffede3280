"""What a run leaves on disk, and how it goes on after being stopped or killed.

    model.safetensors, config.json, training.json    a checkpoint like any other, renewed at every save
    state.safetensors                                weights, optimizer and step in one file, for --resume
    metrics.jsonl                                    a line for every logged step and every evaluation
    .lock                                            held, with its pid, by the process that trains the run

`state.safetensors` is replaced in one atomic step, so there is always exactly one point to resume from.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from tilelli.base import ByteLM
from tilelli.checkpoint import write
from tilelli.config import ModelConfig, Settings, TrainingConfig, TuningConfig
from tilelli.errors import TrainingError
from tilelli.training.optimizer import REMEMBERED, Optimizers

try:
    import fcntl
except ImportError:  # Windows: a run has no lock there
    fcntl = None  # type: ignore[assignment]

SECTIONS: dict[str, type[Settings]] = {"model": ModelConfig, "training": TrainingConfig, "tuning": TuningConfig}
STATE, METRICS, LOCK = "state.safetensors", "metrics.jsonl", ".lock"


@dataclass(frozen=True)
class RunFolder:
    """One run's folder."""

    path: Path

    def has_state(self) -> bool:
        return (self.path / STATE).is_file()

    def claim(self, resume: bool) -> None:
        """Make the folder; refuse one that already holds a run, unless it is to be resumed."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            seen = f"{self.path} ({error.strerror})"
            raise TrainingError("The folder of the run cannot be made", seen, "Choose another --out.") from None
        if not resume and ((self.path / METRICS).exists() or self.has_state()):
            raise TrainingError(
                "The folder already holds a run", str(self.path), "Add --resume, or choose another --out."
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from training this run; the kernel lets go of it when this one dies.

        Raises:
            TrainingError: another process is training it.
        """
        with (self.path / LOCK).open("a", encoding="utf-8") as file:
            if fcntl and not _locked(file.fileno(), fcntl.LOCK_EX):
                seen = f"{self.path}, by process {self.trained_by()}"
                raise TrainingError("The run is being trained already", seen, "Wait for it, or stop that process.")
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def trained_by(self) -> int | None:
        """The process that trains this run at this moment; None if there is none, or where nobody can tell."""
        try:
            with (self.path / LOCK).open(encoding="utf-8") as file:
                if fcntl is None or _locked(file.fileno(), fcntl.LOCK_SH, attempts=1):
                    return None
                return int(file.read())
        except (OSError, ValueError):  # no such file, or a holder that is just about to write its pid
            return None

    def log(self, record: dict[str, Any]) -> None:
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """All records so far; a line that a crash cut off is left out."""
        records = []
        try:
            lines = (self.path / METRICS).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []
        for line in lines:
            try:
                records.append(json.loads(line))
            except ValueError:
                continue
        return records

    def save_state(self, model: ByteLM, optimizer: Optimizers, facts: dict[str, Any]) -> None:
        """Write everything a resumed run needs. `facts` must hold `step` and whatever `load_state` is to compare."""
        tensors = {f"model.{key}": value.detach().cpu() for key, value in model.state_dict().items()}
        for name, parameter in model.named_parameters():
            tensors |= {f"{kind}.{name}": value.cpu() for kind, value in optimizer.memory_of(parameter).items()}
        write(self.path / STATE, save(tensors, {"facts": json.dumps(facts)}))

    def load_state(self, model: ByteLM, optimizer: Optimizers, same: dict[str, Any]) -> dict[str, Any]:
        """Put weights and optimizer back; returns the saved facts.

        Raises:
            TrainingError: the state cannot be read, or a fact in `same` differs from the saved one.
        """
        try:
            with safe_open(self.path / STATE, framework="pt") as file:
                facts: dict[str, Any] = json.loads(file.metadata()["facts"])
                tensors: dict[str, Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except Exception as error:  # safetensors raises its own kinds, a foreign file any of several
            raise TrainingError(
                "The run cannot be resumed", f"{self.path / STATE} ({error})", "Start again."
            ) from error
        for key, value in same.items():
            saved = facts.get(key)
            if key in SECTIONS and isinstance(saved, dict):  # settings that came after the run have their defaults
                saved = {name: default for name, default in SECTIONS[key]().to_dict().items() if name in value} | saved
            if saved != value:
                changed = _difference(saved, value)
                raise TrainingError(
                    f"The run was started with another {key}", changed, "Use the same, or another --out."
                )
        model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
        for name, parameter in model.named_parameters():
            kept = {kind: tensors[f"{kind}.{name}"] for kind in REMEMBERED if f"{kind}.{name}" in tensors}
            if kept:
                optimizer.remember(parameter, kept)
        return facts

    def forget_after(self, step: int) -> None:
        """Leave out of the records what a resumed run is going to do again."""
        records = [record for record in self.metrics() if record["step"] <= step]
        write(self.path / METRICS, "".join(json.dumps(record) + "\n" for record in records).encode())


def _locked(file: int, kind: int, attempts: int = 5) -> bool:
    """Take a lock without waiting for its holder; tried again, since someone may only be looking at it."""
    for attempt in range(attempts):
        time.sleep(0.02 * attempt)
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        except OSError:  # a file system without locks
            pass
        return True
    return False


def _difference(saved: Any, now: Any) -> str:
    if isinstance(saved, dict) and isinstance(now, dict):
        keys = [key for key in now if saved.get(key) != now[key]]
        return ", ".join(f"{key} was {saved.get(key)}, is {now[key]}" for key in keys)
    return f"was {saved}, is {now}"
