"""The same once more: the command that measures a result again, and the measuring itself, with nothing from before.

What a report claims is worth as much as what comes out when somebody else runs it. So no stored row is used, nothing is
stored, and sums are made by one thread, as sweeps do.
"""

import argparse
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.banks import Bank
from probes.banks.named import recalled, whole
from probes.paired import differences
from probes.registry import REGISTERED, Probe
from probes.report import number
from probes.reports.claims import Claims, Figure, Pair, Ruling, here, wrong
from probes.result import ProbeResult
from probes.store.keeper import Keeper
from probes.sweep import one_thread
from probes.texts import HASH
from tilelli.errors import InputError, TilelliError
from tilelli.header import bundled

if TYPE_CHECKING:
    from tilelli.base import ByteLM

REPRODUCE = "python -m probes reproduce {} --only {}"


@dataclass(frozen=True)
class Check:
    """What became of one claim.

    Attributes:
        about: the result it is part of.
        claim: a figure, a verdict, or a result that could not be measured at all.
        said: what came out.
        wrong: how that is not what was claimed; None if it is.
    """

    about: str
    claim: Figure | Ruling | str
    said: str
    wrong: str | None

    def __str__(self) -> str:
        return f"{self.about}: {self.claim}"


def command(result: ProbeResult) -> str | None:
    """The line that measures a result anew; None if the command of its probe has no words for all of its settings."""
    registered = REGISTERED.get(result.probe)
    if registered is None:
        return None
    for quick in (False, True):
        line = _line(result, registered, quick)
        if line is not None and _understood(result.probe, line):
            return f"python -m probes run {result.probe} {shlex.join(line)}"
    return None


def find(source: Claims, others: Sequence[str] = ()) -> "ByteLM":
    """The model that a claim is about, by its weights: under its own name, one of `others`, or bundled.

    Raises:
        InputError: it is none of them.
    """
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load, weights_hash

    seen = []
    for name in dict.fromkeys((source.checkpoint, *others, *bundled())):
        with suppress(TilelliError):
            model = load(name, ByteLM)
            if weights_hash(model) == source.weights:
                return model
            seen.append(name)
    said = "holds other weights now" if source.checkpoint in seen else "is not here"
    remedy = "Say where these weights are with --checkpoint."
    raise InputError(f"The checkpoint {said}", f"{source.checkpoint} ({source.weights[:12]})", remedy)


def measure(source: Claims, others: Sequence[str] = (), told: Callable[[int], None] = lambda new: None) -> ProbeResult:
    """Put the probe to the checkpoint again; `told` is called with counts of rows as they are made.

    Raises:
        TilelliError: the probe, the checkpoint or the bank is not here, or the probe cannot be put.
    """
    probe = REGISTERED.get(source.probe)
    if probe is None:
        raise InputError("There is no such probe", source.probe, f"There are {', '.join(REGISTERED)}.")
    bank: Bank | None = None
    if source.bank:
        bank = recalled(source.bank["name"], source.bank["sha256"], source.seed)
    model = find(source, others)
    with one_thread():
        return probe.run(model, source.checkpoint, bank, source.settings, source.seed, Keeper(wanted=False, told=told))


def check(source: Claims, result: ProbeResult) -> Iterator[Check]:
    """What became of each claim about a result that was measured again."""
    same = source.machine == here()
    for figure in source.figures:
        found = result.figures.get((figure.part, figure.figure))
        yield Check(str(source), figure, number(found), wrong(figure, found, same))
    words = {str(verdict.rule): str(verdict.word) for verdict in result.verdicts}
    for ruling in source.verdicts:
        word = words.get(ruling.rule, "not judged any more")
        yield Check(str(source), ruling, word, None if word == ruling.word else f"{word}, claimed {ruling.word}")


def check_pair(pair: Pair, sources: Sequence[Claims], results: Mapping[int, ProbeResult]) -> Iterator[Check]:
    """The same for differences between two results, both measured again."""
    first, second = sources[pair.first], sources[pair.second]
    same = {first.machine, second.machine} == {here()}
    found = differences(results[pair.first], results[pair.second], first.seed)
    for figure in pair.figures:
        now = found.get((figure.part, figure.figure))
        yield Check(f"{second} less {first.checkpoint}", figure, number(now), wrong(figure, now, same))


def lost(source: Claims, error: TilelliError) -> Check:
    """A result that cannot be measured again, with all it claims."""
    count = len(source.figures) + len(source.verdicts)
    return Check(str(source), f"all of its {count} claims", "", str(error))


def _line(result: ProbeResult, probe: Probe, quick: bool) -> list[str] | None:
    """What follows the name of the probe; None if it was not asked so."""
    known, asked = result.provenance, probe.quickly() if quick else probe
    words = ["--checkpoint", result.checkpoint]
    if known["bank"]:
        name = known["bank"]["name"]
        own = whole(name)
        if name != (f"{own}, at most {probe.quick_rows} rows a part" if quick else own):
            return None
        words += ["--bank", own]
    words += ["--quick"] * quick + ["--seed", str(known["seed"]), "--threads", "1"]
    for key, value in known["settings"].items():
        if value != asked.settings.get(key) and not key.endswith(HASH):
            if not isinstance(value, str | int | float):
                return None
            words += [f"--{key.replace('_', '-')}", str(value)]
    return words


def _understood(probe: str, words: Sequence[str]) -> bool:
    """Whether the probe's command knows all of these words."""
    from probes.__main__ import PROBES

    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    try:
        PROBES[probe].add(parser)
        return not parser.parse_known_args(list(words))[1]
    except (argparse.ArgumentError, SystemExit):
        return False
