import json
from pathlib import Path

import numpy as np
import pytest

from probes.__main__ import main
from probes.banks import Bank, Question
from probes.regimes import share_by_regime
from probes.routing import ALL, from_trace, share_by_position
from tests.conftest import MakeModel
from tilelli.base import ByteLM
from tilelli.chat import encode
from tilelli.checkpoint import save_checkpoint
from tilelli.errors import InputError
from tilelli.interventions import parse
from tilelli.trace import trace

PATHWAYS = ["local", "sparse", "dense"]


def bank(**prompts: list[str]) -> Bank:
    """A bank with these prompts by category."""
    rows = [
        Question(prompt, False, part="own", category=category)
        for category, texts in prompts.items()
        for prompt in texts
    ]
    return Bank("own", tuple(rows), "")


def test_a_regime_is_the_mean_over_its_prompts_each_read_alone(tiny: MakeModel) -> None:
    model = tiny(context=64)
    asked = bank(short=["Hi", "How are you today?"], long=["Name a colour that nobody has seen, and say why."])
    found = share_by_regime(model, asked).set_index(["regime", "block"])
    each = []
    for prompt in ("Hi", "How are you today?"):
        weights = trace(model, encode(prompt)).router_weights
        assert weights is not None
        each.append(weights[:, 0, 1:].mean(dim=1).numpy())  # (L, P), the byte that begins a document left out
    mean = np.mean(each, axis=0)
    np.testing.assert_allclose(found.loc[("short", "block 2"), PATHWAYS].astype(float), mean[1], rtol=1e-5)
    np.testing.assert_allclose(found.loc[("short", ALL), PATHWAYS].astype(float), mean.mean(axis=0), rtol=1e-5)
    assert found.loc[("short", ALL), ["prompts", "of"]].tolist() == [2, 2]


def test_only_some_prompts_are_read_and_the_table_says_how_many(tiny: MakeModel) -> None:
    model, asked = tiny(context=64), bank(many=[f"What is {n}?" for n in range(40)], few=["Why?"])
    found = share_by_regime(model, asked, each=6)
    assert found[["regime", "prompts", "of"]].drop_duplicates().to_numpy().tolist() == [["few", 1, 1], ["many", 6, 40]]
    assert found.query("regime == 'few'")["local low"].isna().all()
    many = found.query("regime == 'many'")
    assert ((many["local low"] <= many["local"]) & (many["local"] <= many["local high"])).all()
    assert found.equals(share_by_regime(model, asked, each=6))
    assert not found.equals(share_by_regime(model, asked, each=6, seed=1))


def test_prompts_are_read_under_interventions_and_counted(tiny: MakeModel) -> None:
    seen: list[tuple[int, int]] = []
    found = share_by_regime(
        tiny(), bank(a=["x" * 50] * 40), each=40, interventions=parse("force:dense"), progress=lambda *n: seen.append(n)
    )
    assert (found["dense"] == 1).all()
    assert seen == [(32, 40), (40, 40)]


def test_a_vanilla_model_and_no_prompts_are_refused(vanilla: ByteLM, routed: ByteLM) -> None:
    with pytest.raises(InputError, match="no router to look at: a vanilla model"):
        share_by_regime(vanilla, bank(a=["x"]))
    with pytest.raises(InputError, match="no prompts to read: 0 a regime"):
        share_by_regime(routed, bank(a=["x"]), each=0)


def test_the_command_writes_positions_and_regimes(tiny: MakeModel, tmp_path: Path) -> None:
    model = tiny(context=64)
    save_checkpoint(model, tmp_path / "model")
    (tmp_path / "text").write_bytes(b"The cat sat on the mat. " * 2)
    rows = [{"question": f"What is {n}?", "answerable": False, "category": "sums"} for n in range(6)]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = ["--checkpoint", tmp_path / "model", "--text", tmp_path / "text", "--json", tmp_path / "out.json"]
    asked = ["run", "routing", *given, "--bank", tmp_path / "own.jsonl", "--intervene", "flatten@1", "--threads", 1]
    assert main([str(word) for word in asked]) == 0
    tables = json.loads((tmp_path / "out.json").read_text())["tables"]
    result = from_trace(trace(model, list(b"The cat sat on the mat. " * 2), parse("flatten@1")))
    assert tables["positions"] == json.loads(share_by_position(result, 64).to_json(orient="records"))
    assert {row["regime"] for row in tables["regimes"]} == {"sums"}
    assert tables["regimes"][1]["local"] == pytest.approx(1 / 3)
    assert main([str(word) for word in [*asked, "--seed", -1]]) == 2
