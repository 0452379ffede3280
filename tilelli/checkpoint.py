"""Checkpoints: a folder with `model.safetensors`, `config.json` and `training.json`.

The configuration also stands in the safetensors metadata, so the single file is enough. What can be checked without
torch is checked in `header.py`; here the tensors are compared with those the model needs, read, and looked through for
numbers that are not finite. A checkpoint's identity is the SHA-256 of its weights.
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
from tilelli.header import CONFIG, PROVENANCE, SPLICE, WEIGHTS, Header, read_header
from tilelli.splice import ingredients, splice

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
    try:
        tensors = {key: value.float() for key, value in load_file(header.path).items()}
    except SafetensorError as error:  # stricter than our own look at the header, on text that is no text for one
        cause = " ".join(str(error).split())[:120]
        remedy = "Get it again, or name another."
        raise CheckpointError(f"{header.path.name} cannot be read", cause, remedy) from None
    for key, value in tensors.items():
        if not value.isfinite().all():
            bad = int((~value.isfinite()).sum())
            raise CheckpointError(
                f"{header.path.name} holds numbers that are not finite",
                f"{bad} of {value.numel()} in {key}",
                "Its training went wrong; use an earlier checkpoint.",
            )
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
    with torch.device("meta"):
        model = build(header.config)
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    for key in sorted(expected.keys() ^ header.shapes.keys()):
        problem = "is missing" if key in expected else "does not belong to this configuration"
        raise CheckpointError(f"{header.path.name}: a tensor {problem}", key, "Use the config.json it was saved with.")
    for key, shape in expected.items():
        if header.shapes[key] != shape:
            seen = f"{key} is {list(header.shapes[key])}, its configuration says {list(shape)}"
            remedy = "Use the config.json it was saved with."
            raise CheckpointError(f"{header.path.name}: a tensor has the wrong shape", seen, remedy)
    return model
