import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from probes.__main__ import main
from probes.effects import effect
from probes.skipping import COUNTED, Point, findings, measure, table
from tests.conftest import TEXT, MakeModel, random_model
from tilelli.base import ByteLM
from tilelli.costs import costs
from tilelli.errors import InputError
from tilelli.interventions import parse
from tilelli.sampling import Sampling
from tilelli.trace import trace

LONG = (TEXT * 3).encode()
TIMES = ["speed", "faster", "quarter", "three_quarters"]
Captured = pytest.CaptureFixture[str]


def point(threshold: float, high: float | None, skipped: float = 0.25, bpb: float = 2.0) -> Point:
    low = None if high is None else 0.0
    return Point(threshold, bpb, 0.001, low, high, 9, skipped, None, None, skipped)


@pytest.mark.parametrize("under", ["", "remove:local@1"])
def test_each_threshold_is_the_effect_of_its_intervention(routed: ByteLM, under: str) -> None:
    before = effect(routed, LONG, parse(under), Sampling(0))
    for found in measure(routed, LONG, (0.1, 0.4), parse(under)):
        after = effect(routed, LONG, parse(f"{under} skip:{found.threshold}"), Sampling(0))
        assert found.bpb == pytest.approx(after.bpb[1])
        assert found.change == pytest.approx(after.bpb[1] - before.bpb[1], abs=1e-9)
        assert found.skipped == pytest.approx(after.share_skipped)
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.change <= found.high


def test_nothing_is_left_out_below_0_and_everything_below_1(routed: ByteLM) -> None:
    first, last = measure(routed, LONG, (1.0, 0.0))
    assert (first.threshold, first.change, first.low, first.high, first.skipped) == (0, 0, 0, 0, 0)
    assert (last.threshold, last.skipped, last.local, last.sparse, last.dense) == (1, 1, 1, 1, 1)


def test_shares_by_hand(tiny: MakeModel) -> None:
    model = tiny(n_blocks=1)  # what is left out of the only block changes no other weight
    text = b"The cat sat"
    router = trace(model, [0, *text[:-1]]).router_weights
    assert router is not None
    weights = router[0, 0].numpy()  # (T, P)
    (found,) = measure(model, text, (0.3,))
    cost = costs(model.config, np.arange(len(text)))
    for name, place in (("local", 0), ("dense", 2)):
        small = weights[:, place] < 0.3
        assert getattr(found, name) == pytest.approx(cost[name][small].sum() / cost[name].sum())
    assert 0 < found.skipped < 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_they_come_in_order_each_once_and_shares_are_shares(thresholds: list[float]) -> None:
    found = list(measure(random_model(n_blocks=1), b"The cat", thresholds))
    assert [one.threshold for one in found] == sorted(set(thresholds))
    skipped = [one.skipped for one in found]
    assert all(0 <= share <= 1 for share in skipped)
    assert skipped == sorted(skipped)  # with one block, what is left out stays left out


def test_a_pathway_that_the_model_lacks_has_no_share(tiny: MakeModel) -> None:
    (found,) = measure(tiny(pathways=("local", "dense")), LONG, (0.5,))
    assert found.sparse is None
    assert table([found])["sparse"].isna().all()
    assert found.local is not None


def test_what_hardly_costs_anything_is_said_and_that_it_was_chosen_here() -> None:
    cheap, *rest = findings([point(0.0, 0.0, 0.0), point(0.1, 0.009), point(0.2, 0.02), point(0.3, 0.001)], 999)
    assert cheap.startswith("Up to a threshold of 0.1 the loss stays below 0.01 bpb: +0.001 bpb [0, +0.009], and 25 %")
    assert "chosen on this text" in cheap
    assert rest == [COUNTED]
    assert findings([point(0.0, 0.0, 0.0), point(0.1, 0.02)], 999)[0].startswith("Whatever saves something may cost")
    assert "too short" in findings([point(0.1, None)], 20)[0]
    assert "nothing to lose" in findings([point(0.1, 0.001, bpb=8.5)], 999)[0]
    assert findings([], 5) == []


def test_what_is_saved_in_time_is_said_of_the_fastest() -> None:
    slow = replace(point(0.0, 0.0, 0.0), speed=100, faster=1.0, quarter=1.0, three_quarters=1.0)
    fast = replace(point(0.2, 0.1), speed=150, faster=1.5, quarter=1.2, three_quarters=1.6)
    said = "writes 1.50 times as fast at a threshold of 0.2 as at 0 (in the middle half of the rounds 1.20 to 1.60)"
    assert said in findings([slow, fast], 999)[1]
    assert "no faster with any threshold" in findings([slow, replace(fast, quarter=0.9)], 999)[1]


def test_what_cannot_be_measured_is_refused(routed: ByteLM, vanilla: ByteLM) -> None:
    with pytest.raises(InputError, match=r"There is no such threshold: 1\.5"):
        list(measure(routed, b"x", (0.1, 1.5)))
    with pytest.raises(InputError, match="There is no such threshold: nan"):
        list(measure(routed, b"x", (math.nan,)))
    with pytest.raises(InputError, match="There is no router to intervene in"):
        list(measure(vanilla, b"x"))
    with pytest.raises(InputError, match="There is nothing to measure on"):
        list(measure(routed, b""))


def test_the_command_line_gives_the_same_and_refuses_words(routed: ByteLM, tmp_path: Path, capsys: Captured) -> None:
    routed.save_pretrained(tmp_path / "model")
    (tmp_path / "text").write_bytes(LONG)
    asked = ["run", "skipping", "--checkpoint", str(tmp_path / "model"), "--text", str(tmp_path / "text")]
    asked += ["--threads", str(torch.get_num_threads())]
    assert main([*asked, "--thresholds", "0,0.2", "--json", str(tmp_path / "out.json")]) == 0
    content = json.loads((tmp_path / "out.json").read_text())
    expected = list(measure(routed, LONG, (0, 0.2)))
    rows = content["tables"]["thresholds"]
    times = [tuple(row.pop(name) for name in TIMES) for row in rows]
    wanted = table(expected).drop(columns=TIMES)
    assert rows == json.loads(wanted.to_json(orient="records"))
    assert all(speed > 0 and low <= middle <= high for speed, middle, low, high in times)
    assert times[0][1:] == (1, 1, 1)
    assert content["findings"][0] == findings(expected, len(LONG))[0]
    assert content["findings"][1].startswith("The compiled engine writes ")
    capsys.readouterr()
    assert main([*asked, "--thresholds", "0,much"]) == 2
    assert "These are no thresholds: 0,much." in capsys.readouterr().err
