"""Which stored results are meant: by number, or by what they are about."""

import json
from collections.abc import Sequence

from probes.banks.named import whole
from probes.store.store import Entry
from tilelli.errors import InputError


def narrowed(
    entries: Sequence[Entry],
    probe: str | None = None,
    checkpoint: str | None = None,
    bank: str | None = None,
    verdict: str | None = None,
) -> list[Entry]:
    """Those of a probe, a checkpoint (its name or the beginning of its hash), a bank (that or a part of it, by name or
    hash), and those with at least one verdict of a word; None leaves all."""
    return [
        entry
        for entry in entries
        if probe in (None, entry.probe)
        and (checkpoint in (None, entry.checkpoint) or entry.weights.startswith(str(checkpoint)))
        and (bank in (None, *names(entry)) or (entry.bank and entry.bank.startswith(str(bank))))
        and (verdict is None or verdict in entry.verdicts)
    ]


def names(entry: Entry) -> tuple[str, ...]:
    """What the questions of a result are called: what was asked, and the bank it was taken from."""
    return () if entry.bank_name is None else (entry.bank_name, whole(entry.bank_name))


def newest(entries: Sequence[Entry]) -> list[Entry]:
    """Of those that differ only in the code that measured them the newest; `entries` are newest first, and stay so."""
    seen: dict[tuple[object, ...], Entry] = {}
    for entry in entries:
        settings = json.dumps(entry.settings, sort_keys=True)
        seen.setdefault((entry.probe, entry.checkpoint, entry.weights, entry.bank, settings, entry.seed), entry)
    return list(seen.values())


def numbered(entries: Sequence[Entry], ids: Sequence[int]) -> list[Entry]:
    """Those with these numbers, in their order.

    Raises:
        InputError: there is none with one of them.
    """
    known = {entry.id: entry for entry in entries}
    missing = [number for number in ids if number not in known]
    if missing:
        remedy = "See python -m probes history for those there are."
        raise InputError("There is no such result", str(missing[0]), remedy)
    return [known[number] for number in dict.fromkeys(ids)]
