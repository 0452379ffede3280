"""The only caches and the only place that touches checkpoints on disk.

A model is loaded once and shared by all sessions: it is in evaluation mode, wants no gradient, and nothing about a
conversation is ever kept on it. Cache keys are the file's path, size and time of change, so a checkpoint that is
trained further is loaded anew.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any, BinaryIO

import streamlit as st

from tilelli.errors import CheckpointError, TilelliError
from tilelli.header import BUNDLED, CONFIG, PACKED, PROVENANCE, WEIGHTS, Header, bundled, find, read_header
from tilelli.hub import download
from tilelli.machine import home as home
from tilelli.splice import origins

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from app.voices import Speaker
    from probes.banks import Bank
    from probes.drift import Drift
    from probes.effects import Effect
    from probes.survey import Survey
    from probes.xray import Xray
    from tilelli.base import ByteLM
    from tilelli.trace import Trace

LARGEST_UPLOAD_MB = 64
LARGE = 2**19  # kept keys of a trace, some 6 MB: of smaller ones many are kept, of larger ones few
RUNS = Path("runs")
FIRST_PAGE = 1.5  # seconds that the first page has to itself
BANKS: dict[str | type[Any], Callable[[Any], Any]] = {
    "probes.banks.bank.Bank": lambda bank: (bank.name, bank.sha256)
}  # how a cache knows a bank
Stamps = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Entry:
    """One checkpoint that the dashboard can open. `name` is what the URL and the command line call it."""

    name: str
    origin: str
    header: Header | None
    problem: str | None = None


def checkpoint_folder() -> Path:
    """Where the user keeps checkpoints: `TILELLI_CHECKPOINTS`, or `runs/` in the working directory."""
    return Path(os.environ.get("TILELLI_CHECKPOINTS", RUNS)).expanduser()


def read_only() -> bool:
    """True where visitors may look but not add: set `TILELLI_READ_ONLY=1` before sharing the dashboard."""
    return os.environ.get("TILELLI_READ_ONLY", "") not in ("", "0")


def checkpoints() -> list[Entry]:
    """All that can be opened: bundled, in the user's folder, uploaded, fetched from a hub. Reads headers only."""
    entries = [_entry(name, "bundled", BUNDLED / name.split("/")[1]) for name in bundled()]
    folders = {"your folder": checkpoint_folder(), "uploaded": home() / "uploads", "hub": home() / "hub"}
    for origin, root in folders.items():
        found = (
            file.parent for form in (WEIGHTS, PACKED) for depth in ("*", "*/*") for file in root.glob(f"{depth}/{form}")
        )
        entries += [_entry(str(folder), origin, folder) for folder in sorted(set(found))]
    return entries


def model(name: str) -> "ByteLM":
    """The model behind a name; raises CheckpointError."""
    return _model(name, _stamps(name))


def speaker(name: str, engine: str, interventions: str = "") -> "Speaker":
    """Who writes with a checkpoint; torch whatever `engine` says, where it alone can do what is asked.

    Raises:
        CheckpointError: it cannot be loaded; other engines than torch say so when they write.
    """
    from app import voices

    if voices.able(engine, name, interventions) == "torch":
        return voices.by_torch(model(name), interventions)
    return voices.by(engine, name, interventions)


def identity(name: str) -> str:
    """SHA-256 of the weights behind a name."""
    return _identity(name, _stamps(name))


def trace(name: str, text: bytes, interventions: str = "") -> "Trace":
    """One forward pass over `text`, at most as long as the model's context, under interventions as they are written."""
    from tilelli.trace import places

    kept = _trace if places(read_header(name).config, len(text)) <= LARGE else _large_trace
    return kept(name, _stamps(name), text, interventions)


def bits(name: str, text: bytes, interventions: str = "") -> "NDArray[np.float64]":
    """(T,): bits that each byte of a text of any length costs, under interventions as they are written."""
    return _bits(name, _stamps(name), text, interventions)


def drift(before: str, after: str) -> "Drift":
    """What changed in the weights from one checkpoint to another; raises InputError if they are not of one shape."""
    return _drift((before, after), (_stamps(before), _stamps(after)))


def effect(name: str, text: bytes, interventions: str) -> "Effect":
    """What interventions, as they are written, do to how `text` is read and goes on."""
    return _effect(name, _stamps(name), text, interventions)


def regimes(name: str, bank_name: str, interventions: str = "") -> "pd.DataFrame":
    """Which pathway carries which kind of question of a bank."""
    return _regimes(name, _stamps(name), bank(bank_name), interventions)


def survey(name: str, text: bytes, interventions: str = "") -> "Survey":
    """What all attention heads do with `text`, under interventions as they are written."""
    return _survey(name, _stamps(name), text, interventions)


@st.cache_resource(max_entries=4, show_spinner="Reading the bank …")
def bank(name: str) -> "Bank":
    """A bundled bank, or the one in a file as it was when it was first asked for."""
    from probes.banks import bank

    return bank(name)


def xray(name: str, text: bytes, place: int, interventions: str = "") -> "Xray":
    """All that led to byte number `place` of `text`, under interventions as they are written."""
    return _xray(name, _stamps(name), text, place, interventions)


