"""What the tests of experiments share: a plan of nano-sized arms, texts to carry it out on, and records made up."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.conftest import TEXT
from tilelli.data.corpus import Corpus
from tilelli.experiment.plan import Plan
from tilelli.experiment.record import Record, Scores, recipe_of

PLAN = """
title: Small against smaller
recipe:
  model: {d_model: 8, n_blocks: 1, n_heads: 1, head_dim: 4, top_k: 4, expand: 1, context: 16}
  training: {steps: 6, batch_size: 2, warmup_steps: 1, eval_every: 3, save_every: 2, precision: float32}
baseline: vanilla
arms:
  vanilla: {title: plain, model: {kind: vanilla}}
  routed: {model: {ternary: []}}
seeds: [0, 1]
comparisons:
  - {claim: Routing pays, arm: routed, against: vanilla, below: 0}
"""
CORPUS = Corpus("somewhere/cats.txt", [TEXT.encode() * 3] * 8, 0)
HELD_OUT = Corpus("somewhere/valid.txt", [b"The mat sat on the cat.", b"That was flat, and the dog was on that."], 0)
TEST = Corpus("somewhere/test.txt", [b"The dog sat on the mat.", b"And then the cat was that."], 0)
MakeRecord = Callable[..., Record]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    path = tmp_path / "plans" / "small.yaml"
    path.parent.mkdir()
    path.write_text(PLAN)
    return Plan.from_yaml(path)


@pytest.fixture
def make_record(plan: Plan) -> MakeRecord:
    """Saves the record of a run that never was: three documents of 100, 100 and 200 bytes, and the bits given."""

    def make(arm: str, seed: int, bits: Sequence[float], test: Sequence[float] | None = None) -> Record:
        record = Record(
            arm=arm,
            seed=seed,
            recipe=recipe_of(plan.jobs([arm], [seed])[0].recipe),
            parameters=1000,
            steps=6,
            bytes_seen=192,
            seconds=90.0,
            threads=2,
            bfloat16=False,
            code="0",
            torch="0",
            machine="none",
            data={"sha256": "training"},
            weights=f"{arm}{seed}",
            curve=((3, 5.0), (6, 4.0)),
            validation=Scores("validation", tuple(bits), (100, 100, 200)),
            test=Scores("test", tuple(test), (100, 100, 200)) if test else None,
        )
        record.save(plan.records)
        return record

    return make
