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
        settings: everything beside bank and seed that changes its figures, in words of JSON.
        bank: name of the bank it asks; None if it asks none.
        quick: what a quick look changes in the settings.
        quick_rows: of each part of the bank in a quick look.
    """

    module: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    bank: str | None = None
    quick: Mapping[str, Any] = field(default_factory=dict)
    quick_rows: int = 200

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

ASKING: dict[str, Any] = {"max_new": 96, "samples": 4, "temperature": 1.0, "committee": {}}
METACOGNITION: dict[str, Any] = ASKING | {"choices": 480}
CALIBRATION: dict[str, Any] = ASKING | {"text": None, "text_sha256": None, "bytes": 20_000}

REGISTERED: dict[str, Probe] = {
    "abstain": Probe(
        "probes.abstain_probe",
        settings={"threshold": None, "max_new": 96, "training": 20_000},
        bank="dialogue-test",
        quick={"training": 5000},
    ),
    "calibration": Probe(
        "probes.calibration", settings=CALIBRATION, bank="calibration", quick={"samples": 2, "bytes": 5000}
    ),
    "metacognition": Probe(
        "probes.metacognition",
        settings=METACOGNITION,
        bank="regimes",
        quick={"samples": 2, "choices": 240},
        quick_rows=30,
    ),
    "memorization": Probe("probes.memorization", settings=MEMORIZATION, quick=MEMORIZATION_QUICK),
    "coverage": Probe("probes.coverage", settings=COVERAGE, bank="languages", quick=COVERAGE_QUICK),
    "context": Probe("probes.context", settings=CONTEXT, bank="long", quick=CONTEXT_QUICK, quick_rows=20),
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
