import json
from pathlib import Path

import numpy as np
import pytest
import torch

from probes.__main__ import main
from probes.effects import Effect, effect, needs
from probes.metrics import Measured
from tests.conftest import TEXT, TINY, MakeModel
from tilelli.base import ByteLM
from tilelli.checkpoint import save_checkpoint
from tilelli.config import ModelConfig
from tilelli.costs import costs
from tilelli.errors import InputError
from tilelli.evaluation import evaluate
from tilelli.generation import Sampling, stream
from tilelli.interventions import parse

LONG = (TEXT * 3).encode()  # many contexts, and enough pieces for an interval
SHORT = Sampling(12, temperature=0.0)


def test_no_intervention_has_exactly_no_effect(model: ByteLM) -> None:
    found = effect(model, LONG, (), SHORT)
    assert (found.change.value, found.change.low, found.change.high) == (0.0, 0.0, 0.0)
    assert (found.differing, found.first, found.skipped) == (0.0, None, 0)
    assert "not a single byte" in found.findings[0]


@pytest.mark.parametrize("words", ["remove:sparse", "force:local@2", "flatten", "skip:0.3"])
def test_the_change_is_the_difference_of_two_evaluations(routed: ByteLM, words: str) -> None:
    found, changes = effect(routed, LONG, parse(words), SHORT), parse(words)
    before = evaluate(routed, [LONG]).bits_per_byte
    after = evaluate(routed, [LONG], interventions=changes).bits_per_byte
    assert found.bpb == pytest.approx((before, after))
    assert found.change.value == pytest.approx(after - before, abs=1e-5)
    assert found.change.low is not None
    assert found.change.high is not None
    assert found.change.low <= after - before <= found.change.high


def test_both_continuations_are_written_with_one_seed(routed: ByteLM) -> None:
    sampling = Sampling(20, temperature=1.0, seed=3)
    found = effect(routed, b"The cat", parse("flatten@1"), sampling)
    assert found.before == bytes(step.byte for step in stream(routed, list(b"The cat"), sampling))
    written = stream(routed, list(b"The cat"), sampling, interventions=parse("flatten@1"))
    assert found.after == bytes(step.byte for step in written)


def made(before: bytes, after: bytes, bits: float = 1.0) -> Effect:
    return Effect(np.ones(4), np.full(4, bits), Measured(bits - 1, None, None, 0), before, after, 3, 1)


def test_continuations_are_compared_byte_by_byte() -> None:
    assert (made(b"abcd", b"abXd").differing, made(b"abcd", b"abXd").first) == (0.25, 2)
    assert (made(b"abcd", b"ab").differing, made(b"abcd", b"ab").first) == (0.5, 2)
    assert (made(b"", b"").differing, made(b"", b"").first) == (None, None)
    assert made(b"", b"").findings[1] == "Writing: nothing is written, with or without it."
    assert made(b"ab", b"ab").findings[1] == "Writing: the next 2 bytes are the same."
    assert made(b"ab", b"cd").findings[1] == "Writing: 100 % of the next 2 bytes differ, from the very first on."
    assert made(b"ab", b"ad").findings[1] == "Writing: 50 % of the next 2 bytes differ, the first is the same."
    assert made(b"", b"").share_skipped == 0.25


def test_keys_are_needed_as_long_as_a_later_byte_attends() -> None:
    weights = np.ones((1, 4, 3), dtype=np.float32)
    weights[0, [0, 1, 3], 1] = 0
    used = needs(TINY, weights)
    assert used["sparse"].tolist() == [[False, False, True, False]]
    assert used["remembering"].tolist() == [[True, True, True, False]]


def test_local_is_needed_by_a_dense_pathway_that_reads_through_it() -> None:
    weights = np.array([[[0, 1, 1], [0, 1, 0]]], dtype=np.float32)
    assert needs(TINY, weights)["local"].tolist() == [[False, False]]
    through = ModelConfig.from_dict(TINY.to_dict() | {"through_local": True})
    assert needs(through, weights)["local"].tolist() == [[True, False]]


def test_all_that_is_removed_is_skipped_and_nothing_else(tiny: MakeModel) -> None:
    model, text = tiny(), b"twelve bytes"
    parts = {part: 2 * int(cost.sum()) for part, cost in costs(TINY, np.arange(len(text))).items()}  # two blocks
    for words, gone in (("remove:local", ["local"]), ("remove:sparse", ["sparse", "remembering"]), ("zero", [*parts])):
        found = effect(model, text, parse(words), SHORT)
        assert found.skipped == sum(parts[part] for part in gone)
        assert found.needed + found.skipped == sum(parts.values())
    assert effect(tiny(through_local=True), text, parse("remove:local"), SHORT).skipped == 0


def test_what_is_skipped_could_indeed_be_left_out(tiny: MakeModel) -> None:
    model, changes = tiny(through_local=True), parse("skip:0.3")
    found = effect(model, LONG, changes, SHORT)
    assert found.share_skipped is not None
    assert 0 < found.share_skipped < 1


@pytest.mark.parametrize("pathways", [["local"], ["local", "dense"], ["sparse"]])
def test_a_model_without_some_pathway_has_its_own_costs(tiny: MakeModel, pathways: list[str]) -> None:
    model = tiny(pathways=pathways)
    assert effect(model, LONG, (), SHORT).skipped == 0
    assert effect(model, LONG, parse("zero"), SHORT).share_skipped == 1


def test_what_cannot_be_measured_is_refused(routed: ByteLM, vanilla: ByteLM) -> None:
    with pytest.raises(InputError, match="nothing to measure on"):
        effect(routed, b"", parse("flatten"))
    with pytest.raises(InputError, match="no router to intervene in: a vanilla model"):
        effect(vanilla, b"a", parse("flatten"))


@pytest.mark.parametrize("text", [b"a", b"\xff\x00", "🦊 سلام".encode()])
def test_a_text_too_short_has_no_interval_and_says_so(routed: ByteLM, text: bytes) -> None:
    found = effect(routed, text, parse("remove:sparse"), SHORT)
    assert found.change.low is None
    assert "no interval" in found.findings[0]


def test_the_command_writes_what_the_function_found(routed: ByteLM, tmp_path: Path) -> None:
    save_checkpoint(routed, tmp_path / "model")
    (tmp_path / "text").write_bytes(LONG)
    given = ["--checkpoint", tmp_path / "model", "--text", tmp_path / "text", "--json", tmp_path / "out.json"]
    asked = ["run", "effect", *given, "--intervene", "remove:dense@2", "--max-new", 12, "--threads", 1]
    assert main([str(word) for word in asked]) == 0
    content = json.loads((tmp_path / "out.json").read_text())
    found = effect(routed, LONG, parse("remove:dense@2"), SHORT)
    assert content["findings"] == found.findings
    for name, table in found.tables.items():
        assert content["tables"][name] == json.loads(table.to_json(orient="records"))


def test_the_model_is_left_as_it_was(routed: ByteLM) -> None:
    ids = torch.tensor([list(b"abc")])
    before, _ = routed(ids)
    effect(routed, LONG, parse("zero"), SHORT)
    assert torch.equal(routed(ids)[0], before)
