from pathlib import Path

import pytest
import torch

from tests.conftest import MakeModel
from tilelli.__main__ import main
from tilelli.base import ByteLM
from tilelli.checkpoint import load, save_checkpoint, weights_hash
from tilelli.errors import CheckpointError, InputError
from tilelli.header import read_header
from tilelli.model import TilelliLM
from tilelli.splice import origins, parse, save_splice, splice
from tilelli.splice import taken as named
from tilelli.vanilla import VanillaLM


def pair(tiny: MakeModel, *kinds: str, **config: object) -> tuple[ByteLM, ByteLM]:
    base = tiny(*kinds, **config)
    torch.manual_seed(99)
    donor = tiny(*kinds, **config)
    for parameter in donor.parameters():
        parameter.data = parameter.data + 0.1 * torch.randn_like(parameter)
    return base, donor


def taken(spliced: ByteLM, base: ByteLM, donor: ByteLM) -> set[str]:
    """Names of the tensors that are the donor's; all others have to be the base's."""
    mine, others = base.state_dict(), donor.state_dict()
    from_donor = {key for key, value in spliced.state_dict().items() if torch.equal(value, others[key])}
    for key, value in spliced.state_dict().items():
        assert key in from_donor or torch.equal(value, mine[key])
    return from_donor


@pytest.mark.parametrize(
    ("part", "inner", "blocks"),
    [("router", "router.", {0, 1}), ("dense@2", "dense.", {1}), ("local@1-2", "local.", {0, 1}), ("block@1", "", {0})],
)
def test_just_the_named_part_comes_from_the_donor(tiny: MakeModel, part: str, inner: str, blocks: set[int]) -> None:
    base, donor = pair(tiny)
    expected = {key for key in base.state_dict() if key.startswith(tuple(f"blocks.{n}.{inner}" for n in blocks))}
    assert taken(splice(base, donor, parse(part)), base, donor) == expected
    assert expected


@pytest.mark.parametrize("part", ["router", "local", "sparse@2", "dense", "block@1", "abstain", "block@1-2+abstain"])
def test_a_part_put_in_its_own_place_changes_nothing(tiny: MakeModel, part: str) -> None:
    base = tiny(abstain=True)
    assert weights_hash(splice(base, base, parse(part))) == weights_hash(base)


def test_a_model_without_a_head_is_given_one(tiny: MakeModel) -> None:
    base, donor = tiny(), tiny(abstain=True)
    spliced = splice(base, donor, parse("abstain"))
    assert spliced.config.abstain
    assert torch.equal(spliced.abstain.weight, donor.abstain.weight)
    ids = torch.randint(0, 256, (1, 12))
    assert torch.equal(spliced(ids)[0], base(ids)[0])


def test_vanilla_models_exchange_blocks_too(tiny: MakeModel) -> None:
    base, donor = pair(tiny, "vanilla")
    assert taken(splice(base, donor, parse("block@2")), base, donor)
    with pytest.raises(InputError, match="donor lacks this part: router"):
        splice(base, donor, parse("router"))


def test_neither_is_touched(tiny: MakeModel) -> None:
    base, donor = pair(tiny)
    before = weights_hash(base), weights_hash(donor)
    spliced = splice(base, donor, parse("block"))
    for parameter in spliced.parameters():
        parameter.add_(1)
    assert (weights_hash(base), weights_hash(donor)) == before


