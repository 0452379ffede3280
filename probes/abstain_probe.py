"""The abstain probe in the shape that all probes share: asked by name, its answers kept, its result a `ProbeResult`."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pandas as pd

from probes.abstain import AbstainResult, Part, row_of, run
from probes.answering import Answer
from probes.banks import ADVANTAGE, Bank
from probes.metrics import Measured
from probes.result import Place, ProbeResult, provenance
from probes.store.keeper import Keeper
from probes.store.key import Key
from probes.store.sheet import Sheet
from probes.surface import Floor, floor
from tilelli.base import ByteLM

NAME, ANSWERS = "abstain", "answers"


def probe(
    model: ByteLM, name: str, bank: Bank | None, settings: Mapping[str, Any], seed: int, keeper: Keeper
) -> ProbeResult:
    """Put the bank to a model; see `probes.registry` and `probes.abstain.run`."""
    assert bank is not None, "the abstain probe asks questions"
    kept, max_new = answers(keeper, model, bank, settings["max_new"]), settings["max_new"]
    under = _floor(bank, seed, settings["training"])
    return shaped(run(model, name, bank, under, settings["threshold"], seed, None, max_new, None, kept), bank, settings)


def answers(keeper: Keeper, model: ByteLM, bank: Bank, max_new: int) -> Sheet[Answer]:
    """The answers of a model to a bank that are known. Greedy, so no seed and no threshold changes them."""
    return keeper.sheet(Key.of(ANSWERS, model, bank, {"max_new": max_new}, 0), Answer)


def shaped(found: AbstainResult, bank: Bank, settings: Mapping[str, Any]) -> ProbeResult:
    """What was found in the shape of every probe; `settings` are those that its key names."""
    order = [number for numbers in bank.parts.values() for number in numbers]
    rows = pd.DataFrame([row_of(judged) for part in found.parts for judged in part.rows], index=order)
    own = found.provenance
    known = provenance(own["weights"], bank, settings, own["seed"])
    return ProbeResult(
        probe=NAME,
        checkpoint=found.checkpoint,
        rows=rows.sort_index().reset_index(drop=True),
        figures={place: figure for part in found.parts for place, figure in _figures(part).items()},
        verdicts=found.verdicts,
        notes=found.notes,
        provenance=known | {name: own[name] for name in ("threshold", "threshold_from", "floor")},
        tables={"outcomes": _outcomes(found.parts)},
    )


def _figures(part: Part) -> dict[Place, Measured]:
    aurocs = {f"AUROC of {signal}": figure for signal, figure in part.signals.items()}
    surface = {f"AUROC of surface {baseline}": figure for baseline, figure in part.surface.items()}
    named = part.rates | aurocs | surface | {ADVANTAGE: part.advantage}
    return {(part.name, name): figure for name, figure in named.items()}


def _outcomes(parts: tuple[Part, ...]) -> pd.DataFrame:
    """The first table: one row a part, answerable or not, and outcome."""
    return pd.DataFrame(
        [
            {"part": part.name, "answerable": answerable, "outcome": outcome, "rows": count}
            for part in parts
            for answerable, counts in part.table.items()
            for outcome, count in counts.items()
        ]
    )


@lru_cache(maxsize=4)
def _floor(bank: Bank, seed: int, training: int) -> Floor:
    """The surface floor, which no checkpoint changes, once for all that one process is asked about."""
    return floor(bank, seed, training)
