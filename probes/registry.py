"""The probes that can be put to any checkpoint by name, alike: what a sweep, a history and a report know of a probe.

A probe is a module with a function `probe(model, name, bank, settings, seed, keeper) -> ProbeResult`. It keeps its rows
with the keeper as they are made, so that it can go on after it was killed; the provenance of its result names just the
`settings` it was given. Adding one is one line in `REGISTERED`; the module is not imported before it is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from tilelli.errors import InputError

if TYPE_CHECKING:
    from probes.banks import Bank
    from probes.result import ProbeResult
    from probes.store.keeper import Keeper
    from tilelli.base import ByteLM


class Run(Protocol):
    """How a probe is put to a model; `bank` is None where it has no questions of its own."""

    def __call__(
        self, model: "ByteLM", name: str, bank: "Bank | None", settings: Mapping[str, Any], seed: int, keeper: "Keeper"
    ) -> "ProbeResult": ...


@dataclass(frozen=True)
class Probe:
    """What is known of a probe before it is imported.

    Attributes:
        module: where its function `probe` stands.
        asks: what it asks, in a line.
        example: words that put it on the command line.
        settings: everything beside bank and seed that changes its figures, in words of JSON.
        bank: name of the bank it asks; None if it asks none.
        quick: what a quick look changes in the settings.
        quick_rows: of each part of the bank in a quick look.
        texts: settings that name a text by its path, and what kind of text; its hash stands beside it, as
            `probes.texts` has it.
    """

    module: str
    asks: str
    example: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    bank: str | None = None
    quick: Mapping[str, Any] = field(default_factory=dict)
    quick_rows: int = 200
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def run(self) -> Run:
        return cast(Run, import_module(self.module).probe)

    def quickly(self) -> "Probe":
        """The same with the settings of a quick look."""
        return replace(self, settings={**self.settings, **self.quick})

    def questions(self, name: str | None, quick: bool, seed: int) -> "Bank | None":
        """Its bank, or the one of a name; for a quick look some rows of each part, drawn with `seed`."""
        from probes.banks import bank, sample

        if self.bank is None:
            return None
        whole = bank(name or self.bank)
        return sample(whole, self.quick_rows, seed) if quick else whole


MEMORIZATION: dict[str, Any] = {
    "train": None,  # paths of texts, and the hashes of their content where it must be the same again
    "train_sha256": None,
    "held_out": None,
    "held_out_sha256": None,
    "documents": 400,  # of each side that are read, and how much of each
    "bytes": 1000,
    "written": 200,  # texts written, and continuations of each side
    "prefix": 64,
    "max_new": 256,
    "next": 32,
    "temperature": 0.8,
    "index_bytes": 1_000_000_000,  # of the training text that are searched
}
MEMORIZATION_QUICK = {"documents": 40, "bytes": 400, "written": 80, "max_new": 128, "index_bytes": 16_000_000}
COVERAGE: dict[str, Any] = {
    "text": None,
    "text_sha256": None,
    "bytes": 100_000,
    "temperatures": [0.5, 0.8, 1.0, 1.2],
    "written": 60,
    "max_new": 128,
}
COVERAGE_QUICK = {"bytes": 10_000, "written": 20, "max_new": 64}
CONTEXT: dict[str, Any] = {
    "text": None,
    "text_sha256": None,
    "windows": 300,
    "distances": [40, 72, 104, 136, 168, 200, 232, 320],  # bytes back to a planted name
    "pairs": 48,
    "reply": 96,
    "written": 100,
    "temperature": 0.8,
}
CONTEXT_QUICK = {"windows": 40, "distances": [40, 104, 232, 320], "pairs": 12, "reply": 32, "written": 24}
ABLATION: dict[str, Any] = {
    "text": None,  # the bytes of a file, from one of them on; else the prompts of the bank, in an order drawn
    "text_sha256": None,
    "from": 0,
    "bytes": 100_000,
    "kind": "remove",
    "intervene": "",
}

ASKING: dict[str, Any] = {"max_new": 96, "samples": 4, "temperature": 1.0, "committee": {}}
METACOGNITION: dict[str, Any] = ASKING | {"choices": 480}
CALIBRATION: dict[str, Any] = ASKING | {"text": None, "text_sha256": None, "bytes": 20_000}

REGISTERED: dict[str, Probe] = {
    "abstain": Probe(
        "probes.abstain_probe",
        "does a chat model know what it does not know? outcomes, AUROC, and what the wording alone would tell",
        "--checkpoint tilelli/mini-chat --bank dialogue-test --json abstain.json",
        settings={"threshold": None, "max_new": 96, "training": 20_000},
        bank="dialogue-test",
        quick={"training": 5000},
    ),
    "calibration": Probe(
        "probes.calibration",
        "when it says 80 %, is it right 80 % of the time? of replies, forced choices and the next byte of a text",
        "--checkpoint tilelli/mini-chat --text README.md --quick",
        settings=CALIBRATION,
        bank="calibration",
        quick={"samples": 2, "bytes": 5000},
        texts={"text": "text whose next bytes are predicted: text, JSONL or Parquet, a file or a folder"},
    ),
    "metacognition": Probe(
        "probes.metacognition",
        "does any signal tell what the model was not taught, or what it gets wrong? by regime, and the published rule",
        "--checkpoint tilelli/mini-chat --bank regimes --quick",
        settings=METACOGNITION,
        bank="regimes",
        quick={"samples": 2, "choices": 240},
        quick_rows=30,
    ),
    "memorization": Probe(
        "probes.memorization",
        "what it repeats of its training text, held against text that was held out",
        "--checkpoint tilelli/mini --train train.jsonl --held-out test.jsonl --quick",
        settings=MEMORIZATION,
        quick=MEMORIZATION_QUICK,
        texts={
            "train": "text it was trained on: a file, a folder, or hub:NAME; without it nothing can be told",
            "held_out": "text of the same kind that it was not; else what training holds out",
        },
    ),
    "coverage": Probe(
        "probes.coverage",
        "which bytes, scripts and languages was it taught, does it know capitals, does it write UTF-8?",
        "--checkpoint tilelli/mini --quick",
        settings=COVERAGE,
        bank="languages",
        quick=COVERAGE_QUICK,
        texts={"text": "plain text to try capitals and classes of bytes on; else the bank"},
    ),
    "context": Probe(
        "probes.context",
        "what it makes of the bytes before: position, distance, and what happens past the context",
        "--checkpoint tilelli/mini --text FILE --quick",
        settings=CONTEXT,
        bank="long",
        quick=CONTEXT_QUICK,
        quick_rows=20,
        texts={"text": "plain text that is read; else the prompts of the bank"},
    ),
    "ablation": Probe(
        "probes.ablation_probe",
        "what hangs on each pathway? each taken out of each block, and what that costs in bits per byte",
        "--checkpoint tilelli/mini --text README.md --json ablation.json",
        settings=ABLATION,
        bank="regimes",
        quick={"bytes": 10_000},
        quick_rows=30,
    ),
}


def chosen(names: str) -> dict[str, Probe]:
    """The probes of a list such as `abstain,calibration`, or all of them.

    Raises:
        InputError: one has no such name.
    """
    if names == "all":
        return dict(REGISTERED)
    found = [name.strip() for name in names.split(",")]
    unknown = [name for name in found if name not in REGISTERED]
    if unknown:
        raise InputError("There is no such probe", repr(unknown[0]), f"Use all, or some of {', '.join(REGISTERED)}.")
    return {name: REGISTERED[name] for name in found}
