"""Settings: small frozen values that are checked when they are made.

YAML only fills them. A key that does not exist is an error that names the nearest one that does; a value out of range
is an error that says the range. Nothing here is ever executed, and nothing here knows of files other than the YAML.
"""

import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tilelli.errors import ConfigError

if TYPE_CHECKING:
    import yaml

KINDS = ("routed", "vanilla")
PATHWAYS = ("local", "sparse", "dense")
PRECISIONS = ("auto", "float32", "bfloat16")
OPTIMIZERS = ("adamw", "muon")
ACTIVATION_BITS = (0, 8)


def between(low: float, high: float) -> dict[str, tuple[float, float]]:
    """Field metadata that `Settings` checks: both ends are allowed."""
    return {"range": (low, high)}


@dataclass(frozen=True)
class Settings:
    """Base of all settings: type and range checks on construction, conversion from and to plain dictionaries."""

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for item in dataclasses.fields(self):
            value = _coerce(item.name, getattr(self, item.name), hints[item.name])
            object.__setattr__(self, item.name, value)
            bounds = item.metadata.get("range")
            if bounds and value is not None and not bounds[0] <= value <= bounds[1]:
                low, high = bounds
                raise ConfigError(f"{item.name} is out of range", repr(value), f"Use a value from {low:g} to {high:g}.")

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str = "settings") -> Self:
        """Checked settings from a dictionary. `source` is the file named in errors."""
        if not isinstance(values, dict):
            raise ConfigError(f"{source} holds no settings", repr(values)[:60], "Write one `name: value` a line.")
        known = {item.name for item in dataclasses.fields(cls)}
        for key in values:
            check_known(key, sorted(known), f"{source} has an unknown setting")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON and YAML can hold them."""
        return {
            item.name: list(value) if isinstance(value := getattr(self, item.name), tuple) else value
            for item in dataclasses.fields(self)
        }


def check_known(name: Any, known: Iterable[str], happened: str) -> str:
    """`name` if it is one of `known`; an error that suggests the nearest otherwise."""
    if name not in (names := list(known)):
        near = difflib.get_close_matches(str(name), names, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(names)}."
        raise ConfigError(happened, repr(name), hint)
    return str(name)


def read_yaml(path: Path, what: str, folder: str = "configs/") -> Any:
    """What a YAML file holds; `what` it is and the `folder` with examples are named in errors.

    Raises:
        ConfigError: the file is missing, or is not YAML.
    """
    import yaml

    try:
        return yaml.load(path.read_text(encoding="utf-8"), _loader())
    except OSError as error:
        raise ConfigError(f"The {what} cannot be read", f"{path} ({error.strerror})", f"See {folder}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # impossible dates and deep nests among them
        line = " ".join(str(error).split())
        raise ConfigError(f"The {what} is not YAML", f"{path}: {line[:120]}", f"Compare it with {folder}.") from None


@cache
def _loader() -> type["yaml.SafeLoader"]:
    """PyYAML's safe loader, to which `3e-4` is a number as in YAML 1.2; by itself it takes it for a text."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    pattern = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", pattern, list("-+0123456789"))
    return Loader


