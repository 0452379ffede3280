import torch
from torch import Tensor
from torch.nn import functional as F

from tests.conftest import MakeModel
from tilelli.base import ByteLM
from tilelli.trace import Recorder

IDS = torch.randint(256, (2, 16), generator=torch.Generator().manual_seed(0))


def slow_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention of one head, query by query; all are (T, head_dim)."""
    rows = []
    for t in range(len(q)):
        weights = (k[: t + 1] @ q[t] / q.shape[1] ** 0.5).softmax(dim=0)
        rows.append(weights @ v[: t + 1])
    return torch.stack(rows)


def test_it_is_the_transformer_of_the_textbook(tiny: MakeModel) -> None:
    model = tiny("vanilla", n_blocks=1)
    block, [x] = model.blocks[0], model.embedding(IDS[:1]) + model.positions.weight  # (T, D)
    q, k, v = block.qkv(block.attention_norm(x)).view(16, 3, 2, 8).unbind(dim=1)  # (T, H, head_dim)
    heads = [slow_attention(q[:, h], k[:, h], v[:, h]) for h in range(2)]
    x = x + block.out(torch.cat(heads, dim=-1))
    x = x + F.gelu(block.mlp_norm(x) @ block.mlp.up.weight.T, approximate="tanh") @ block.mlp.down.weight.T
    torch.testing.assert_close(model(IDS[:1])[0][0], model.norm(x) @ model.embedding.weight.T, rtol=1e-4, atol=1e-4)


def test_it_has_no_ternary_weight(tiny: MakeModel) -> None:
    assert torch.equal(tiny("vanilla", ternary=["dense"])(IDS)[0], tiny("vanilla", ternary=[])(IDS)[0])


def test_it_keeps_every_key(tiny: MakeModel) -> None:
    assert torch.equal(tiny("vanilla", top_k=1)(IDS)[0], tiny("vanilla", top_k=99)(IDS)[0])


def test_it_has_no_router_to_listen_to(vanilla: ByteLM) -> None:
    seen = Recorder()
    vanilla(IDS, trace=seen)
    assert seen.router == []


def test_it_shares_embedding_positions_and_norm_with_its_twin(routed: ByteLM, vanilla: ByteLM) -> None:
    outside = [{n: p.shape for n, p in m.named_parameters() if "blocks" not in n} for m in (routed, vanilla)]
    assert outside[0] == outside[1]
