"""What a run is known by: the same key, the same rows.

A key names the weights and the configuration they run under, the questions, the settings, the seed and the code. The
code counts to the last letter: after any change to `tilelli` or `probes` nothing old is taken for new, though it stays
on record. This module knows no database.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tilelli

if TYPE_CHECKING:
    from probes.banks import Bank
    from tilelli.base import ByteLM


@dataclass(frozen=True)
class Key:
    """What has to be the same for rows to be the same.

    Attributes:
        probe: its name, or what the rows are where several probes share them.
        weights: SHA-256 of the weights.
        config: SHA-256 of the configuration; the same weights may keep more or fewer keys.
        bank: SHA-256 of the questions; empty where none are asked.
        settings: everything else that changes what comes out; what JSON can say.
        seed: of everything drawn.
        code: version and digest of what computes.
    """

    probe: str
    weights: str
    config: str
    bank: str
    settings: Mapping[str, Any]
    seed: int
    code: str

    @classmethod
    def of(cls, probe: str, model: "ByteLM", bank: "Bank | None", settings: Mapping[str, Any], seed: int) -> "Key":
        """The key of a probe of a model by the code that runs now."""
        from tilelli.checkpoint import weights_hash

        config = hashlib.sha256(json.dumps(model.config.to_dict(), sort_keys=True).encode()).hexdigest()
        questions = "" if bank is None else bank.sha256
        return cls(probe, weights_hash(model), config, questions, dict(settings), seed, code())

    @property
    def digest(self) -> str:
        """One SHA-256 for all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@cache
def code() -> str:
    """Version and digest of the sources of `tilelli` and `probes`, such as `0.1.0+3f2a9c417be0`."""
    digest, root = hashlib.sha256(), Path(tilelli.__file__).parents[1]
    for storey in ("tilelli", "probes"):
        for path in sorted((root / storey).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{tilelli.__version__}+{digest.hexdigest()[:12]}"
