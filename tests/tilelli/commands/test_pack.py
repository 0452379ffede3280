import re
from pathlib import Path

import pytest
import torch

from tests.conftest import MakeModel
from tilelli.__main__ import main
from tilelli.base import ByteLM
from tilelli.checkpoint import load, save_checkpoint, weights_hash
from tilelli.header import read_header

Captured = pytest.CaptureFixture[str]


def pack(*arguments: object) -> int:
    return main(["pack", *map(str, arguments)])


def test_a_checkpoint_is_packed_and_the_facts_are_printed(routed: ByteLM, tmp_path: Path, capsys: Captured) -> None:
    folder, out = save_checkpoint(routed, tmp_path / "run"), tmp_path / "new" / "tiny.packed.safetensors"
    assert pack(folder, "--out", out) == 0
    said, size, total = capsys.readouterr().out, out.stat().st_size, routed.num_parameters()
    before = (folder / "model.safetensors").stat().st_size
    assert f"{out}: {size:,} bytes, {100 * size / before:.1f} % of {folder} ({before:,} bytes)\n" in said
    assert f"{total:,} parameters at {8 * size / total:.2f} bits each\n" in said
    trits = 2 * (16 * 3 + 4 * 16 * 16 + 2 * 32 * 16)  # blocks of a convolution, three projections and one, up and down
    assert f"trits: {trits:,} in 10 tensors at 2 bits; they and the scale of each tensor are exact\n" in said
    floats = [v for k, v in routed.state_dict().items() if not re.search(r"local.weight|qkv|out|up|down", k)]
    worst = max(float((value - value.half().float()).abs().max()) for value in floats)
    assert f"floats: {total - trits:,} as float16; the largest change of one is {worst:.2g}\n" in said
    assert f"source: weights {weights_hash(routed)[:12]}\n" in said


def test_a_model_without_trits_is_said_to_have_none(vanilla: ByteLM, tmp_path: Path, capsys: Captured) -> None:
    assert pack(save_checkpoint(vanilla, tmp_path / "run"), "--out", tmp_path / "a.packed.safetensors") == 0
    assert "trits: none, the model has no ternary weights\n" in capsys.readouterr().out


def test_packed_exactly_nothing_is_lost(routed: ByteLM, tmp_path: Path, capsys: Captured) -> None:
    out, ids = tmp_path / "tiny.packed.safetensors", torch.arange(16)[None]
    assert pack(save_checkpoint(routed, tmp_path / "run"), "--out", out, "--floats", "float32") == 0
    assert "as float32; all exactly as they were" in capsys.readouterr().out
    with torch.no_grad():
        assert torch.equal(load(out, ByteLM)(ids)[0], routed(ids)[0])


def test_packing_what_is_packed_gives_the_same_file_or_names_another_source(routed: ByteLM, tmp_path: Path) -> None:
    first, again, other = (tmp_path / f"{name}.packed.safetensors" for name in "abc")
    pack(save_checkpoint(routed, tmp_path / "run"), "--out", first, "--floats", "int8")
    pack(first, "--out", again, "--floats", "int8")
    assert again.read_bytes() == first.read_bytes()
    pack(first, "--out", other, "--floats", "float32")
    packing = read_header(other).packing
    assert packing is not None
    assert packing.source == weights_hash(load(first, ByteLM)) != weights_hash(routed)


def test_a_splice_can_be_packed(tiny: MakeModel, tmp_path: Path) -> None:
    for seed in (1, 2):
        save_checkpoint(tiny(seed=seed), tmp_path / str(seed))
    name, out = f"{tmp_path}/1::router::{tmp_path}/2", tmp_path / "a.packed.safetensors"
    assert pack(name, "--out", out, "--floats", "float32") == 0
    packing = read_header(out).packing
    assert packing is not None
    assert packing.source == weights_hash(load(name, ByteLM))
    assert read_header(out).provenance["splice"]["parts"] == "router"


@pytest.mark.parametrize(
    ("checkpoint", "out", "message"),
    [
        ("run", "small.safetensors", r"InputError: The name does not say what the file is: .* Let it end in \.packed"),
        ("run", "there.packed.safetensors", "InputError: There is something of this name already: "),
        ("run", "there.packed.safetensors/a.packed.safetensors", "InputError: The file cannot be written: "),
        ("nothing", "a.packed.safetensors", "CheckpointError: There is no such checkpoint"),
    ],
)
def test_what_cannot_be_packed_is_refused_in_a_sentence(
    routed: ByteLM, tmp_path: Path, capsys: Captured, checkpoint: str, out: str, message: str
) -> None:
    save_checkpoint(routed, tmp_path / "run")
    (tmp_path / "there.packed.safetensors").write_text("mine")
    assert pack(tmp_path / checkpoint, "--out", tmp_path / out) == 2
    said, complaint = capsys.readouterr()
    assert said == ""
    assert re.match(message, complaint)
    assert (tmp_path / "there.packed.safetensors").read_text() == "mine"
