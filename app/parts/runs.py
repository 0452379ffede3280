"""Training runs as processes of their own: start, list, look at, stop, resume.

A run is trained by `python -m tilelli train` and outlives the dashboard. Whether it is alive is read from the lock in
its folder, how it stands from its records, and what it was asked for from `command.json`. This module knows no screen.
"""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from app import services
from app.parts.orders import ROOT, Order, check_name
from tilelli.checkpoint import write
from tilelli.errors import TilelliError, TrainingError
from tilelli.header import PROVENANCE
from tilelli.training.health import alarms, entropy
from tilelli.training.run import LOCK, METRICS, STATE, RunFolder

COMMAND, LOG = "command.json", "log.txt"
ERROR = re.compile(r"^[\w.]+(?:Error|Exception): (.+)$", re.MULTILINE)
RECENT = 20  # logged steps over which the speed is averaged
PYTHON = """
from pathlib import Path
from tilelli.training.health import alarms
from tilelli.training.run import RunFolder

records = RunFolder(Path({path!r})).metrics()
print(f"{{len(records)}} records", *records[-1:], *alarms(records), sep="\\n")
"""
_children: dict[Path, subprocess.Popen[bytes]] = {}  # started here; without them nobody would see one that dies early


@dataclass(frozen=True)
class Run:
    """A run as it stands at this moment.

    Attributes:
        alive: `starting` or `running`; None if no process trains it.
        records: one dictionary a logged step or evaluation, as `metrics.jsonl` has them, with the `entropy` of every
            block where its shares are known.
        steps, bytes_a_step: what it was asked for; 0 if nobody knows.
        order: None if it was not started here, so that it cannot be resumed here either.
        problem: the sentence with which it failed, if it did.
    """

    path: Path
    alive: str | None
    records: list[dict[str, Any]]
    steps: int
    bytes_a_step: int
    order: Order | None
    problem: str | None

    @property
    def state(self) -> str:
        """`starting`, `running`, `failed`, `done` or `stopped`."""
        return self.alive or ("failed" if self.problem else "done" if self.progress == 1 else "stopped")

    @property
    def resumable(self) -> bool:
        return not self.alive and self.state != "done" and self.order is not None

    @cached_property
    def alarms(self) -> list[str]:
        return alarms(self.records)

    @cached_property
    def step(self) -> int:
        return max((record["step"] for record in self.records), default=0)

    @property
    def progress(self) -> float:
        """From 0 to 1; 0 if nobody knows how long it is to be."""
        return min(self.step / self.steps, 1.0) if self.steps else 0.0

    @property
    def bytes_per_second(self) -> float:
        """Over the last logged steps, evaluations left out; 0 if unknown."""
        logged = [record["bytes_per_second"] for record in self.records if record.get("bytes_per_second")][-RECENT:]
        return len(logged) / sum(1 / speed for speed in logged) if logged else 0.0

    @property
    def headline(self) -> str:
        """In a line: the state, how far it is, how fast, and for how long yet."""
        speed = self.bytes_per_second
        parts = [f"**{self.state}**", f"step {self.step:,}" + (f" of {self.steps:,}" if self.steps else "")]
        parts += [f"{speed:,.0f} bytes/s"] if speed else []
        if self.alive and speed and self.steps:
            left = round((self.steps - self.step) * self.bytes_a_step / speed)
            parts.append(f"about {timedelta(seconds=left)} left")
        return " · ".join(parts)

    @property
    def python(self) -> str:
        return PYTHON.format(path=str(self.path))

    @property
    def command(self) -> str | None:
        """What goes on with it in a terminal."""
        return self.order.command(self.path, resume=True) if self.order else None


def names() -> list[str]:
    """Every run in the user's folder, those that are being trained first."""
    root = services.checkpoint_folder()
    files = [f for kind in (METRICS, STATE, COMMAND) for depth in ("*", "*/*") for f in root.glob(f"{depth}/{kind}")]
    found = {file.parent.relative_to(root).as_posix(): file.parent for file in files}
    return sorted(found, key=lambda name: (not _alive(found[name]), name))


def look(name: str) -> Run:
    """The run of that name; raises TrainingError if its records cannot be read."""
    path = services.checkpoint_folder() / name
    alive = _alive(path)  # before the records: a run that ends in between has all of them
    order = Order.read(path / COMMAND)
    return Run(path, alive, _records(path), *_extent(path, order), order, None if alive else _problem(path))