def add_upload(file: BinaryIO, config: bytes | None = None) -> str:
    """Check an uploaded weights file and keep it; returns its name. What is refused leaves nothing behind."""
    uploads = home() / "uploads"
    uploads.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=uploads, prefix=".checking-") as temporary:
        folder = Path(temporary) / "checkpoint"
        folder.mkdir()
        digest = hashlib.sha256()
        with (folder / WEIGHTS).open("wb") as out:
            while block := file.read(2**20):
                digest.update(block)
                out.write(block)
        if config is not None:
            (folder / CONFIG).write_bytes(config)
        _check(folder)
        target = uploads / digest.hexdigest()[:12]
        if not target.exists():
            folder.rename(target)
    return str(target)


def add_text(file: BinaryIO, name: str) -> str:
    """Keep an uploaded text, which is known by its content; returns its path."""
    content = file.read()
    folder = home() / "texts" / hashlib.sha256(content).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / (Path(name).name.strip(".") or "text.txt")
    kept.write_bytes(content)
    return str(kept)


def add_from_hub(name: str) -> str:
    """Fetch a hub checkpoint, check it and keep a copy; returns its name."""
    fetched = download(name, (WEIGHTS, PACKED), (CONFIG, PROVENANCE), bundled())
    _check(fetched)
    target = home() / "hub" / name
    target.mkdir(parents=True, exist_ok=True)
    for part in (fetched.name, CONFIG, PROVENANCE):
        if (fetched.parent / part).is_file():
            shutil.copyfile(fetched.parent / part, target / part)
    return str(target)


@st.cache_resource(show_spinner=False)
def warm_up() -> Timer:
    """Import torch while the first page is being read, not before it stands, since loading a library stops all other
    threads; no page but those that run a model waits for it. Then have machine code made, or fetched, for the fastest
    engine; until it is there another one writes.

    One thread a model: at one byte a step more are slower even alone, and sessions would starve each other.
    """

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read once, when torch is loaded; setting it later misses threads
    thread = Timer(FIRST_PAGE, _warm)
    thread.daemon = True
    thread.start()
    return thread


def _warm() -> None:
    import_module("tilelli.model")
    from tilelli.engine.compiler import MACHINE

    MACHINE.begin()


def _entry(name: str, origin: str, folder: Path) -> Entry:
    try:
        return Entry(name, origin, read_header(folder))
    except TilelliError as error:
        return Entry(name, origin, None, str(error))


def _check(path: Path) -> None:
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load

    load(path, ByteLM)


def _stamps(name: str) -> Stamps:
    """File, size and time of change of all that a checkpoint is made of."""
    found = []
    for origin in origins(name):
        path = find(origin)
        try:
            status = path.stat()
        except OSError as error:
            raise CheckpointError("The checkpoint has gone", f"{path} ({error.strerror})", "Choose another.") from None
        found.append((str(path), status.st_size, status.st_mtime_ns))
    return tuple(found)


@st.cache_resource(max_entries=6, show_spinner="Loading the checkpoint …")
def _model(name: str, stamps: Stamps) -> "ByteLM":
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load

    return load(name, ByteLM)


@st.cache_resource(max_entries=64, show_spinner=False)
def _identity(name: str, stamps: Stamps) -> str:
    from tilelli.checkpoint import weights_hash

    return weights_hash(_model(name, stamps))


@st.cache_resource(max_entries=24, show_spinner="Reading the text …")
def _trace(name: str, stamps: Stamps, text: bytes, interventions: str) -> "Trace":
    from tilelli.interventions import parse
    from tilelli.trace import trace

    return trace(_model(name, stamps), list(text), parse(interventions))


@st.cache_resource(max_entries=2, show_spinner="Reading the text …")
def _large_trace(name: str, stamps: Stamps, text: bytes, interventions: str) -> "Trace":
    from tilelli.interventions import parse
    from tilelli.trace import trace

    return trace(_model(name, stamps), list(text), parse(interventions))


@st.cache_resource(max_entries=48, show_spinner="Reading the text …")
def _bits(name: str, stamps: Stamps, text: bytes, interventions: str) -> "NDArray[np.float64]":
    from tilelli.evaluation import surprise
    from tilelli.interventions import parse

    return surprise(_model(name, stamps), text, parse(interventions))


@st.cache_resource(max_entries=12, show_spinner="Comparing the weights …")
def _drift(names: tuple[str, str], stamps: tuple[Stamps, Stamps]) -> "Drift":
    from probes.drift import drift

    return drift(*(_model(name, own) for name, own in zip(names, stamps, strict=True)))


@st.cache_resource(max_entries=24, show_spinner=False)
def _effect(name: str, stamps: Stamps, text: bytes, interventions: str) -> "Effect":
    from probes.effects import effect
    from tilelli.interventions import parse

    return effect(_model(name, stamps), text, parse(interventions))


@st.cache_resource(max_entries=12, show_spinner="Reading the questions …", hash_funcs=BANKS)
def _regimes(name: str, stamps: Stamps, bank: "Bank", interventions: str) -> "pd.DataFrame":
    from probes.regimes import share_by_regime
    from tilelli.interventions import parse

    return share_by_regime(_model(name, stamps), bank, interventions=parse(interventions))


@st.cache_resource(max_entries=48, show_spinner="Looking at every head …")
def _survey(name: str, stamps: Stamps, text: bytes, interventions: str) -> "Survey":
    from probes.survey import survey

    return survey(trace(name, text, interventions), read_header(name).config.top_k)


@st.cache_resource(max_entries=64, show_spinner="Looking through …")
def _xray(name: str, stamps: Stamps, text: bytes, place: int, interventions: str) -> "Xray":
    from probes.xray import xray
    from tilelli.interventions import parse

    return xray(_model(name, stamps), list(text), place, parse(interventions))
