"""What a probe found, in one shape for pages, files, the store and reports.

A probe puts questions to a checkpoint. What came of each question is a row; what the rows say together are figures, by
part of the bank and name, with their intervals; verdicts hold figures against rules that were fixed beforehand; and
provenance is what has to be known to get all of it again. Curves and other tables for pictures stand beside them. This
module knows no probe.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

import tilelli
from probes.banks import Bank
from probes.metrics import Measured
from probes.verdict import Verdict
from tilelli.machine import described

Place = tuple[str, str]
"""Part of the bank, and name of a figure."""


@dataclass(frozen=True)
class ProbeResult:
    """Everything that anybody needs to say about one probe of one checkpoint.

    Attributes:
        probe: name of the probe.
        checkpoint: what the checkpoint was called.
        rows: one a question, in the order of the bank.
        figures: what the rows say together.
        verdicts: what rules say of the figures.
        notes: what a reader must know before believing a figure, one sentence each.
        provenance: weights, bank, settings, seed, code, machine.
        tables: what pictures are drawn from, by name.
    """

    probe: str
    checkpoint: str
    rows: pd.DataFrame
    figures: Mapping[Place, Measured]
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def summary(self) -> pd.DataFrame:
        """One row a figure: part, figure, value, low, high, n."""
        columns = ["part", "figure", "value", "low", "high", "n"]
        found = [(part, name, *asdict(figure).values()) for (part, name), figure in self.figures.items()]
        return pd.DataFrame(found, columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, texts and numbers, for JSON; what is undefined is None."""
        return {
            "probe": self.probe,
            "checkpoint": self.checkpoint,
            "summary": plain(self.summary()),
            "verdicts": [asdict(verdict) | {"rule": str(verdict.rule)} for verdict in self.verdicts],
            "notes": list(self.notes),
            "provenance": dict(self.provenance),
            "tables": {name: plain(table) for name, table in self.tables.items()},
            "rows": plain(self.rows),
        }


def provenance(weights: str, bank: Bank | None, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """What has to be known to get a result again.

    Args:
        weights: hash of the weights.
        bank: the questions; None where the probe asks none.
        settings: of the probe, everything that changes its figures.
        seed: of everything drawn.
    """
    questions = {} if bank is None else {"name": bank.name, "sha256": bank.sha256, "rows": len(bank.rows)}
    return {
        "weights": weights,
        "bank": questions,
        "settings": dict(settings),
        "seed": seed,
        "code": tilelli.__version__,
        "machine": described(),
    }


def plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts of plain values; NaN becomes None."""
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return rows
