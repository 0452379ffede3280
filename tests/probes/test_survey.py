from pathlib import Path

import pytest

from probes.__main__ import main
from probes.survey import LARGEST, NO_ROLE, TOO_FEW, longest, survey
from tests.conftest import MakeModel
from tests.probes.test_roles import TEXT, followers
from tilelli.base import ByteLM
from tilelli.config import ModelConfig
from tilelli.interventions import parse
from tilelli.trace import trace

SHORT = list(TEXT[:16])


def test_what_is_found_is_said_and_where_nothing_is_that_is_said_too(routed: ByteLM) -> None:
    assert any("looks at the byte just before" in sentence for sentence in survey(followers(TEXT)).findings)
    assert survey(trace(routed, SHORT)).findings[0] == NO_ROLE


@pytest.mark.parametrize("text", [b"a", b"ab", b"abab"])
def test_of_a_text_too_short_to_tell_no_more_is_said(model: ByteLM, text: bytes) -> None:
    said = survey(trace(model, list(text)), 4).findings
    assert said[0] == TOO_FEW
    assert all("too short to tell" in sentence for sentence in said[1:])


def test_how_much_attention_weighs_is_the_mean_of_the_router(routed: ByteLM, vanilla: ByteLM) -> None:
    seen = trace(routed, SHORT)
    assert seen.router_weights is not None
    assert survey(seen).sparse == pytest.approx(seen.router_weights[..., 1].mean(dim=(1, 2)).tolist())
    assert survey(trace(routed, SHORT, parse("remove:sparse"))).sparse == (0, 0)
    assert survey(trace(vanilla, SHORT), 4).sparse is None


def test_a_routed_model_is_seen_whole_and_a_vanilla_one_as_far_as_memory_bears() -> None:
    config = ModelConfig(context=2048, n_blocks=6)
    assert longest(config) == 2048
    most = longest(config.twin("vanilla"))
    assert most**2 * 48 <= LARGEST < (most + 1) ** 2 * 48
    assert longest(ModelConfig(kind="vanilla", context=256)) == 256


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--block", "3"), "There is no such block: 3. Use 1 to 2."),
        (("--head", "0"), "There is no such head: 0. Use 1 to 2."),
        (("--byte", "99"), "There is no such byte: 99. Use 0 to 15."),
        (("--from", "99"), "There is no such byte: 99 of 20"),
        (("--intervene", "remove"), "The pathways of remove do not fit"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(
    tiny: MakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, str], said: str
) -> None:
    (tmp_path / "text").write_bytes(TEXT[:20])
    folder = tiny().save_pretrained(tmp_path / "model")
    assert main(["run", "attention", "--checkpoint", str(folder), "--text", str(tmp_path / "text"), *option]) == 2
    assert said in capsys.readouterr().err


def test_a_model_without_attention_is_refused_in_a_sentence(
    tiny: MakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_bytes(TEXT)
    folder = tiny(pathways=("local", "dense")).save_pretrained(tmp_path / "model")
    assert main(["run", "attention", "--checkpoint", str(folder), "--text", str(tmp_path / "text")]) == 2
    assert "There is no attention to look at: no sparse pathway." in capsys.readouterr().err
