import hashlib
from pathlib import Path
from typing import Any

import pytest

from probes import ablation_probe
from probes.__main__ import main
from probes.ablation import ablation_map
from probes.ablation_probe import probe
from probes.banks import Bank, Question
from probes.registry import REGISTERED
from probes.reports.again import command
from probes.store.keeper import Keeper, keeping
from probes.store.store import Store
from tests.conftest import TEXT, MakeModel
from tests.probes.store.conftest import assert_equal
from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.interventions import parse

SETTINGS = dict(REGISTERED["ablation"].settings)
LONG = TEXT * 2
FORGET = Keeper(wanted=False)


def prompts(*texts: str) -> Bank:
    return Bank("own", tuple(Question(text, None, (), "part") for text in texts), "")


def named(folder: Path, content: str = LONG) -> dict[str, Any]:
    (folder / "text").write_text(content)
    return SETTINGS | {"text": str(folder / "text"), "text_sha256": hashlib.sha256(content.encode()).hexdigest()}


def test_it_is_the_map_of_the_text_that_is_named(routed: ByteLM, tmp_path: Path) -> None:
    settings = named(tmp_path) | {"from": 3, "bytes": 150, "kind": "force", "intervene": "flatten@2"}
    found = probe(routed, "m", None, settings, 0, FORGET)
    expected = ablation_map(routed, LONG.encode()[3:153], "force", parse("flatten@2"))
    assert found.tables["cells"].equals(expected.cells)
    assert found.tables["findings"]["finding"].tolist() == list(expected.findings)
    figure = found.figures["block 2", "bits per byte, dense alone less all"]
    assert figure.value == expected.cells.query("intervention == 'force:dense@2'")["change"].item()
    assert found.rows["part"].tolist() == ["block 1"] * 3 + ["block 2"] * 3
    assert found.notes[:2] == ("150 of 185 bytes were read, of the text named.", "Measured under flatten@2.")


def test_without_a_text_prompts_of_the_bank_are_read_in_an_order_drawn(routed: ByteLM) -> None:
    bank = prompts(*(f"{number} {TEXT[:20]}" for number in range(9)))
    first, again, other = (probe(routed, "m", bank, SETTINGS, seed, FORGET) for seed in (0, 0, 1))
    assert first.tables["cells"].equals(again.tables["cells"])
    assert first.provenance["text"]["bytes"] == sum(len(row.prompt) for row in bank.rows) + 8
    assert first.provenance["text"]["sha256"] != other.provenance["text"]["sha256"]


def test_a_model_without_routers_has_no_map_and_that_is_said(vanilla: ByteLM) -> None:
    found = probe(vanilla, "m", prompts("a"), SETTINGS, 0, FORGET)
    assert not found.figures
    assert "no pathway to take out" in found.tables["findings"]["finding"].item()


def test_a_run_that_was_stopped_goes_on_with_the_next_block(
    routed: ByteLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, own = list[int](), ablation_probe.of_block

    def stopping(model: ByteLM, text: bytes, block: int, *more: Any, **others: Any) -> Any:
        made.append(block)
        if len(made) == 2:
            raise KeyboardInterrupt
        return own(model, text, block, *more, **others)

    monkeypatch.setattr(ablation_probe, "of_block", stopping)
    with keeping() as keeper, pytest.raises(KeyboardInterrupt):
        probe(routed, "m", None, named(tmp_path), 0, keeper)
    with keeping() as keeper:
        resumed = probe(routed, "m", None, named(tmp_path), 0, keeper)
    assert made == [0, 1, 1]
    assert_equal(resumed, probe(routed, "m", None, named(tmp_path), 0, FORGET))


def test_what_is_kept_names_the_command_that_measures_it_again(tiny: MakeModel, tmp_path: Path) -> None:
    checkpoint, settings = str(tiny().save_pretrained(tmp_path / "m")), named(tmp_path)
    asked = ["--checkpoint", checkpoint, "--text", settings["text"], "--kind", "force", "--threads", "1"]
    assert main(["run", "ablation", *asked]) == 0
    store = Store()
    (entry,) = store.history()
    said = command(store.get(entry.id))
    assert said is not None
    assert "--kind force" in said
    assert f"--text {settings['text']}" in said
    store.close()


def test_a_text_that_has_changed_or_gone_is_refused(routed: ByteLM, tmp_path: Path) -> None:
    settings = named(tmp_path)
    Path(settings["text"]).write_text("another")
    with pytest.raises(InputError, match="The text has changed"):
        probe(routed, "m", None, settings, 0, FORGET)
    Path(settings["text"]).unlink()
    with pytest.raises(InputError, match="The text cannot be read"):
        probe(routed, "m", None, settings, 0, FORGET)


def test_a_sweep_asks_routed_and_vanilla_alike(tiny: MakeModel, tmp_path: Path) -> None:
    names = [str(tiny(kind).save_pretrained(tmp_path / kind)) for kind in ("routed", "vanilla")]
    assert main(["sweep", "--checkpoints", *names, "--probes", "ablation", "--quick", "--jobs", "1"]) == 0
