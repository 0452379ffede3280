import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.conftest import MakeModel
from tests.tilelli.engine.conftest import SHAPES, STEPPED, assert_same
from tests.tilelli.forge import lone_file, mutated, parts
from tilelli.__main__ import main
from tilelli.base import ByteLM
from tilelli.checkpoint import load, save_checkpoint, save_packed
from tilelli.engine import plain
from tilelli.errors import CheckpointError, InputError, TilelliError
from tilelli.generation import Sampling, stream
from tilelli.header import BUNDLED, bundled
from tilelli.trace import trace

ROOT = Path(__file__).parents[3]
GREEDY = Sampling(max_new=60, temperature=0, stop_at_end=False)
IDS = torch.randint(256, (16,), generator=torch.Generator().manual_seed(0)).tolist()
TEXT = (BUNDLED / "mini" / "README.md").read_bytes()


def both(model: ByteLM, folder: Path, floats: str = "float16") -> tuple[ByteLM, plain.Plain]:
    """A model as it comes back from a packed file: for torch, and for NumPy."""
    path = save_packed(model, folder / "model.packed.safetensors", floats)
    return load(path, ByteLM), plain.load(path)


@pytest.mark.parametrize("floats", ["float16", "int8", "float32"])
@pytest.mark.parametrize("shape", SHAPES + STEPPED, ids=str)
@torch.no_grad()
def test_it_reads_as_torch_does(tiny: MakeModel, tmp_path: Path, shape: dict[str, Any], floats: str) -> None:
    model, twin = both(tiny(**shape), tmp_path, floats)
    seen, expected = plain.read(twin, IDS)[0], trace(model, IDS)
    assert seen.logits.dtype == np.float32
    assert_same(seen.logits, model(torch.tensor([IDS]))[0][0].numpy(), model.config.activation_bits)
    about = 0.05 if model.config.activation_bits else 1e-4
    assert (expected.router_weights is None) == (seen.pathways == [])
    if expected.router_weights is not None:
        np.testing.assert_allclose(seen.pathways, expected.router_weights[:, 0].numpy(), atol=about)
    assert (expected.abstain is None) == (seen.abstain is None)
    if expected.abstain is not None and seen.abstain is not None:
        np.testing.assert_allclose(1 / (1 + np.exp(-seen.abstain)), expected.abstain[0].numpy(), atol=about)


@pytest.mark.parametrize("shape", SHAPES + STEPPED, ids=str)
def test_it_writes_greedily_as_torch_does(tiny: MakeModel, tmp_path: Path, shape: dict[str, Any]) -> None:
    model, twin = both(tiny(**shape), tmp_path)  # 60 bytes in a context of 16: the window slides
    written, expected = list(plain.stream(twin, IDS[:5], GREEDY)), list(stream(model, IDS[:5], GREEDY))
    assert [step.byte for step in written] == [step.byte for step in expected]
    about = 0.05 if model.config.activation_bits else 1e-4
    for step, other in zip(written, expected, strict=True):
        assert step.probability == pytest.approx(other.probability, abs=about)
        assert step.entropy == pytest.approx(other.entropy, abs=10 * about)
        if not model.config.activation_bits:
            assert [byte for byte, _ in step.alternatives[:2]] == [byte for byte, _ in other.alternatives[:2]]
        assert step.pathways == pytest.approx(other.pathways, abs=about)
        assert step.abstain == pytest.approx(other.abstain, abs=about)


@pytest.mark.parametrize("name", bundled())
def test_a_bundled_model_says_the_same_packed_and_as_it_is(name: str, tmp_path: Path) -> None:
    model, (packed, twin), ids = load(name, ByteLM), both(load(name, ByteLM), tmp_path), list(TEXT[:256])
    with torch.no_grad():
        for one, other in ((model, plain.load(name)), (packed, twin)):
            np.testing.assert_allclose(plain.read(other, ids)[0].logits, one(torch.tensor([ids]))[0][0], atol=1e-4)
    few = Sampling(max_new=20, temperature=0)
    assert [step.byte for step in plain.stream(twin, ids[:200], few)] == [
        w.byte for w in stream(packed, ids[:200], few)
    ]


