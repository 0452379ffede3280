"""Which tensors a checkpoint holds, as its configuration says: names and shapes, and where they stand in a packed file.

This repeats in plain numbers what the modules build, so that a file can be checked to the last byte without torch; a
test compares the two. A packed file holds trits at 2 bits with one scale a tensor, and every float at one precision.
"""

import math
import re
from dataclasses import dataclass

from tilelli.config import ModelConfig, Settings, check_known
from tilelli.errors import ConfigError
from tilelli.tokenizer import VOCABULARY

Shape = tuple[int, ...]
FLOATS = ("float16", "int8", "float32")
VERSION = 1
SCALE = ".scale"  # after the name of the tensor that it belongs to


@dataclass(frozen=True)
class Packing(Settings):
    """How a file was packed, and from what.

    Attributes:
        floats: precision of what is not ternary. `float32` is exact; `float16` rounds to 11 significant bits; `int8`
            holds matrices as whole numbers of -127 to 127 with one scale a row, and vectors as float16.
        source: SHA-256 of the weights that were packed, as `weights_hash` gives it.
        version: of the format.
    """

    floats: str
    source: str
    version: int = VERSION

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.version != VERSION:
            raise ConfigError("It was packed in another way", f"version {self.version}", "Pack it again, or update.")
        check_known(self.floats, FLOATS, "The precision of floats is not known")
        if not re.fullmatch("[0-9a-f]{64}", self.source):
            raise ConfigError("The source has no SHA-256", repr(self.source[:70]), "Pack it again.")


def shapes(config: ModelConfig) -> dict[str, Shape]:
    """Name and shape of every tensor of the model, as its `state_dict` has them."""
    D, block = config.d_model, _routed(config) if config.kind == "routed" else _vanilla(config)
    found = {"embedding.weight": (VOCABULARY, D), "positions.weight": (config.context, D), **_norm("norm", D)}
    for number in range(config.n_blocks):
        found |= {f"blocks.{number}.{name}": shape for name, shape in block.items()}
    return found | ({"abstain.weight": (1, D + 1), "abstain.bias": (1,)} if config.abstain else {})


def ternary(config: ModelConfig) -> set[str]:
    """Names of the tensors that are rounded to trits."""
    matrices = {"local": ["weight"], "sparse": ["qkv.weight", "out.weight"], "dense": ["up.weight", "down.weight"]}
    return {
        f"blocks.{number}.{pathway}.{matrix}"
        for number in range(config.n_blocks)
        for pathway in set(config.ternary) & set(config.pathways)
        for matrix in matrices[pathway]
    }


def whole(config: ModelConfig) -> set[str]:
    """Names of the tensors whose input is rounded as well: ternary matrices, where the configuration says so. A ternary
    convolution is none of them: it multiplies each number five times or so, not hundreds of times."""
    return {name for name in ternary(config) if not name.endswith(".local.weight")} if config.activation_bits else set()


def attends_in_steps(config: ModelConfig) -> bool:
    """Whether queries, keys and values are rounded: where what makes them is a sum of whole numbers."""
    return "blocks.0.sparse.qkv.weight" in whole(config)


def places(config: ModelConfig, floats: str) -> dict[str, tuple[str, Shape]]:
    """Name, type and shape of every tensor in a packed file; four trits share a byte."""
    found: dict[str, tuple[str, Shape]] = {}
    trits = ternary(config)
    for name, shape in shapes(config).items():
        if name in trits:
            found |= {name: ("U8", (-(-math.prod(shape) // 4),)), name + SCALE: ("F32", ())}
        elif floats == "int8" and len(shape) == 2:
            found |= {name: ("I8", shape), name + SCALE: ("F32", shape[:1])}
        else:
            found[name] = ("F32" if floats == "float32" else "F16", shape)
    return found


def _norm(name: str, D: int) -> dict[str, Shape]:
    return {f"{name}.weight": (D,), f"{name}.bias": (D,)}


def _routed(c: ModelConfig) -> dict[str, Shape]:
    D, inner, P = c.d_model, c.n_heads * c.head_dim, len(set(c.pathways))
    own: dict[str, dict[str, Shape]] = {
        "local": {"local.weight": (D, c.kernel_size), "local.bias": (D,)},
        "sparse": {"sparse.qkv.weight": (3 * inner, D), "sparse.out.weight": (D, inner)},
        "dense": {"dense.up.weight": (c.hidden, D), "dense.down.weight": (D, c.hidden)},
    }
    found = {**_norm("norm", D), "router.score.weight": (P, D), "router.score.bias": (P,)}
    for pathway in set(c.pathways):
        found |= own[pathway]
    return found


def _vanilla(c: ModelConfig) -> dict[str, Shape]:
    D, inner = c.d_model, c.n_heads * c.head_dim
    return {
        **_norm("attention_norm", D),
        "qkv.weight": (3 * inner, D),
        "out.weight": (D, inner),
        **_norm("mlp_norm", D),
        "mlp.up.weight": (c.hidden, D),
        "mlp.down.weight": (D, c.hidden),
    }