def start(name: str, order: Order) -> str:
    """Begin a run in a process of its own; returns its name.

    Raises:
        InputError: the name is no name, or nothing was named to train on.
        ConfigError: the recipe is wrong, or a setting is out of range.
        TrainingError: a run of that name exists, or this dashboard is for reading only.
    """
    path = services.checkpoint_folder() / check_name(name)
    if _alive(path) or any(path.glob("*.safetensors")) or (path / METRICS).exists():
        raise TrainingError("A run of this name exists", str(path), "Choose another name.")
    _launch(path, order.settled(), resume=False)
    return name


def resume(name: str) -> None:
    """Go on with a run as it was started; raises TrainingError."""
    path = services.checkpoint_folder() / name
    if _alive(path):
        raise TrainingError("The run is being trained already", str(path), "Wait for it, or stop it.")
    if (order := Order.read(path / COMMAND)) is None:
        seen = f"{path / COMMAND} is missing or broken"
        raise TrainingError("Nobody knows how this run was started", seen, "Resume it on the command line.")
    _launch(path, order, resume=True)


def stop(name: str) -> None:
    """Ask a run to save and to end; one that is not being trained is left alone.

    Raises:
        TrainingError: this dashboard is for reading only, or the process that trains it cannot be reached.
    """
    _may_change()
    path = services.checkpoint_folder() / name
    child = _children.get(path.resolve())
    if pid := RunFolder(path).trained_by():
        try:
            if not _is_trainer(pid):
                raise ProcessLookupError
            os.kill(pid, signal.SIGTERM)
        except (ProcessLookupError, PermissionError):
            seen = f"process {pid} is not one that this dashboard may end"
            raise TrainingError("The run cannot be stopped from here", seen, "Stop it where it was started.") from None
    elif child and child.poll() is None:
        child.terminate()


def _launch(path: Path, order: Order, resume: bool) -> None:
    _may_change()
    places = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    settings = {"OMP_NUM_THREADS": str(order.threads), "PYTHONPATH": os.pathsep.join(places)}
    try:
        path.mkdir(parents=True, exist_ok=True)
        write(path / COMMAND, order.as_json())
        with (path / LOG).open("wb") as log:
            _children[path.resolve()] = subprocess.Popen(
                [sys.executable, "-m", "tilelli", *order.arguments(path.resolve(), resume)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | settings,
                start_new_session=True,  # neither Ctrl-C nor the end of the dashboard ends it
            )
    except OSError as error:
        raise TrainingError("The run cannot be started", f"{path} ({error.strerror})", "Look at the folder.") from None


def _may_change() -> None:
    if services.read_only():
        seen, remedy = "TILELLI_READ_ONLY is set", "Use a dashboard of your own."
        raise TrainingError("Runs cannot be started or stopped here", seen, remedy)


def _alive(path: Path) -> str | None:
    """`running` while a process holds the run, `starting` while one of ours is about to."""
    if RunFolder(path).trained_by() is not None:
        return "running"
    child = _children.get(path.resolve())
    if child is None or child.poll() is not None:
        return None
    held = (path / LOCK).exists() and (path / LOCK).stat().st_mtime_ns > (path / COMMAND).stat().st_mtime_ns
    return "running" if held else "starting"  # what has let go of its lock is about to end


def _is_trainer(pid: int) -> bool:
    """False where the number means another process here: the folder may be shared with another machine."""
    if not Path("/proc/self").exists():
        return True
    try:
        return b"tilelli" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _records(path: Path) -> list[dict[str, Any]]:
    usable = [r for r in RunFolder(path).metrics() if isinstance(r, dict) and isinstance(r.get("step"), int)]
    return [r | {"entropy": [entropy(s) for s in r["shares"]]} if r.get("shares") else r for r in usable]


def _extent(path: Path, order: Order | None) -> tuple[int, int]:
    """Steps, and bytes a step: from what the checkpoint tells of its recipe, or else from the order."""
    try:
        recipe = json.loads((path / PROVENANCE).read_bytes())["recipe"]
        return recipe["training"]["steps"], recipe["training"]["batch_size"] * recipe["model"]["context"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    try:
        asked = order.recipe() if order else None
    except TilelliError:
        asked = None
    return (asked.training.steps, asked.training.batch_size * asked.model.context) if asked else (0, 0)


def _problem(path: Path) -> str | None:
    """The last error in the log."""
    try:
        said = (path / LOG).read_bytes()[-8000:].decode(errors="replace").replace("\r", "\n")
    except OSError:
        return None
    errors = ERROR.findall(said)
    return str(errors[-1]) if errors else None
