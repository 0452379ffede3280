import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import MakeModel
from tests.tilelli.engine.conftest import IDS, SHAPES, STEPPED, assert_same
from tests.tilelli.forge import mutated
from tilelli.base import ByteLM
from tilelli.checkpoint import load, save_packed
from tilelli.engine import compiled
from tilelli.engine.arrays import Compiled, shaped
from tilelli.errors import InputError, TilelliError
from tilelli.generation import Sampling, stream
from tilelli.header import BUNDLED, bundled
from tilelli.interventions import parse
from tilelli.packed import weights
from tilelli.pathways import sparse
from tilelli.trace import trace

Kernel = Callable[..., None]
SKIPPED: list[dict[str, Any]] = [
    {},
    {"abstain": True, "through_local": True},
    {"pathways": ("dense", "sparse"), "mix_scale": 0.5},
    {"activation_bits": 8, "d_model": 37, "n_heads": 3, "head_dim": 19, "expand": 2.5, "through_local": True},
]
GREEDY = Sampling(max_new=60, temperature=0, stop_at_end=False)
TEXT = list(b"".join((BUNDLED / name / "README.md").read_bytes() for name in ("mini", "mini-vanilla"))[:1024])


def both(model: ByteLM, folder: Path) -> tuple[ByteLM, Compiled]:
    """A model as it comes back from a packed file: for torch, and compiled."""
    path = save_packed(model, folder / "model.packed.safetensors", "float32")
    return load(path, ByteLM), compiled.load(path)


@pytest.mark.parametrize("shape", SHAPES + STEPPED, ids=str)
@torch.no_grad()
def test_it_reads_as_torch_does(tiny: MakeModel, tmp_path: Path, shape: dict[str, Any], kernel: Kernel) -> None:
    model, twin = both(tiny(**shape), tmp_path)
    (seen, _), expected = compiled.read(twin, IDS), trace(model, IDS)
    logits = model(torch.tensor([IDS]))[0][0].numpy()
    assert_same(seen.logits, logits, model.config.activation_bits)
    about = 0.05 if model.config.activation_bits else 1e-5
    assert (expected.router_weights is None) == (seen.pathways == [])
    if expected.router_weights is not None:
        np.testing.assert_allclose(seen.pathways, expected.router_weights[:, 0].numpy(), atol=about)
    assert (expected.abstain is None) == (seen.abstain is None)
    if expected.abstain is not None and seen.abstain is not None:
        np.testing.assert_allclose(1 / (1 + np.exp(-seen.abstain)), expected.abstain[0].numpy(), atol=about)


@pytest.mark.parametrize("shape", SHAPES + STEPPED, ids=str)
def test_it_writes_as_torch_does(tiny: MakeModel, tmp_path: Path, shape: dict[str, Any], machine_code: Kernel) -> None:
    model, twin = both(tiny(**shape), tmp_path)  # 60 bytes in a context of 16: the window slides
    for sampling in (GREEDY, Sampling(max_new=60, top_k=40, seed=3, stop_at_end=False)):
        written, expected = list(compiled.stream(twin, IDS[:5], sampling)), list(stream(model, IDS[:5], sampling))
        assert [step.byte for step in written] == [step.byte for step in expected]
        about = 0.05 if model.config.activation_bits else 1e-4
        for step, other in zip(written, expected, strict=True):
            assert step.probability == pytest.approx(other.probability, abs=about)
            assert step.entropy == pytest.approx(other.entropy, abs=10 * about)
            assert step.pathways == pytest.approx(other.pathways, abs=about)
            assert step.abstain == pytest.approx(other.abstain, abs=about)


