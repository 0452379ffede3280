"""Banks: the questions of a probe, the card that says how they were made, and the rule their answers are held to.

`bank(name)` gives any of them. Those of `BUNDLED` are files of `data/`, which `python -m probes.banks.make` makes from
`making/`, or the dialogues that training holds back, made when they are asked for. A bank of one's own is a JSONL file.

A row of it is one of these, and may name its `part`, `category`, `kind` and `split` (`calibration` or `test`):

    {"question": "What is the capital of France?", "answerable": true, "answers": ["Paris"]}
    {"question": "Is it Paris or Rome?", "answerable": true, "answers": ["Paris"], "options": ["Paris", "Rome"]}
    {"prompt": "USER: Hi\\nTILELLI: Hello!\\nUSER: Who rang?\\nTILELLI:", "answerable": false}
    {"text": "Azul fell-awen.", "language": "kab"}
"""

from collections.abc import Callable
from pathlib import Path

from probes.banks.bank import CALIBRATION, TEST, Bank, Question, sample
from probes.banks.dialogues import (
    ABSTAIN_P,
    ADVANTAGE,
    HALLUCINATION,
    INABILITY,
    LOSS,
    RIGHT,
    SEED,
    TEXT,
    abstain,
    dialogue_test,
    dialogue_valid,
)
from probes.banks.reading import from_file, shipped
from probes.verdict import PUBLISHED
from tilelli.errors import InputError

__all__ = [
    "ABSTAIN_P",
    "ADVANTAGE",
    "BUNDLED",
    "CALIBRATION",
    "HALLUCINATION",
    "INABILITY",
    "LOSS",
    "QUICK",
    "RIGHT",
    "SEED",
    "TEST",
    "TEXT",
    "Bank",
    "Question",
    "bank",
    "sample",
]

QUICK = 30  # prompts of each regime in a quick look, as many as the published protocol had

BUNDLED: dict[str, Callable[[], Bank]] = {
    "dialogue-test": dialogue_test,
    "dialogue-valid": dialogue_valid,
    "abstain": abstain,
    "regimes": lambda: shipped("regimes", PUBLISHED),
    "near-miss": lambda: shipped("near-miss"),
    "calibration": lambda: shipped("calibration"),
    "languages": lambda: shipped("languages"),
    "long": lambda: shipped("long"),
}


def bank(name: str) -> Bank:
    """A bundled bank, or the one in a JSONL file.

    Raises:
        InputError: there is neither a bundled bank nor a file of this name.
        DataError: the file cannot be read, or a line of it is not a row; the line is named.
    """
    if name in BUNDLED:
        return BUNDLED[name]()
    path = Path(name)
    if path.is_file():
        return from_file(path)
    raise InputError("There is no such bank", name, f"Use {', '.join(BUNDLED)}, or a JSONL file.")
