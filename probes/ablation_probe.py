"""The ablation map in the shape that all probes share: asked by name, its cells kept, its result a `ProbeResult`.

It is measured on a text that is named, or on the prompts of a bank one after the other. A model without routers has no
map: that is said, and is no error, so that a sweep may ask every checkpoint.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from probes.ablation import WHOLE, AblationMap, Cell, gather, of_block, plan, reading
from probes.banks import Bank
from probes.metrics import Measured
from probes.overlap import BREAK
from probes.resampling import Floats
from probes.result import Place, ProbeResult, provenance
from probes.stages import staged
from probes.store.keeper import Keeper
from probes.store.key import Key
from tilelli.base import ByteLM
from tilelli.checkpoint import weights_hash
from tilelli.errors import InputError
from tilelli.interventions import parse

NAME = "ablation"
ALONE = (
    "Had it been trained without a pathway, it might have done as well by other means: a cell says what it loses now."
)
NO_ROUTERS = "This is a {} model: it has one way through each block, and no pathway to take out."


def probe(
    model: ByteLM, name: str, bank: Bank | None, settings: Mapping[str, Any], seed: int, keeper: Keeper
) -> ProbeResult:
    """Measure the map; see `probes.registry` and `probes.ablation`.

    Raises:
        InputError: there is nothing to read, no such map, or an intervention finds nothing to change.
    """
    known = provenance(weights_hash(model), bank, settings, seed)
    if model.config.kind != "routed":
        said = pd.DataFrame({"finding": [NO_ROUTERS.format(model.config.kind)]})
        return ProbeResult(NAME, name, pd.DataFrame(), {}, provenance=known, tables={"findings": said})
    whole = _text(bank, settings, seed)
    text = whole[: settings["bytes"]]
    cells = _cells(model, text, settings, seed, keeper)
    found = gather(cells, settings["kind"], len(cells), len(text))
    return ProbeResult(
        probe=NAME,
        checkpoint=name,
        rows=found.cells.assign(part=[f"block {block}" for block in found.cells["block"]]),
        figures=_figures(found, cells),
        notes=(*_notes(settings, len(text), len(whole)), ALONE),
        provenance=known | {"text": {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}},
        tables={"findings": pd.DataFrame({"finding": list(found.findings)}), "cells": found.cells},
    )


def _cells(model: ByteLM, text: bytes, settings: Mapping[str, Any], seed: int, keeper: Keeper) -> list[Cell]:
    """Block by block; those that are known are not measured again."""
    planned, under = plan(model.config, settings["kind"]), parse(settings["intervene"])
    size = len(planned) // model.config.n_blocks

    @cache
    def before() -> Floats:
        bits = reading(model, text, under)
        assert bits is not None, "nobody stops it"
        return bits

    def make(numbers: range) -> list[Cell]:
        found = of_block(model, text, numbers[0] // size, planned, before(), under, seed=seed)
        assert found is not None, "nobody stops it"
        return found

    same = {**settings, "text": None, "from": 0, "text_sha256": hashlib.sha256(text).hexdigest()}  # wherever it lies
    return staged(keeper.sheet(Key.of(f"{NAME}: cells", model, None, same, seed), Cell), len(planned), make, size)


def _figures(found: AblationMap, cells: list[Cell]) -> dict[Place, Measured]:
    """What each cell costs, by block."""
    without = "bits per byte, without {} less with it" if found.kind == "remove" else "bits per byte, {} alone less all"
    return {
        (f"block {cell.block}", without.format("it all" if cell.pathway == WHOLE else cell.pathway)): Measured(
            cell.change, cell.low, cell.high, cell.pieces
        )
        for cell in cells
    }


def _text(bank: Bank | None, settings: Mapping[str, Any], seed: int) -> bytes:
    """The bytes of the file that is named, or prompts in an order drawn, an end of the document between them."""
    if settings["text"] is None:
        assert bank is not None, "without a text it reads a bank"
        prompts = [row.prompt.encode() for row in bank.rows]
        return BREAK.join(Random(seed).sample(prompts, len(prompts)))
    try:
        raw = Path(settings["text"]).read_bytes()
    except OSError as error:
        seen = f"{settings['text']} ({error.strerror})"
        raise InputError("The text cannot be read", seen, "Name a file.") from None
    if settings["text_sha256"] not in (None, hashlib.sha256(raw).hexdigest()):
        raise InputError("The text has changed", settings["text"], "Measure it anew, or name the text as it was.")
    return raw[settings["from"] :]


def _notes(settings: Mapping[str, Any], read: int, there: int) -> list[str]:
    what = "prompts of the bank, in an order drawn with the seed" if settings["text"] is None else "the text named"
    under = [f"Measured under {settings['intervene']}."] if settings["intervene"] else []
    return [f"{read:,} of {there:,} bytes were read, of {what}.", *under]
