"""What probes have found: the door to the database of results, and the caches of what came through it.

A result is known by its number and the time when it was put, so that one put again is read again; what is not there is
not remembered.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app import services
from app.services import BANKS

if TYPE_CHECKING:
    import pandas as pd

    from probes.banks import Bank
    from probes.reports.made import Report
    from probes.result import ProbeResult
    from probes.store.key import Key
    from probes.store.store import Entry, Store

Stamps = tuple[tuple[int, str], ...]
"""Stored results, each by its number and the time when it was put."""


def questions(probe: str, bank_name: str | None, quick: bool, seed: int) -> "Bank | None":
    """What a probe asks; for a quick look some rows of each part, drawn with `seed`."""
    from probes.registry import REGISTERED

    asked = REGISTERED[probe]
    if asked.bank is None:
        return None
    whole = services.bank(bank_name or asked.bank)
    return _sample(whole, asked.quick_rows, seed) if quick else whole


def key(
    probe: str, name: str, bank_name: str | None, quick: bool, seed: int, texts: Mapping[str, str] | None = None
) -> "Key":
    """By what the store knows a probe put to a checkpoint; `texts` are what its settings say of them."""
    bank = questions(probe, bank_name, quick, seed)
    return _key(probe, name, services.identity(name), bank, quick, seed, tuple((texts or {}).items()))


def texts(paths: Mapping[str, str | None]) -> dict[str, str]:
    """What settings say of texts, as `probes.texts.named` has it; each is read again when its files have changed.

    Raises:
        DataError: one is not there, or there is no text in it.
    """
    from tilelli.data.source import find

    said = dict[str, str]()
    for setting, path in paths.items():
        if path is not None:
            files = [Path(part) for part in find(path).parts]
            stamps = tuple((str(file), *_stamp(file)) for file in files)
            said |= _named(setting, path, stamps)
    return said


@contextmanager
def store() -> "Iterator[Store]":
    """The database of results; raises StoreError."""
    from probes.store.store import Store

    opened = Store()
    try:
        yield opened
    finally:
        opened.close()


def history() -> "list[Entry]":
    """What is stored, newest first."""
    with store() as opened:
        return opened.history()


def result(number: int, time: str) -> "ProbeResult":
    """A stored result, by its number and when it was put; raises InputError if it has gone."""
    from probes.store.engine import address

    return _result(address(), number, time)


def kept(key: "Key") -> "ProbeResult | None":
    """The result of a run, if it is stored."""
    from probes.store.engine import address

    try:
        return _kept(address(), key.digest, key)
    except KeyError:  # what is not there is not remembered
        return None


def differences(stamps: Stamps) -> "pd.DataFrame":
    """By how much stored results, by number and time, differ from the first of them."""
    from probes.store.engine import address

    return _differences(address(), stamps)


def report(stamps: Stamps) -> "Report":
    """Stored results, by number and time, as files to take away."""
    from probes.store.engine import address

    return _report(address(), stamps)


def _stamp(file: Path) -> tuple[int, int]:
    """Size and time of change; of what is on a hub, nothing."""
    status = file.stat() if file.exists() else None
    return (status.st_size, status.st_mtime_ns) if status else (0, 0)


@st.cache_resource(max_entries=16, show_spinner="Reading the text …")
def _named(setting: str, path: str, stamps: tuple[tuple[str, int, int], ...]) -> dict[str, str]:
    from probes.texts import named

    return named({setting: path})


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=BANKS)
def _sample(whole: "Bank", rows: int, seed: int) -> "Bank":
    from probes.banks import sample

    return sample(whole, rows, seed)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=BANKS)
def _key(
    probe: str, name: str, weights: str, bank: "Bank | None", quick: bool, seed: int, texts: tuple[tuple[str, str], ...]
) -> "Key":
    from probes.registry import REGISTERED
    from probes.store.key import Key

    asked = REGISTERED[probe].quickly() if quick else REGISTERED[probe]
    return Key.of(probe, services.model(name), bank, {**asked.settings, **dict(texts)}, seed)


@st.cache_resource(max_entries=8, show_spinner="Reading the result …")
def _result(url: str, number: int, time: str) -> "ProbeResult":
    with store() as opened:
        return opened.get(number)


@st.cache_resource(max_entries=8, show_spinner=False)
def _kept(url: str, digest: str, _key: "Key") -> "ProbeResult":
    with store() as opened:
        found = opened.result(_key)
    if found is None:
        raise KeyError(digest)
    return found


@st.cache_resource(max_entries=8, show_spinner="Comparing row by row …")
def _differences(url: str, stamps: Stamps) -> "pd.DataFrame":
    from probes.paired import table

    return table([result(number, time) for number, time in stamps])


@st.cache_resource(max_entries=4, show_spinner="Making the report …")
def _report(url: str, stamps: Stamps) -> "Report":
    from probes.reports.choosing import numbered
    from probes.reports.made import report

    with store() as opened:
        return report(opened, numbered(opened.history(), [number for number, _ in stamps]))