@pytest.mark.parametrize(
    ("config", "part", "problem"),
    [
        (
            {"d_model": 32},
            "router",
            r"router does not fit: .*score.weight is \[3, 16\] here and \[3, 32\]",
        ),
        ({"top_k": 3}, "sparse", "sparse means something else: top_k is 4 here and 3 there"),
        ({"activation_bits": 8}, "dense@1", "dense@1 means something else: activation_bits is 0 here and 8 there"),
        ({"ternary": ["local"]}, "dense", "dense is ternary in one of them only"),
        ({"through_local": True}, "dense", "through_local is False here and True there"),
        ({"n_blocks": 1}, "dense@2", "no such blocks: dense@2. Name some of 1 to 1"),
        ({}, "dense@3", "no such blocks: dense@3. Name some of 1 to 2"),
        ({}, "abstain", "donor lacks this part: abstain"),
        ({"pathways": ["local", "dense"]}, "sparse", "donor lacks this part"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(tiny: MakeModel, config: dict, part: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        splice(tiny(top_k=4), tiny(**{"top_k": 4, **config}), parse(part))


def test_a_head_of_another_width_is_refused(tiny: MakeModel) -> None:
    with pytest.raises(InputError, match="width 32 for 16"):
        splice(tiny(), tiny(d_model=32, abstain=True), parse("abstain"))


@pytest.mark.parametrize("text", ["", "routers", "dense@", "abstain@1", "dense+", "dense@1-2-3"])
def test_a_word_that_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a part"):
        parse(text)


@pytest.fixture
def saved(tiny: MakeModel, tmp_path: Path) -> tuple[str, str]:
    base, donor = pair(tiny)
    base.provenance = {"tuning": {"pairs": 3}, "figures": {"bpb": 2.0, "threshold": 0.4}}
    return str(save_checkpoint(base, tmp_path / "base")), str(save_checkpoint(donor, tmp_path / "donor"))


def test_a_splice_is_opened_by_its_name_like_any_checkpoint(saved: tuple[str, str], tmp_path: Path) -> None:
    base, donor = saved
    name = f"{base}::router+dense@2::{donor}"
    model = load(name, TilelliLM)
    assert weights_hash(model) == weights_hash(splice(load(base, ByteLM), load(donor, ByteLM), parse("router+dense@2")))
    assert model.provenance["splice"]["parts"] == "router+dense@2"
    assert model.provenance["splice"]["donor"] == {"name": donor, "weights": weights_hash(load(donor, ByteLM))}
    assert model.provenance["figures"] == {"threshold": 0.4}
    assert model.provenance["tuning"] == {"pairs": 3}
    save_checkpoint(model, tmp_path / "kept")
    assert weights_hash(load(tmp_path / "kept", ByteLM)) == weights_hash(model)
    with pytest.raises(CheckpointError, match="not a VanillaLM"):
        load(name, VanillaLM)


def test_its_header_is_read_without_its_weights(saved: tuple[str, str]) -> None:
    base, donor = saved
    header = read_header(f"{base}::router::{donor}")
    assert header.config == read_header(base).config
    assert header.shapes == read_header(base).shapes
    assert header.provenance["splice"]["base"] == {"name": base}
    with pytest.raises(InputError, match="donor lacks"):
        read_header(f"{base}::abstain::{donor}")


def test_a_splice_can_be_the_base_of_another(saved: tuple[str, str]) -> None:
    base, donor = saved
    name = f"{base}::router::{donor}::dense::{base}"
    assert origins(name) == [base, donor, base]
    expected = splice(load(base, ByteLM), load(donor, ByteLM), parse("router"))
    assert weights_hash(load(name, ByteLM)) == weights_hash(expected)


@pytest.mark.parametrize("name", ["tilelli/mini::", "::router::x", "a::router", "a::::b"])
def test_half_a_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="not the name of a splice"):
        load(name, ByteLM)


def test_the_headers_alone_tell_what_is_taken(saved: tuple[str, str]) -> None:
    base, donor = saved
    headers = read_header(base), read_header(donor)
    models = load(base, ByteLM), load(donor, ByteLM)
    assert set(named(*headers, parse("router+dense@2"))) == taken(splice(*models, parse("router+dense@2")), *models)
    assert len(named(*headers, parse("block+router"))) == len(named(*headers, parse("block")))


def test_a_saved_splice_keeps_its_whole_ancestry(saved: tuple[str, str], tmp_path: Path) -> None:
    base, donor = saved
    first = save_splice(f"{base}::router::{donor}", tmp_path / "first")
    second = save_splice(f"{first}::dense@1::{donor}", tmp_path / "second")
    about = read_header(second).provenance["splice"]
    assert about["parts"] == "dense@1"
    assert about["base"]["name"] == str(first)
    assert about["base"]["splice"]["parts"] == "router"
    assert about["base"]["splice"]["base"] == {"name": base, "weights": weights_hash(load(base, ByteLM))}
    assert "splice" not in about["donor"]
    assert weights_hash(load(second, ByteLM)) == weights_hash(load(f"{first}::dense@1::{donor}", ByteLM))


def test_what_is_there_is_never_overwritten(saved: tuple[str, str], tmp_path: Path) -> None:
    base, donor = saved
    before = read_header(base)
    with pytest.raises(InputError, match="something of this name already"):
        save_splice(f"{base}::router::{donor}", base)
    assert read_header(base) == before
    with pytest.raises(InputError, match="not the name of a splice"):
        save_splice(base, tmp_path / "new")
    with pytest.raises(InputError, match="donor lacks"):
        save_splice(f"{base}::abstain::{donor}", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        save_splice(f"{base}::router::{donor}", tmp_path / "file" / "new")


def test_the_command_saves_a_splice(saved: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"{saved[0]}::sparse::{saved[1]}"
    assert main(["splice", name, "--out", str(tmp_path / "new")]) == 0
    assert "parts of the donor: sparse" in capsys.readouterr().out
    assert weights_hash(load(tmp_path / "new", ByteLM)) == weights_hash(load(name, ByteLM))
    assert main(["splice", name, "--out", str(tmp_path / "new")]) == 2
    assert "something of this name already" in capsys.readouterr().err
