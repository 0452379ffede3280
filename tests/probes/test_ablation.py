import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from probes.__main__ import main
from probes.ablation import KINDS, WHOLE, AblationMap, Cell, ablation_map, gather, plan
from probes.commands.ablation import KINDS as OFFERED
from probes.result import plain
from tests.conftest import TEXT, TINY, MakeModel
from tilelli.base import ByteLM
from tilelli.checkpoint import save_checkpoint
from tilelli.config import ModelConfig
from tilelli.errors import InputError
from tilelli.evaluation import evaluate
from tilelli.interventions import Given, parse

LONG = (TEXT * 2).encode()


def cell(found: AblationMap, block: int, pathway: str) -> "pd.Series[float]":
    return found.cells.query("block == @block and pathway == @pathway").iloc[0]


def test_every_cell_is_the_difference_of_two_evaluations(routed: ByteLM) -> None:
    found = ablation_map(routed, LONG)
    before = evaluate(routed, [LONG]).bits_per_byte
    assert found.cells["intervention"].tolist()[:4] == ["remove:local@1", "remove:sparse@1", "remove:dense@1", "zero@1"]
    for row in found.cells.itertuples():
        after = evaluate(routed, [LONG], interventions=parse(row.intervention)).bits_per_byte
        assert row.change == pytest.approx(after - before, abs=1e-5)
        assert row.low <= row.change <= row.high


def test_a_block_that_adds_nothing_costs_nothing(tiny: MakeModel) -> None:
    model = tiny()
    for name, parameter in model.blocks[1].named_parameters():
        if name.startswith(("local", "sparse.out", "dense.down")):
            parameter.zero_()
    found = ablation_map(model, LONG)
    second = found.cells.query("block == 2")
    assert (second[["change", "low", "high"]] == 0).all(axis=None)
    assert (second["p_holm"] == 1).all()
    assert not second["clear"].any()


def test_a_pathway_that_the_router_gives_nothing_is_worth_exactly_nothing(tiny: MakeModel) -> None:
    model = tiny(seed=3)
    for block in model.blocks:
        block.router.score.bias[1] = -1e9
    found = ablation_map(model, LONG)
    sparse = found.cells.query("pathway == 'sparse'")
    assert (sparse["change"] == 0).all()
    assert not sparse["clear"].any()


def test_under_an_intervention_that_took_it_out_already_nothing_changes(routed: ByteLM) -> None:
    found = ablation_map(routed, LONG, under=parse("remove:dense"))
    assert (found.cells.query("pathway == 'dense'")["change"] == 0).all()
    assert (found.cells.query("pathway == 'local'")["change"] != 0).all()
    assert found.cells["before"].iloc[0] == pytest.approx(
        evaluate(routed, [LONG], interventions=parse("remove:dense")).bits_per_byte
    )


def test_removing_is_giving_the_weight_zero_and_nothing_else(tiny: MakeModel) -> None:
    model = tiny(n_blocks=1)
    weights = torch.tensor([0.5, 0.3, 0.2])
    found = ablation_map(model, LONG, under=[Given({0: weights})])
    without = evaluate(model, [LONG], interventions=[Given({0: torch.tensor([0.5, 0.0, 0.2])})]).bits_per_byte
    assert cell(found, 1, "sparse")["after"] == pytest.approx(without)


def test_forcing_leaves_each_pathway_alone(routed: ByteLM) -> None:
    found = ablation_map(routed, LONG, "force")
    assert set(found.cells["pathway"]) == {"local", "sparse", "dense"}
    alone = evaluate(routed, [LONG], interventions=parse("force:dense@2")).bits_per_byte
    assert cell(found, 2, "dense")["after"] == pytest.approx(alone)


def test_a_planted_dependence_is_found(tiny: MakeModel) -> None:
    """The model is made to repeat the byte before: only its local pathway carries anything."""
    model = tiny(n_blocks=1, kernel_size=2, ternary=[], mix_scale=1.0, d_model=64)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.zero_()
    model.embedding.weight.normal_(generator=generator)
    model.norm.weight.fill_(0.3)
    block = model.blocks[0]
    block.norm.weight.fill_(1.0)
    block.local.weight[:, 0] = 30.0  # what stood one byte before
    text = b"".join(bytes([a, b] * 8) for a, b in np.random.default_rng(0).integers(65, 90, (20, 2)).tolist())
    found = ablation_map(model, text)
    assert cell(found, 1, "local")["clear"]
    assert cell(found, 1, "local")["change"] > 1
    assert cell(found, 1, "dense")["change"] == 0
    assert found.findings[0].startswith("Removing local in block 1 costs the most: +")


def test_a_model_that_only_guesses_has_nothing_to_lose(tiny: MakeModel) -> None:
    found = ablation_map(tiny(), LONG)  # random weights: worse than 8 bits a byte
    assert found.cells["before"].iloc[0] > 8
    assert not found.cells["clear"].any()
    assert found.findings == (
        f"The model reads these {len(LONG)} bytes no better than even guessing does (8 bpb): it has nothing to lose.",
    )