def decided(exact: ByteLM, ids: list[int], monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Of which bytes it is clear what their queries keep: (T,). At others the last key that is kept and the first that
    is not are so near one another that the last digit decides, and nobody can say that another choice is wrong."""
    clear, score = torch.ones(len(ids), dtype=torch.bool), sparse.score

    def watched(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        scores = score(q, k)
        best = scores[0].topk(min(exact.config.top_k + 1, len(ids)), dim=-1).values  # (H, T, K + 1)
        clear.logical_and_(~(best[..., -2] - best[..., -1] < 1e-6).any(dim=0))
        return scores

    with monkeypatch.context() as patch:
        patch.setattr(sparse, "score", watched)
        trace(exact, ids)
    return clear.numpy()


@pytest.mark.parametrize("name", bundled())
@torch.no_grad()
def test_on_a_thousand_bytes_of_text_it_is_as_near_to_the_exact_logits_as_torch(
    name: str, machine_code: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, twin = load(name, ByteLM), compiled.load(name)
    exact_model, worst, own, undecided = deepcopy(model).double(), 0.0, 0.0, 0
    for start in range(0, 1024, 256):
        ids, state, steps = TEXT[start : start + 256], None, []
        exact, found = (m(torch.tensor([ids]))[0][0].double().numpy() for m in (exact_model, model))
        for byte in ids:
            seen, state = compiled.read(twin, [byte], state)
            steps.append(seen.logits[0])
        pieces, clear = compiled.read(twin, ids)[0].logits, decided(exact_model, ids, monkeypatch)
        undecided += int((~clear).sum())
        for logits in (np.array(steps), pieces):
            worst = max(worst, float(np.abs(logits - exact)[clear].max()))
            np.testing.assert_allclose(logits[clear], found[clear], atol=1e-5 * np.abs(found).max())
            np.testing.assert_allclose(logits[~clear], found[~clear], atol=0.1)
        own = max(own, float(np.abs(found - exact)[clear].max()))
    assert worst < 2 * own
    assert undecided <= 3


@pytest.mark.parametrize("name", bundled())
def test_a_thousand_greedy_bytes_are_those_of_torch(name: str, machine_code: Kernel) -> None:
    sampling = Sampling(max_new=1000, temperature=0, stop_at_end=False)
    written = compiled.stream(compiled.load(name), TEXT[:100], sampling)
    expected = stream(load(name, ByteLM), TEXT[:100], sampling)
    assert bytes(step.byte for step in written) == bytes(step.byte for step in expected)


@pytest.mark.parametrize("bits", [0, 8])
def test_a_state_is_left_as_it_was_while_others_go_on_from_it(
    tiny: MakeModel, tmp_path: Path, machine_code: Kernel, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tilelli.engine.memory.ROOM", 64)  # so that a memory grows
    _, twin = both(tiny(through_local=True, context=200, activation_bits=bits), tmp_path)
    ids = (IDS * 13)[:200]
    whole, state, states = compiled.read(twin, ids)[0], None, []
    for place, byte in enumerate(ids):
        seen, state = compiled.read(twin, [byte], state)
        states.append(state)
        np.testing.assert_allclose(seen.logits[0], whole.logits[place], atol=1e-4)
    for start in (8, 64, 130, 8):
        branched, _ = compiled.read(twin, ids[start:], states[start - 1])
        np.testing.assert_allclose(branched.logits, whole.logits[start:], atol=1e-4)
        other, _ = compiled.read(twin, [1, 2, 3], states[start - 1])
        assert np.abs(other.logits[2] - whole.logits[start + 2]).max() > 1e-3


def test_conversations_at_once_are_those_they_are_alone(tiny: MakeModel, tmp_path: Path, machine_code: Kernel) -> None:
    _, twin = both(tiny(abstain=True, context=100), tmp_path)
    sampling = Sampling(max_new=300, temperature=1, stop_at_end=False)

    def talk(seed: int) -> list[Any]:
        return list(compiled.stream(twin, IDS[seed:], Sampling(**{**sampling.to_dict(), "seed": seed})))

    alone = [talk(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(talk, range(8))) == alone
    assert len({tuple(step.byte for step in one) for one in alone}) == 8


def test_conversations_that_branch_from_one_state_at_once_do_not_mix(
    tiny: MakeModel, tmp_path: Path, machine_code: Kernel
) -> None:
    _, twin = both(tiny(context=100), tmp_path)
    _, state = compiled.read(twin, IDS)
    alone = [compiled.read(twin, [*IDS, byte, *range(40)])[0].logits[-1] for byte in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda byte: compiled.read(twin, [byte, *range(40)], state)[0].logits[-1], range(8)))
    np.testing.assert_allclose(found, alone, atol=1e-4)


@pytest.mark.parametrize("shape", SKIPPED, ids=str)
@pytest.mark.parametrize("written", ["skip:0.3", "skip:0.34@2", "skip:1"])
@torch.no_grad()
def test_what_weighs_less_than_a_threshold_is_left_out_as_torch_leaves_it_out(
    tiny: MakeModel, tmp_path: Path, shape: dict[str, Any], written: str, kernel: Kernel
) -> None:
    model, _ = both(tiny(**shape), tmp_path)
    twin = compiled.load(tmp_path / "model.packed.safetensors", interventions=parse(written))
    expected = trace(model, IDS, interventions=parse(written))
    assert expected.router_weights is not None
    logits = model(torch.tensor([IDS]), interventions=parse(written))[0][0].numpy()
    state, one_by_one = None, []
    for byte in IDS:
        seen, state = compiled.read(twin, [byte], state)
        one_by_one.append(seen.logits[0])
    at_once, _ = compiled.read(twin, IDS)
    for found in (at_once.logits, np.stack(one_by_one)):
        assert_same(found, logits, model.config.activation_bits)
    np.testing.assert_allclose(at_once.pathways, expected.router_weights[:, 0].numpy(), atol=1e-5)
    assert (np.array(at_once.pathways) == 0).any()


def test_texts_that_are_written_together_are_those_they_are_alone(
    tiny: MakeModel, tmp_path: Path, machine_code: Kernel
) -> None:
    for shape in ({"abstain": True, "through_local": True}, {"kind": "vanilla"}, {"activation_bits": 8}):
        _, twin = both(tiny(context=24, **shape), tmp_path)
        texts = [
            (IDS[seed:], Sampling(max_new=10 + 7 * seed, temperature=1, seed=seed, stop_at_end=False))
            for seed in range(8)
        ]
        found: list[list[Any]] = [[] for _ in texts]
        for number, step in compiled.stream_together(twin, texts):
            found[number].append(step)
        for own, (ids, sampling) in zip(found, texts, strict=True):
            alone = list(compiled.stream(twin, ids, sampling))
            assert [step.byte for step in own] == [step.byte for step in alone]
            np.testing.assert_allclose([s.probability for s in own], [s.probability for s in alone], atol=1e-3)


def test_turns_of_one_conversation_and_of_others_may_be_read_together(
    tiny: MakeModel, tmp_path: Path, machine_code: Kernel
) -> None:
    _, twin = both(tiny(context=100), tmp_path)
    _, state = compiled.read(twin, IDS)
    turns = [([1, 2, 3], state), ([4], state), (IDS, None), ([5, 6], state)]
    together = compiled.read_together(twin, turns)
    for (ids, before), (seen, after) in zip(turns, together, strict=True):
        alone, _ = compiled.read(twin, [*IDS, *ids] if before else ids)
        np.testing.assert_allclose(seen.logits, alone.logits[-len(ids) :], atol=1e-4)
        further, _ = compiled.read(twin, [9], after)
        expected, _ = compiled.read(twin, [*IDS, *ids, 9] if before else [*ids, 9])
        np.testing.assert_allclose(further.logits[0], expected.logits[-1], atol=1e-4)


def test_what_cannot_be_read_is_refused_before_the_machine_code_sees_it(tiny: MakeModel, tmp_path: Path) -> None:
    _, twin = both(tiny(), tmp_path)
    with pytest.raises(InputError, match="longer than the context: 17 for 16 positions"):
        compiled.read(twin, [*IDS, 1])
    with pytest.raises(InputError, match="not a byte: 256 at place 0"):
        compiled.read(twin, [256])
    with pytest.raises(InputError, match=r"makes no splices: tilelli/mini::router::tilelli/mini\. Pack it first"):
        compiled.load("tilelli/mini::router::tilelli/mini")
    found = weights(compiled.read_header(tmp_path / "model.packed.safetensors"))
    found["blocks.1.dense.up.weight"] = found["blocks.1.dense.up.weight"][:, :-1]
    with pytest.raises(InputError, match=r"wrong shape: blocks\.1\.dense\.up\.weight is \[32, 15\], not \[32, 16\]"):
        shaped(twin.config, found)


def test_the_arrays_have_the_shapes_that_the_kernels_go_by(tiny: MakeModel, tmp_path: Path) -> None:
    for shape in SHAPES + STEPPED:
        _, twin = both(tiny(**shape), tmp_path)
        w, n, c = twin.weights, twin.numbers, twin.config
        inner, L, words = c.n_heads * c.head_dim, c.n_blocks, lambda K: -(-K // 16)
        sizes = {"qkv": (c.d_model, 3 * inner), "out": (inner, c.d_model)} if n.sparse else {}
        sizes |= {"up": (c.d_model, c.hidden), "down": (c.hidden, c.d_model)} if n.dense else {}
        for name, (K, R) in sizes.items():
            matrix = getattr(w, name)
            ternary = {"qkv": "sparse", "out": "sparse"}.get(name, "dense") in c.ternary
            stepped = ternary and c.activation_bits > 0
            assert matrix.floats.shape == (0 if ternary else L, K, R)
            trits = (L, -(-R // 64), 64 * words(K)) if stepped else (L, words(K), R)
            assert matrix.trits.shape == (trits if ternary else (0, 0, R))
            assert matrix.stepped == stepped
            assert matrix.trits.ctypes.data % 64 == 0 or not stepped
            assert matrix.scales.shape == (L if ternary else 0,)
        assert w.norms.shape == ((2 * L if c.kind == "vanilla" else L) + 1, 2, c.d_model)
        assert w.head.shape == (c.d_model, 256)
        assert len(w.abstain) == (c.d_model + 2 if c.abstain else 0)


def test_a_thousand_accidents_are_refused_in_words_or_read(
    tiny: MakeModel, tmp_path: Path, machine_code: Kernel
) -> None:
    small = tiny(d_model=4, n_blocks=1, n_heads=1, head_dim=1, top_k=1, context=2, expand=0.25, abstain=True)
    path = save_packed(small, tmp_path / "model.packed.safetensors", "int8")
    content, problems, read = path.read_bytes(), [], 0
    for seed in range(1000):
        path.write_bytes(mutated(content, seed))
        try:
            list(compiled.stream(compiled.load(path), [65], Sampling(max_new=4)))
            read += 1
        except TilelliError:
            continue
        except BaseException as error:
            problems.append(f"seed {seed}: {type(error).__name__}: {str(error)[:100]}")
    assert problems == []
    assert 100 < read < 900


def test_many_bytes_in_one_call_are_those_of_one_call_each(
    tiny: MakeModel, tmp_path: Path, machine_code: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, twin = both(tiny(abstain=True, context=40), tmp_path)
    for sampling in (
        Sampling(max_new=90, temperature=1, top_p=0.9, seed=2, stop_at_end=False),
        Sampling(max_new=90, temperature=1.5, seed=4),
        Sampling(max_new=90, temperature=0, stop=("\n",)),
    ):
        at_once = list(compiled.stream(twin, IDS[:9], sampling))
        with monkeypatch.context() as patched:
            patched.setattr(compiled, "MOST", 1)
            assert list(compiled.stream(twin, IDS[:9], sampling)) == at_once


def test_alternatives_are_put_together_when_somebody_looks_and_kept_alone(
    tiny: MakeModel, tmp_path: Path, machine_code: Kernel
) -> None:
    _, twin = both(tiny(), tmp_path)
    steps = list(compiled.stream(twin, IDS[:9], Sampling(max_new=60, temperature=0, stop_at_end=False)))
    for step in steps:
        kept = pickle.loads(pickle.dumps(step))
        assert (kept, len(step.alternatives)) == (step, 6)
        assert step.alternatives[0] == (step.byte, step.probability)
        assert len(pickle.dumps(step)) < 1000


def test_a_text_ends_in_words_where_no_byte_can_be_chosen(
    tiny: MakeModel, tmp_path: Path, machine_code: Kernel
) -> None:
    model, _ = both(tiny(context=64), tmp_path)
    with torch.no_grad():
        model.positions.weight[12:] = 1e38  # beyond float32 once it is normed
    path = save_packed(model, tmp_path / "b.packed.safetensors", "float32")
    written, sampling = [], Sampling(max_new=30, temperature=0, stop_at_end=False)
    with pytest.raises(InputError, match="arithmetic overflows"):
        written += compiled.stream(compiled.load(path), IDS[:5], sampling)
