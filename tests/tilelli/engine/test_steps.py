"""A model whose activations are whole steps is one model, whoever computes it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.conftest import TEXT, MakeModel
from tests.tilelli.engine.test_compiled import Kernel
from tilelli.base import ByteLM, build
from tilelli.checkpoint import load, save_checkpoint, save_packed
from tilelli.config import ModelConfig
from tilelli.engine import compiled, plain
from tilelli.generation import stream
from tilelli.sampling import Sampling

SETTINGS = {"activation_bits": 8, "d_model": 48, "n_heads": 4, "head_dim": 12, "context": 128, "through_local": True}
LONG = Sampling(max_new=1000, temperature=0, stop_at_end=False)


@pytest.fixture(scope="module")
def trained() -> ByteLM:
    """A model that has learned a little, with rounded weights and rounded activations."""
    torch.manual_seed(0)
    config = ModelConfig.from_dict(SETTINGS | {"n_blocks": 2, "ternary": ["sparse", "dense"], "mix_scale": 3.0})
    model = build(config)
    text, optimizer = torch.tensor(list((TEXT * 3).encode())), torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(80):
        starts = torch.arange(8) * 11 + step % 11
        windows = torch.stack([text[start : start + 65] for start in starts.tolist()])
        loss = functional.cross_entropy(model(windows[:, :-1])[0].flatten(0, 1), windows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 1.5  # it learns: 5.5 nats know nothing
    return model.eval().requires_grad_(False)


@pytest.fixture(params=["trained", "random"])
def model(request: pytest.FixtureRequest, tiny: MakeModel) -> ByteLM:
    if request.param == "random":
        return tiny(**SETTINGS)
    found: ByteLM = request.getfixturevalue("trained")
    return found


def bytes_of(steps: Iterator[object]) -> bytes:
    return bytes(step.byte for step in steps)  # type: ignore[attr-defined]


def test_a_thousand_greedy_bytes_are_those_of_torch(model: ByteLM, tmp_path: Path, machine_code: Kernel) -> None:
    path = save_packed(model, tmp_path / "model.packed.safetensors", "float32")
    prompt = list(TEXT[:20].encode())
    expected = bytes_of(stream(load(path, ByteLM), prompt, LONG))
    assert bytes_of(compiled.stream(compiled.load(path), prompt, LONG)) == expected
    assert bytes_of(compiled.stream(compiled.load(path, threads=2), prompt, LONG)) == expected
    assert bytes_of(plain.stream(plain.load(path), prompt, LONG)) == expected


def test_an_ordinary_checkpoint_is_rounded_as_it_is_read(trained: ByteLM, tmp_path: Path, machine_code: Kernel) -> None:
    path, prompt = save_checkpoint(trained, tmp_path / "model"), list(TEXT[:20].encode())
    few = Sampling(max_new=100, temperature=0, stop_at_end=False)
    expected = bytes_of(stream(trained, prompt, few))
    assert bytes_of(compiled.stream(compiled.load(path), prompt, few)) == expected
    assert bytes_of(plain.stream(plain.load(path), prompt, few)) == expected


def test_bits_per_byte_are_those_of_torch_to_four_digits(trained: ByteLM, tmp_path: Path, machine_code: Kernel) -> None:
    path = save_packed(trained, tmp_path / "model.packed.safetensors", "float32")
    text = [0, *("The dog sat on that mat. " * 40).encode()]
    model, fast, slow = load(path, ByteLM), compiled.load(path), plain.load(path)
    told = []
    for read in (
        lambda ids: model(torch.tensor([ids]))[0][0].numpy(),
        lambda ids: compiled.read(fast, ids)[0].logits,
        lambda ids: plain.read(slow, ids)[0].logits,
    ):
        bits = []
        for first in range(0, len(text) - 128, 128):
            ids = text[first : first + 129]
            logs = torch.from_numpy(np.array(read(ids[:-1]))).double().log_softmax(dim=-1)
            bits += (-logs[range(128), ids[1:]] / np.log(2)).tolist()
        told.append(np.mean(bits))
    assert told[1] == pytest.approx(told[0], abs=5e-5)
    assert told[2] == pytest.approx(told[0], abs=5e-5)


def test_what_is_packed_is_unpacked_with_its_setting_and_packs_to_the_same_bytes(
    trained: ByteLM, tmp_path: Path
) -> None:
    first = save_packed(trained, tmp_path / "a.packed.safetensors", "float32")
    model = load(first, ByteLM)
    assert model.config == trained.config
    assert model.config.activation_bits == 8
    ids = torch.tensor([list(TEXT[:60].encode())])
    torch.testing.assert_close(model(ids)[0], trained(ids)[0], rtol=0, atol=1e-5)
    again = load(save_packed(model, tmp_path / "b.packed.safetensors", "float32"), ByteLM)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])


def test_the_setting_changes_what_a_model_says(trained: ByteLM, tmp_path: Path) -> None:
    exact = build(ModelConfig.from_dict(trained.config.to_dict() | {"activation_bits": 0})).eval()
    exact.load_state_dict(trained.state_dict())
    ids = torch.tensor([list(TEXT[:60].encode())])
    with torch.no_grad():
        apart = (exact(ids)[0] - trained(ids)[0]).abs().max()
    assert 1e-4 < apart < 1
