import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from probes.__main__ import main
from probes.asking import Asked
from probes.banks import bank, sample
from probes.metacognition import FAILED, FAILURE, SHIFTED, judged, run
from probes.result import ProbeResult
from probes.signals import COMBINED, LENGTH
from probes.store.keeper import Keeper, keeping
from probes.verdict import PUBLISHED, Claim
from tests.conftest import MakeModel
from tests.probes.chats import bank as own_bank
from tests.probes.store.conftest import assert_equal
from tilelli.base import ByteLM, build
from tilelli.checkpoint import load, save_checkpoint
from tilelli.config import ModelConfig

SETTINGS: dict[str, Any] = {"max_new": 2, "samples": 0, "temperature": 1.0, "committee": {}, "choices": 40}
EACH = 30
Captured = pytest.CaptureFixture[str]


def stub(seed: int = 0, **signals: object) -> Asked:
    """Thirty prompts of each regime, right or wrong by lot, and signals that know nothing unless given otherwise."""
    random, n = np.random.default_rng(seed), 7 * EACH
    rows = pd.DataFrame({"part": np.repeat(PUBLISHED.parts, EACH), "split": "test", "right": random.integers(0, 2, n)})
    noise = {name: random.random(n) for name in (*PUBLISHED.baselines, "router_conf")}
    table = pd.DataFrame(noise | {LENGTH: random.integers(20, 60, n).astype(float)})
    for name, values in signals.items():
        table[name] = values(rows, table) if callable(values) else values
    return Asked(rows.astype({"right": float}), table, ())


def words(result: ProbeResult, signal: str, question: str) -> list[str]:
    """What claims on a signal come to."""
    failed = question == FAILED
    return [
        str(verdict.word)
        for verdict in result.verdicts
        if isinstance(verdict.rule, Claim)
        and verdict.rule.signal == signal
        and verdict.rule.parts[0].startswith(FAILURE) == failed
    ]


def table(result: ProbeResult, title: str) -> pd.DataFrame:
    return result.tables[title].set_index(["regime", "signal"])


@pytest.fixture(scope="module")
def known() -> ProbeResult:
    """The router knows the domain, the head what fails, entropy gibberish; every third reply declines."""
    asked = stub(
        router_conf=lambda rows, _: (rows["part"] == "in_domain").astype(float),
        abstain_p=lambda rows, _: 1 - rows["right"],
        entropy_mean=lambda rows, _: (rows["part"] == "gibberish").astype(float),
    )
    right = asked.rows["right"].where(np.arange(len(asked.rows)) % 3 > 0)
    return judged(replace(asked, rows=asked.rows.assign(right=right)), PUBLISHED)


def test_an_oracle_head_wins_on_its_own_question(known: ProbeResult) -> None:
    knows_regimes = judged(stub(abstain_p=lambda rows, _: (rows["part"] != "in_domain").astype(float)), PUBLISHED)
    assert words(knows_regimes, "abstain_p", SHIFTED) == ["wins"]
    assert words(knows_regimes, "abstain_p", FAILED) != ["wins"]
    assert words(known, "abstain_p", FAILED) == ["wins"]
    assert words(known, "abstain_p", SHIFTED) != ["wins"]
    combination = [table(found, FAILED).loc[("all", COMBINED), "auroc"] for found in (known, knows_regimes)]
    assert combination[0] == 1
    assert 0.3 < float(combination[1]) < 0.62  # it is read on rows that it has not met


def test_a_router_that_is_sure_in_its_domain_is_proven_as_published(known: ProbeResult) -> None:
    assert words(known, "router_conf", SHIFTED) == ["wins", "wins"]
    rule = known.tables["rule"]
    assert (rule["p_holm"].dropna() >= rule["p"].dropna()).all()


def test_in_domain_stands_for_all_others_against_it(known: ProbeResult) -> None:
    own = table(known, SHIFTED).xs("entropy_mean", level="signal")
    assert own.loc["in_domain", ["n", "positives"]].tolist() == [210, 180]
    assert own.loc["in_domain", "auroc"] == pytest.approx((30 * 1 + 150 * 0.5) / 180)
    assert own.loc["gibberish", ["n", "auroc"]].tolist() == [60, 1]
    assert own.loc["ood_topic", ["n", "auroc"]].tolist() == [60, 0.5]
    assert (own["q"] >= own["p"]).all()


def test_replies_that_decline_are_neither_right_nor_wrong(known: ProbeResult) -> None:
    assert table(known, FAILED).loc[("all", "abstain_p"), "n"] == 140
    assert table(known, SHIFTED).loc[("in_domain", "abstain_p"), "n"] == 210