def test_byte_by_byte_and_all_at_once_agree_and_a_state_is_left_as_it_was(tiny: MakeModel, tmp_path: Path) -> None:
    _, twin = both(tiny(through_local=True), tmp_path)
    whole, state = plain.read(twin, IDS)[0], None
    states = []
    for place, byte in enumerate(IDS):
        seen, state = plain.read(twin, [byte], state)
        states.append(state)
        np.testing.assert_allclose(seen.logits[0], whole.logits[place], atol=1e-5)
    branched, _ = plain.read(twin, IDS[8:], states[7])  # taken up again after others went on from it
    np.testing.assert_allclose(branched.logits, whole.logits[8:], atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_an_ordinary_checkpoint_is_rounded_as_it_is_read(tiny: MakeModel, tmp_path: Path, dtype: torch.dtype) -> None:
    path = lone_file(tiny(), tmp_path)
    metadata = parts(path.read_bytes())[0]["__metadata__"]
    save_file({name: value.to(dtype) for name, value in load_file(path).items()}, path, metadata)
    with torch.no_grad():
        expected = load(path, ByteLM)(torch.tensor([IDS]))[0][0]
    np.testing.assert_allclose(plain.read(plain.load(path), IDS)[0].logits, expected, atol=1e-4)


def test_what_numpy_cannot_read_is_refused_with_a_way_out(tiny: MakeModel, tmp_path: Path) -> None:
    path = lone_file(tiny(), tmp_path)
    metadata = parts(path.read_bytes())[0]["__metadata__"]
    save_file({name: value.bfloat16() for name, value in load_file(path).items()}, path, metadata)
    with pytest.raises(CheckpointError, match=r"holds bfloat16\. Pack it first: python -m tilelli pack"):
        plain.load(path)
    with pytest.raises(InputError, match=r"makes no splices: tilelli/mini::router::tilelli/mini\. Pack it first"):
        plain.load("tilelli/mini::router::tilelli/mini")


def test_a_text_beyond_the_context_is_refused(tiny: MakeModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="longer than the context: 17 for 16 positions"):
        plain.read(both(tiny(), tmp_path)[1], [*IDS, 1])


def test_tensors_of_another_shape_are_refused_as_torch_refuses_them(tiny: MakeModel, tmp_path: Path) -> None:
    path = lone_file(tiny(), tmp_path)
    metadata = parts(path.read_bytes())[0]["__metadata__"]
    save_file(load_file(path) | {"norm.bias": torch.zeros(3)}, path, metadata)
    with pytest.raises(CheckpointError, match=r"wrong shape: norm\.bias is \[3\], its configuration says \[16\]"):
        plain.load(path)


def test_a_thousand_accidents_are_refused_in_words_or_read(tiny: MakeModel, tmp_path: Path) -> None:
    small = tiny(d_model=4, n_blocks=1, n_heads=1, head_dim=1, top_k=1, context=2, expand=0.25)
    path = save_packed(small, tmp_path / "model.packed.safetensors", "int8")
    content, problems, read = path.read_bytes(), [], 0
    for seed in range(1000):
        path.write_bytes(mutated(content, seed))
        try:
            list(plain.stream(plain.load(path), [65], Sampling(max_new=2)))
            read += 1
        except TilelliError:
            continue
        except BaseException as error:
            problems.append(f"seed {seed}: {type(error).__name__}: {str(error)[:100]}")
    assert problems == []
    assert 100 < read < 900


def without_torch(*arguments: str) -> str:
    """What the command line writes in a process of its own, which ends with an error if torch was imported."""
    script = (
        "import sys\nfrom tilelli.__main__ import main\ncode = main()\nsys.exit(code or 3 * ('torch' in sys.modules))"
    )
    command = [sys.executable, "-W", "error", "-c", script, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("packed", [True, False])
def test_the_command_line_writes_the_same_and_never_loads_torch(
    tiny: MakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str], packed: bool
) -> None:
    model = tiny()
    path = save_packed(model, tmp_path / "a.packed.safetensors") if packed else save_checkpoint(model, tmp_path / "a")
    arguments = ["generate", "--checkpoint", str(path), "--prompt", "Aé", "--max-new", "40", "--temperature", "0"]
    assert main([*arguments, "--engine", "torch"]) == 0
    assert without_torch(*arguments, "--engine", "numpy") == capsys.readouterr().out