def _coerce(name: str, value: Any, hint: Any) -> Any:
    """`value` as the type `hint` says, or an error. Ints pass for floats and lists for tuples, nothing else bends."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for option in options:
        if option is type(None) and value is None:
            return None
        if option is float and isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return float(value)
            except OverflowError:  # a whole number beyond all floats: out of every range
                return math.inf if value > 0 else -math.inf
        if option is int and isinstance(value, int) and not isinstance(value, bool):
            return value
        if option in (str, bool) and isinstance(value, option):
            return value
        if typing.get_origin(option) is tuple and isinstance(value, list | tuple):
            return tuple(str(part) for part in value)
    wanted = " or ".join("a list of names" if typing.get_origin(o) is tuple else o.__name__ for o in options)
    raise ConfigError(f"{name} has the wrong type", repr(value)[:60], f"Write {wanted}.")


def _choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{name} is not known", repr(value), f"Use one of {', '.join(allowed)}.")


@dataclass(frozen=True)
class ModelConfig(Settings):
    """Shape of a model; with the weights, all that is needed to run it.

    Attributes:
        kind: `routed` (three pathways and a router a block) or `vanilla` (the plain pre-norm transformer).
        d_model: width of the residual stream.
        n_blocks: blocks, one after another.
        n_heads, head_dim: attention heads and the width of each; their product need not be `d_model`.
        top_k: keys that a query of the sparse pathway keeps. Vanilla attention keeps all.
        kernel_size: bytes seen by the local pathway.
        expand: hidden width of the feed-forward, in units of `d_model`.
        context: bytes that have a learned position, hence the longest text read at once.
        ternary: which pathways have ternary weights; a vanilla model has none, whatever is said here.
        pathways: which pathways a block has; a model without one of them shows what it is good for.
        abstain: whether there is an abstain head: a chat model's own guess that it should not answer.
        through_local: whether the dense pathway reads its input with what the local one makes of it added.
        mix_scale: factor on the routed sum; 3 lets three equally weighted pathways each count in full.
        activation_bits: 8 rounds what goes into the ternary matrices of attention and feed-forward to whole steps, 127
            at most, for each byte of the text by itself, and of ternary attention also each query, key and value, so
            that all these products are sums of small whole numbers; 0 leaves them as they are. See `ternary.py`.
            Without ternary matrices it means nothing; a vanilla model has none.
    """

    kind: str = "routed"
    d_model: int = field(default=128, metadata=between(4, 4096))
    n_blocks: int = field(default=4, metadata=between(1, 128))
    n_heads: int = field(default=8, metadata=between(1, 128))
    head_dim: int = field(default=16, metadata=between(1, 512))
    top_k: int = field(default=16, metadata=between(1, 65536))
    kernel_size: int = field(default=5, metadata=between(1, 64))
    expand: float = field(default=4.0, metadata=between(0.25, 16))
    context: int = field(default=256, metadata=between(2, 65536))
    ternary: tuple[str, ...] = ("dense",)
    pathways: tuple[str, ...] = PATHWAYS
    abstain: bool = False
    through_local: bool = False
    mix_scale: float = field(default=1.0, metadata=between(0.01, 100))
    activation_bits: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _choice("kind", self.kind, KINDS)
        for name, parts in (("ternary", self.ternary), ("pathways", self.pathways)):
            for part in parts:
                _choice(name, part, PATHWAYS)
        if self.activation_bits not in ACTIVATION_BITS:
            seen = repr(self.activation_bits)
            raise ConfigError("activation_bits is not known", seen, "Use 8, or 0 for activations as floats.")
        if not self.pathways:
            raise ConfigError("A block needs a pathway", "none", f"Name some of {', '.join(PATHWAYS)}.")
        if self.kind == "vanilla":
            object.__setattr__(self, "ternary", ())
            object.__setattr__(self, "activation_bits", 0)

    @property
    def hidden(self) -> int:
        """Hidden width of the feed-forward."""
        return max(1, round(self.expand * self.d_model))

    def twin(self, kind: str) -> "ModelConfig":
        """The same shape as the other kind: what a routed model is compared with."""
        return dataclasses.replace(self, kind=kind)


@dataclass(frozen=True)
class TrainingConfig(Settings):
    """How a model is trained. `seed` fixes initialisation and the order of the windows.

    Attributes:
        steps: optimizer steps; one step reads `batch_size` windows of `context` bytes.
        accumulate: parts into which a batch is divided to save memory; their gradients are added up.
        optimizer: `adamw` for everything, or `muon` for the matrices inside the blocks and AdamW for the rest.
        learning_rate, muon_learning_rate: the peaks of the two.
        warmup_steps: steps of linear warm-up; then a cosine down to `final_lr_ratio` times the peak.
        balance: weight of the router's load-balancing loss.
        budget: weight of its compute loss, which makes it leave out what a byte can do without; 0 spares nothing.
        abstain: weight of the abstain head's loss, where there is a head and something to teach it.
        distill: share of the loss on plain text that is how far the model is from its teacher's prediction of the next
            byte; the rest is the byte that came. 0 without a teacher. A model that learns to chat has its base as
            teacher, so that it goes on writing as that does (Li and Hoiem 2016, arXiv 1606.09282).
        inherit: whether a fresh model begins with its teacher's weights, as floats are made ternary.
        precision: `bfloat16` uses autocast, while the weights and the optimizer stay float32; `auto` does so where the
            processor has bfloat16 arithmetic of its own, since elsewhere it would be slower.
        compile: use `torch.compile`; needs a C++ compiler on the machine.
        eval_bytes: how much held-out text an evaluation during training reads.
    """

    steps: int = field(default=1000, metadata=between(1, 10**9))
    accumulate: int = field(default=1, metadata=between(1, 65536))
    batch_size: int = field(default=32, metadata=between(1, 65536))
    optimizer: str = "adamw"
    learning_rate: float = field(default=3e-3, metadata=between(0, 1))
    muon_learning_rate: float = field(default=2e-2, metadata=between(0, 1))
    final_lr_ratio: float = field(default=0.1, metadata=between(0, 1))
    warmup_steps: int = field(default=100, metadata=between(0, 10**6))
    weight_decay: float = field(default=0.1, metadata=between(0, 10))
    clip_norm: float = field(default=1.0, metadata=between(1e-6, 1e6))
    balance: float = field(default=0.01, metadata=between(0, 100))
    budget: float = field(default=0.0, metadata=between(0, 100))
    abstain: float = field(default=0.2, metadata=between(0, 100))
    distill: float = field(default=0.0, metadata=between(0, 1))
    inherit: bool = False
    seed: int = field(default=0, metadata=between(0, 2**63 - 1))
    precision: str = "auto"
    compile: bool = False
    log_every: int = field(default=10, metadata=between(1, 10**9))
    eval_every: int = field(default=500, metadata=between(1, 10**9))
    save_every: int = field(default=500, metadata=between(1, 10**9))
    eval_bytes: int = field(default=100_000, metadata=between(1, 10**12))

    def __post_init__(self) -> None:
        super().__post_init__()
        _choice("precision", self.precision, PRECISIONS)
        _choice("optimizer", self.optimizer, OPTIMIZERS)


@dataclass(frozen=True)
class TuningConfig(Settings):
    """What a model is taught when it learns to chat.

    Attributes:
        pairs: dialogues to make.
        data_seed: of the dialogues; it decides which facts are taught and which are withheld.
        rehearsal: share of the steps that read plain text.
        floats: whether a ternary base goes on as floats, its latent weights: these learn facts about twice as fast.
    """

    pairs: int = field(default=60_000, metadata=between(1000, 10**8))
    data_seed: int = field(default=0, metadata=between(0, 2**63 - 1))
    rehearsal: float = field(default=0.2, metadata=between(0, 0.9))
    floats: bool = False


@dataclass(frozen=True)
class Recipe:
    """A model, how it is trained, and what it is taught: what one file under `configs/` says.

    `tuning` is there in recipes for chat, whose model is that of the checkpoint they begin with.
    """

    model: ModelConfig
    training: TrainingConfig
    tuning: TuningConfig | None = None

    @classmethod
    def from_yaml(cls, path: str | Path) -> "Recipe":
        """Read a recipe with the sections `model`, `training` and, for chat, `tuning`.

        Raises:
            ConfigError: the file is missing, is not YAML, or holds an unknown or impossible setting.
        """
        path = Path(path)
        content = read_yaml(path, "recipe")
        if not isinstance(content, dict) or not set(content) <= {"model", "training", "tuning"}:
            seen = ", ".join(map(str, content)) if isinstance(content, dict) else repr(content)[:60]
            raise ConfigError(f"{path} is not a recipe", seen, "Use the sections `model:`, `training:` and `tuning:`.")
        return cls(
            ModelConfig.from_dict(content.get("model") or {}, f"{path}, section model"),
            TrainingConfig.from_dict(content.get("training") or {}, f"{path}, section training"),
            TuningConfig.from_dict(content["tuning"] or {}, f"{path}, section tuning") if "tuning" in content else None,
        )