def test_an_untrained_model_gets_no_verdict_better_than_tie() -> None:
    import torch

    torch.manual_seed(0)
    shape = {"d_model": 32, "n_blocks": 2, "n_heads": 2, "head_dim": 16, "context": 256, "abstain": True}
    model = build(ModelConfig.from_dict(ModelConfig().to_dict() | shape)).eval().requires_grad_(False)
    asked = sample(bank("regimes"), EACH, 0)
    found = run(model, "untrained", asked, SETTINGS, 0, Keeper(wanted=False))
    assert len(found.verdicts) == 5
    assert not {verdict.word for verdict in found.verdicts} & {"wins", "met"}
    assert len(found.tables[SHIFTED]["regime"].unique()) == 7


def test_a_signal_that_only_knows_the_length_beats_the_published_baselines_and_not_the_length() -> None:
    def long_outside(rows: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
        return np.asarray(table[LENGTH] + 30 * (rows["part"] != "in_domain"))

    asked = stub(**{LENGTH: long_outside})
    asked = replace(asked, signals=asked.signals.assign(router_conf=-asked.signals[LENGTH] / 100 + 1))
    found = judged(asked, PUBLISHED)
    assert words(found, "router_conf", SHIFTED) == ["tie", "tie"]
    assert "As published the rule would be met, with 7 regimes won" in found.notes[0]
    assert set(found.tables["rule"]["word"][:7]) == {"wins"}
    own = table(found, SHIFTED)
    same = [("gibberish", LENGTH), ("gibberish", "router_conf")]
    assert own.loc[same, "auroc"].nunique() == 1
    assert (own.loc[same, "auroc"] > 0.9).all()
    assert (own.loc[same, "matched"] < 0.7).all()


def test_shortness_counts_as_length_too() -> None:
    found = judged(stub(**{LENGTH: lambda rows, _: np.where(rows["part"] == "gibberish", 5.0, 50.0)}), PUBLISHED)
    assert table(found, SHIFTED).loc[("gibberish", LENGTH), "auroc"] == 1


def test_where_every_reply_is_wrong_failure_is_undefined() -> None:
    asked = stub()
    found = judged(replace(asked, rows=asked.rows.assign(right=0.0)), PUBLISHED)
    assert table(found, FAILED)["auroc"].isna().all()
    assert words(found, "abstain_p", FAILED) == ["undefined"]
    assert found.figures[(f"{FAILURE}all", "AUROC of abstain_p")].value is None


def test_a_bank_without_regimes_has_failures_only(tiny: MakeModel) -> None:
    found = run(tiny(context=64), "m", own_bank(), SETTINGS, 0, Keeper(wanted=False))
    assert len(found.tables[SHIFTED]) == 0
    assert found.verdicts == ()
    assert "There is no part in_domain" in " ".join(found.notes)


def test_a_splice_is_asked_like_any_checkpoint_and_the_result_comes_back_from_the_store(
    tiny: MakeModel, tmp_path: Path
) -> None:
    one, other = (str(save_checkpoint(tiny(seed=s, context=64, abstain=True), tmp_path / str(s))) for s in (0, 1))
    model = load(f"{one}::abstain::{other}", ByteLM)
    from probes.store.key import Key

    few, settings = sample(bank("regimes"), 6, 0), SETTINGS | {"choices": 8}
    key = Key.of("metacognition", model, few, settings, 0)
    with keeping() as keeper:
        found = run(model, "spliced", few, settings, 0, keeper)
        keeper.put(key, found)
        assert_equal(keeper.result(key), found)
    assert f"This is a splice: abstain of {other} in {one}." in found.notes
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_the_command_prints_signals_by_regimes_with_intervals_and_the_verdict(
    tiny: MakeModel, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    from probes.registry import REGISTERED

    cheap = replace(REGISTERED["metacognition"], quick=SETTINGS, quick_rows=6)
    monkeypatch.setitem(REGISTERED, "metacognition", cheap)
    folder = str(save_checkpoint(tiny(context=64, abstain=True), tmp_path / "m"))
    written = tmp_path / "out.json"
    asked = ["--checkpoint", folder, "--committee", folder, "--bank", "regimes", "--quick", "--threads", "1"]
    assert main(["run", "metacognition", *asked, "--json", str(written)]) == 0
    out = capsys.readouterr().out
    assert "out of distribution: AUROC" in out
    assert all(part in out for part in PUBLISHED.parts)
    assert f": {PUBLISHED}" in out
    (content,) = json.loads(written.read_text())["results"]
    (value,) = [
        figure
        for figure in content["summary"]
        if (figure["part"], figure["figure"]) == ("gibberish", "AUROC of entropy_mean")
    ]
    assert f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]" in out
