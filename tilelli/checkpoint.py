"""Checkpoints: a folder with `model.safetensors`, `config.json` and `training.json`.

The configuration also stands in the safetensors metadata, so the single file is enough. What can be checked without
torch is checked in `header.py`; here the tensors are read and looked through for numbers that are not finite. A
checkpoint's identity is the SHA-256 of its weights. A packed checkpoint (`packed.py`) is loaded like any other.
"""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from tilelli.base import ByteLM, build
from tilelli.errors import CheckpointError
from tilelli.header import CONFIG, PROVENANCE, SPLICE, WEIGHTS, Header, check_tensors, read_header
from tilelli.layout import Packing, ternary
from tilelli.packed import latents, not_finite, pack, unreadable
from tilelli.splice import ingredients, splice
from tilelli.ternary import quantize

Model = TypeVar("Model", bound=ByteLM)


def load(name: str | Path, expect: type[Model]) -> Model:
    """The model in a checkpoint, ready to run: float32 on the CPU, in evaluation mode.

    Args:
        name: a bundled name (`tilelli/mini`), a folder, a file, a hub name (`owner/name`), or a splice of two of
            them (`BASE::PARTS::DONOR`).
        expect: `TilelliLM`, `VanillaLM`, or `ByteLM` for either.

    Raises:
        CheckpointError: whatever `read_header` refuses, a model of another kind, or weights that are not finite.
    """
    if SPLICE in str(name):
        base, parts, donor = ingredients(str(name))
        return _expected(splice(load(base, ByteLM), load(donor, ByteLM), parts, (base, donor)), expect, str(name))
    header = read_header(name)
    model = _expected(_empty(header), expect, str(name))
    tensors = _tensors(header)
    for key, value in tensors.items():
        if not value.isfinite().all():
            raise not_finite(header.path.name, key, int((~value.isfinite()).sum()), value.numel())
    model.load_state_dict(tensors, strict=True, assign=True)
    model.provenance = header.provenance
    return model.eval().requires_grad_(False)


def save_checkpoint(model: ByteLM, folder: str | Path) -> Path:
    """Write a checkpoint folder, each file in one atomic step; returns the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = json.dumps(model.config.to_dict(), sort_keys=True)
    tensors = {key: value.detach().float().cpu().contiguous() for key, value in model.state_dict().items()}
    write(folder / WEIGHTS, save(tensors, {"format": "pt", "config": config}))
    write(folder / CONFIG, json.dumps(model.config.to_dict(), indent=2).encode() + b"\n")
    write(folder / PROVENANCE, json.dumps(model.provenance, indent=1).encode() + b"\n")
    return folder


def save_packed(model: ByteLM, path: str | Path, floats: str = "float16", source: str | None = None) -> Path:
    """Write one small file that holds what the model multiplies with, in one atomic step; returns its path.

    Args:
        model: trits of its ternary weights and their scales are kept exactly.
        path: of the file; its folder is made.
        floats: precision of everything else, see `tilelli.layout.Packing`.
        source: what the file says of its source's weights, if not the hash of these.

    Raises:
        ConfigError: there is no such precision.
        InputError: a number is too large for it.
    """
    packing, path, rounded = Packing(floats, source or weights_hash(model)), Path(path), ternary(model.config)
    tensors = {key: value.detach().float().cpu() for key, value in model.state_dict().items()}
    trits = {key: quantize(tensors.pop(key)) for key in sorted(rounded)}
    content = pack(
        model.config,
        {key: value.numpy() for key, value in tensors.items()},
        {key: (value.numpy(), float(scale)) for key, (value, scale) in trits.items()},
        packing,
        model.provenance,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, content)
    return path


def weights_hash(model: ByteLM) -> str:
    """SHA-256 over name, shape and float32 bytes of every tensor, in the order of their names."""
    digest = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        digest.update(f"{key}{list(value.shape)}".encode())
        digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _expected(model: ByteLM, expect: type[Model], name: str) -> Model:
    if not isinstance(model, expect):
        raise CheckpointError(
            f"The checkpoint is not a {expect.__name__}",
            f"{name} holds a {model.kind} model",
            f"Load it with {type(model).__name__}.from_pretrained.",
        )
    return model


def _empty(header: Header) -> ByteLM:
    """The model that `header` describes, without memory for its weights, if the file has just the tensors it needs."""
    check_tensors(header)
    with torch.device("meta"):
        return build(header.config)


def _tensors(header: Header) -> dict[str, torch.Tensor]:
    if header.packing is not None:
        return {key: torch.from_numpy(value) for key, value in latents(header).items()}
    try:
        return {key: value.float() for key, value in load_file(header.path).items()}
    except SafetensorError as error:
        raise unreadable(header.path.name, error) from None
