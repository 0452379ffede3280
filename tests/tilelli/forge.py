"""Makes checkpoint files that no honest program would write: a header of one's own over any bytes."""

import json
import random
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save

from tilelli.base import ByteLM
from tilelli.checkpoint import save_checkpoint

HOSTILE: list[Any] = [None, True, False, -1, 0, 1, 7, 1.5, 2**40, 2**63, 10**400, float("nan"), "", "F64", "x", [], [0]]
HOSTILE += [[-1], [1, 2, 3], {}, {"config": 1}, "[" * 5000, [[]], "\ud800"]


def parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and body of a safetensors file."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def whole(header: object, body: bytes) -> bytes:
    """A safetensors file of this header and this body, in whatever disagreement they may be."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + body


def lone_file(model: ByteLM, folder: Path, content: bytes | None = None) -> Path:
    """`model.safetensors` with nothing beside it; other bytes than those of `model` if `content` is given."""
    path = save_checkpoint(model, folder) / "model.safetensors"
    for name in ("config.json", "training.json"):
        (folder / name).unlink()
    if content is not None:
        path.write_bytes(content)
    return path


def with_metadata(path: Path, metadata: dict[str, str]) -> Path:
    """The same tensors under other metadata."""
    path.write_bytes(save(load_file(path), metadata))
    return path


def mutated(content: bytes, seed: int) -> bytes:
    """`content` with one seeded accident: in its bytes, in its header, or in the configuration inside it."""
    chance = random.Random(seed)
    header, body = parts(content)
    match seed % 5:
        case 0:
            return _with_a_byte_changed(content, chance.randrange(len(content) - len(body)), chance)
        case 1:
            return _with_a_byte_changed(content, chance.randrange(len(content)), chance)
        case 2:
            start, length = chance.randrange(len(content)), chance.randrange(1, 50)
            return content[:start] + chance.choice([b"", chance.randbytes(length)]) + content[start + length :]
        case 3:
            return whole(_with_a_value_changed(header, chance), body)
        case _:
            config = _with_a_value_changed(json.loads(header["__metadata__"]["config"]), chance)
            header["__metadata__"]["config"] = json.dumps(config)
            return whole(header, body)


def _with_a_byte_changed(content: bytes, place: int, chance: random.Random) -> bytes:
    return content[:place] + chance.randbytes(1) + content[place + 1 :]


def _with_a_value_changed(tree: Any, chance: random.Random) -> Any:
    """A copy of a JSON tree in which one value, somewhere, is a hostile one."""
    if not isinstance(tree, dict | list) or not tree or chance.random() < 0.1:
        return chance.choice(HOSTILE)
    changed: Any = tree.copy()
    key = chance.choice(list(tree)) if isinstance(tree, dict) else chance.randrange(len(tree))
    changed[key] = _with_a_value_changed(tree[key], chance)
    return changed