def made(*changes: tuple[float, float | None], total: int | None = None) -> AblationMap:
    """A map of cells with these changes and p-values."""
    cells = [
        Cell(n, "dense", f"remove:dense@{n}", 2.0, 2.0 + change, change, change - 0.01, change + 0.01, 9, p)
        for n, (change, p) in enumerate(changes, start=1)
    ]
    return gather(cells, "remove", total or len(cells), 300)


def test_findings_are_corrected_for_how_many_cells_there_are() -> None:
    assert made((0.5, 0.03)).cells["clear"].tolist() == [True]
    assert made((0.5, 0.03), (0.5, 0.03)).cells["p_holm"].tolist() == pytest.approx([0.06, 0.06])
    assert made((0.5, 0.03), (0.1, 0.9)).findings == ("Nothing here can be told from 0, on these 300 bytes.",)


def test_a_change_too_small_to_matter_is_no_finding() -> None:
    assert made((0.009, 1e-9), (0.5, 1e-9)).cells["clear"].tolist() == [False, True]


def test_findings_name_what_costs_and_what_helps() -> None:
    said = made((0.5, 1e-6), (-0.2, 1e-6), (0.0, 1.0)).findings
    assert said[0] == "Removing dense in block 1 costs the most: +0.500 bpb [+0.490, +0.510]."
    assert said[1] == "Removing dense in block 2 helps, on this text: −0.200 bpb [−0.210, −0.190]."
    assert said[2].startswith("2 of 3 cells can be told from 0; the other 1 cannot")


def test_a_map_that_was_stopped_says_so_and_corrects_for_the_whole() -> None:
    half = made((0.5, 0.03), total=12)
    assert half.findings[0] == "Stopped after 1 of 12 cells."
    assert half.cells["p_holm"].tolist() == pytest.approx([0.36])
    assert gather([], "remove", 12, 300).findings == ("Stopped after 0 of 12 cells.",)


def test_stop_means_stop_and_progress_counts_to_the_end(routed: ByteLM) -> None:
    seen: list[tuple[int, int]] = []
    whole = ablation_map(routed, b"abc" * 10, progress=lambda *counts: seen.append(counts))
    assert seen == [(n, 8) for n in range(1, 9)]
    assert len(whole.cells) == whole.total == 8
    stopped = ablation_map(routed, b"abc", should_stop=iter([*[False] * 7, True]).__next__)
    assert len(stopped.cells) == 4  # asked after reading, and after each pass: the first block is whole


def test_a_long_text_is_left_in_the_middle_of_reading(routed: ByteLM) -> None:
    asked = iter([*[False] * 9, True])  # 21 passes a reading
    assert len(ablation_map(routed, b"abc" * 448, should_stop=asked.__next__).cells) == 0
    assert next(asked, None) is None


@pytest.mark.parametrize("text", [b"a", "🦊".encode(), b"\xff" * 20])
def test_a_short_text_gives_changes_without_intervals(routed: ByteLM, text: bytes) -> None:
    found = ablation_map(routed, text)
    assert found.cells["change"].notna().all()
    assert found.cells[["low", "high", "p", "p_holm"]].isna().all(axis=None)
    assert "too short to tell" in found.findings[0]


def test_a_pathway_that_is_not_there_is_not_taken_out() -> None:
    config = ModelConfig.from_dict(TINY.to_dict() | {"pathways": ["local", "dense"]})
    assert [name for name, _ in plan(config)] == ["local", "dense", WHOLE] * 2


def test_what_cannot_be_mapped_is_refused(routed: ByteLM, vanilla: ByteLM) -> None:
    with pytest.raises(InputError, match="no pathway to take out: a vanilla model"):
        ablation_map(vanilla, b"abc")
    with pytest.raises(InputError, match="nothing to measure on"):
        ablation_map(routed, b"")
    with pytest.raises(InputError, match="no such map: 'explode'"):
        ablation_map(routed, b"abc", "explode")
    assert tuple(KINDS) == OFFERED


def test_the_command_writes_what_the_function_found(routed: ByteLM, tmp_path: Path) -> None:
    save_checkpoint(routed, tmp_path / "model")
    (tmp_path / "text").write_bytes(LONG)
    given = ["--checkpoint", tmp_path / "model", "--text", tmp_path / "text", "--json", tmp_path / "out.json"]
    assert main([str(word) for word in ["run", "ablation", *given, "--intervene", "flatten@2", "--threads", 1]]) == 0
    (content,) = json.loads((tmp_path / "out.json").read_text())["results"]
    found = ablation_map(routed, LONG, under=parse("flatten@2"))
    assert content["tables"]["cells"] == plain(found.cells)
    assert [row["finding"] for row in content["tables"]["findings"]] == list(found.findings)
