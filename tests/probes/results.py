"""Results made up for tests of what is done with results: of the abstain probe, and of coverage."""

from dataclasses import replace

import numpy as np
import pandas as pd

from probes.abstain import AbstainResult, summarise
from probes.abstain_probe import shaped
from probes.answering import Answer
from probes.banks import CALIBRATION, TEST, Bank, Question
from probes.metrics import ratio
from probes.result import ProbeResult, provenance
from probes.surface import Floor
from probes.verdict import Rule, judge
from tests.probes.store.conftest import everything

SETTINGS = {"threshold": None, "max_new": 96, "training": 20_000}


def bank(n: int = 20, split: str = TEST) -> Bank:
    """Half of the questions have an answer."""
    rows = tuple(
        Question(f"USER: Who is {number}?\nTILELLI:", number % 2 == 0, ("no one",), "part", "facts", "who", split)
        for number in range(n)
    )
    return Bank("made up", rows, "", (Rule("part", "hallucination", "at most", 0.15),))


def abstained(n: int = 20, made_up: int = 3, seed: int = 0, head: bool = True, halves: bool = False) -> ProbeResult:
    """A model that answers half of what it can rightly and the rest wrongly, and makes up some of what it cannot."""
    random = np.random.default_rng(seed)
    own = bank(n)
    if halves:
        rows = bank(n, CALIBRATION).rows + own.rows
        own = Bank("made up", rows, "", own.rules)
    answers = []
    for number, row in enumerate(own.rows):
        place = number % n // 2
        said = ("no one" if place % 2 else "somebody") if row.answerable else "it is she"
        said = "I don't know." if not row.answerable and place >= made_up else said
        p = float(np.clip(random.normal(0.45 if row.answerable else 0.55, 0.1), 0, 1)) if head else None
        answers.append(Answer(said, True, p, float(random.uniform(0.5, 1)), float(random.uniform(0, 2))))
    parts = summarise(own, answers, Floor({}, "no floor"), None, seed)
    figures = {(part.name, name): rate for part in parts for name, rate in part.rates.items()}
    known = {"weights": f"{seed:064x}", "seed": 0, "threshold": 0.6 if head else None, "threshold_from": "given"}
    found = AbstainResult(f"runs/c{seed}", parts, judge(own.rules, figures), ("A note.",), known | {"floor": "none"})
    return shaped(found, own, SETTINGS)


def coverage(n: int = 12, seed: int = 0) -> ProbeResult:
    """Sentences of two scripts, one of them rare."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "part": ["Latin"] * (n - 2) + ["Greek"] * 2,
            "text": [f"<b>sentence</b> | {number}" for number in range(n)],
            "bytes": np.arange(10, 10 + n),
            "characters": np.arange(9, 9 + n),
            "bits": random.uniform(20, 60, n),
        }
    )
    figures = {
        (str(part), f"bits per {unit}"): ratio(own["bits"], own[column])
        for part, own in rows.groupby("part", sort=False)
        for unit, column in (("byte", "bytes"), ("character", "characters"))
    }
    known = provenance(f"{seed:064x}", None, {"bytes": 100}, 0)
    return ProbeResult(
        "coverage", f"runs/c{seed}", rows, {(str(a), b): f for (a, b), f in figures.items()}, (), (), known
    )


def odd() -> ProbeResult:
    """A result with whatever a probe may put into one, and whatever a user may have typed."""
    made = everything()
    bank = {"name": "own", "sha256": "b" * 64, "rows": 3}
    return replace(made, provenance=provenance("a" * 64, None, {"gate": None, "kept": (1.0, "½")}, 0) | {"bank": bank})
