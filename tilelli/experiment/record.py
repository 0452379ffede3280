"""What a finished run leaves for the report: one small JSON file that is kept with the plan.

It holds everything a table needs and nothing that could not be published: the recipe, the cost, the learning curve,
the identity of weights and texts, and the surprise of each held-out document. No text, no weights, no paths. A record
whose recipe is no longer the plan's is *stale*: it stays where it is and is left out, with the reason.
"""

import dataclasses
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilelli.checkpoint import write
from tilelli.config import ModelConfig, Recipe, TrainingConfig
from tilelli.errors import ConfigError, DataError
from tilelli.evaluation import Score
from tilelli.experiment.plan import Job, Plan
from tilelli.training.loop import BOOKKEEPING


@dataclass(frozen=True)
class Scores:
    """Bits and bytes of each document of a split, and which documents these are."""

    sha256: str
    bits: tuple[float, ...]
    bytes: tuple[int, ...]

    @classmethod
    def of(cls, score: Score, sha256: str) -> "Scores":
        """A tenth of a bit a document is far below what any difference hangs on, and keeps the file small."""
        return cls(sha256, tuple(round(float(bits), 1) for bits in score.bits), tuple(score.bytes.tolist()))

    @cached_property
    def array(self) -> NDArray[np.float64]:
        return np.array(self.bits)  # (documents,)

    @property
    def bits_per_byte(self) -> float:
        return float(self.array.sum() / sum(self.bytes))


@dataclass(frozen=True)
class Record:
    """A finished run.

    Attributes:
        recipe: as `recipe_of` writes it.
        curve: step and bits per byte of each evaluation during training, on the beginning of the validation split.
        weights: SHA-256 of the weights, as `checkpoint.weights_hash` gives it.
        data: name, SHA-256 and size of the training text.
        teacher: name and weights of the run it learned from; empty if there was none.
        validation, test: surprise by document; `test` is None until the test split is read.
    """

    arm: str
    seed: int
    recipe: dict[str, dict[str, Any]]
    parameters: int
    steps: int
    bytes_seen: int
    seconds: float
    threads: int
    bfloat16: bool
    code: str
    torch: str
    machine: str
    data: dict[str, Any]
    weights: str
    curve: tuple[tuple[int, float], ...]
    validation: Scores
    test: Scores | None = None
    teacher: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.arm}-{self.seed}"

    @property
    def core_minutes(self) -> float:
        return self.seconds * self.threads / 60

    def save(self, folder: Path) -> None:
        """Write the record, one line a field, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        lines = (
            f" {json.dumps(key)}: {json.dumps(value, separators=(',', ':') if len(str(value)) > 500 else None)}"
            for key, value in dataclasses.asdict(self).items()
        )
        write(folder / f"{self.name}.json", ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def load(path: Path) -> Record:
    """Read a record.

    Raises:
        DataError: the file is not a record.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        for split in ("validation", "test"):
            if values[split] is not None:
                values[split] = _scores(**values[split])
        values["curve"] = tuple((int(step), float(bpb)) for step, bpb in values["curve"])
        record = Record(**values)
        if path.stem != record.name:
            raise ValueError(f"it is that of {record.name}")
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        cause = " ".join(str(error).split())[:120]
        raise DataError(
            "The record cannot be read", f"{path} ({cause})", "Remove it, and run the plan again."
        ) from None
    return record


def load_all(plan: Plan) -> tuple[dict[str, Record], list[str]]:
    """Records that belong to the plan, by name, and a sentence for each that is left out.

    Raises:
        DataError: a record cannot be read, or two were made of different texts.
    """
    jobs = {job.name: job for job in plan.jobs()}
    records, left_out = dict[str, Record](), list[str]()
    for path in sorted(plan.records.glob("*.json")):
        record = load(path)
        if record.name not in jobs:
            left_out.append(f"{record.name} is left out: the plan has no such run.")
        elif reason := stale(record, jobs[record.name]):
            left_out.append(f"{record.name} is left out, it was made by another recipe: {reason}.")
        else:
            records[record.name] = record
    agree(records)
    return {name: records[name] for name in jobs if name in records}, left_out


def agree(records: dict[str, Record]) -> None:
    """Check that all records are of the same texts.

    Raises:
        DataError: two are not, and so cannot be compared.
    """
    first: dict[str, tuple[str, str]] = {}
    for name, record in records.items():
        texts = {"training": record.data.get("sha256"), "validation": record.validation.sha256}
        for split, sha256 in (texts | ({"test": record.test.sha256} if record.test else {})).items():
            known, of = first.setdefault(split, (str(sha256), name))
            if known != sha256:
                raise DataError(
                    f"Two runs have different {split} texts", f"{of} and {name}", "Remove the record that is wrong."
                )


def recipe_of(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """The recipe as a record keeps it: all that decides the weights, and nothing else."""
    training = {key: value for key, value in recipe.training.to_dict().items() if key not in BOOKKEEPING}
    return {"model": recipe.model.to_dict(), "training": training}


def stale(record: Record, job: Job) -> str:
    """What in the record's recipe differs from the job's, in words; empty if nothing does.

    Settings that came after the record have their defaults, which is what the run had.
    """
    try:
        made = Recipe(
            ModelConfig.from_dict(record.recipe["model"], "model"),
            TrainingConfig.from_dict(record.recipe["training"], "training"),
        )
    except ConfigError as error:
        return f"{error.happened} {error.seen}"
    was, now = recipe_of(made), recipe_of(job.recipe)
    was["teacher"], now["teacher"] = {"teacher": record.teacher.get("run", "")}, {"teacher": job.teacher}
    return ", ".join(
        f"{key} was {was[part][key]}, is {now[part][key]}"
        for part in now
        for key in now[part]
        if was[part][key] != now[part][key]
    )


def _scores(sha256: str, bits: list[float], bytes: list[int]) -> Scores:
    if len(bits) != len(bytes) or not bits:
        raise ValueError(f"{len(bits)} documents have bits, {len(bytes)} have bytes")
    return Scores(str(sha256), tuple(map(float, bits)), tuple(map(int, bytes)))
