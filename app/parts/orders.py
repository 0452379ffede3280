"""What a training run is asked for: the form's values, as a command line and as the file that a resumed run reads."""

import json
import os
import re
import shlex
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tilelli.config import Recipe
from tilelli.errors import ConfigError, InputError

ROOT = Path(__file__).parents[2]
CORES = os.cpu_count() or 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Order:
    """Enough to start a run and to go on with it. With an empty `held_out` a part of the data is kept apart."""

    config: str
    data: str
    held_out: str
    kind: str
    steps: int
    seed: int
    threads: int

    @classmethod
    def read(cls, path: Path) -> "Order | None":
        """The order in a file; None if it is missing, broken, or of another version."""
        try:
            return cls(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def as_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()

    def arguments(self, out: str | Path, resume: bool = False) -> list[str]:
        """Of `python -m tilelli`. A value is tied to its option, since it may begin with a dash."""
        options = {"config": self.config, "data": self.data, "held-out": self.held_out, "kind": self.kind}
        options |= {"steps": str(self.steps), "seed": str(self.seed), "threads": str(self.threads), "out": str(out)}
        given = [f"--{name}={value}" for name, value in options.items() if value]
        return ["train", *given, *(["--resume"] if resume else [])]

    def command(self, out: str | Path, resume: bool = False) -> str:
        """The same for a terminal."""
        return shlex.join(["python", "-m", "tilelli", *self.arguments(out, resume)])

    def recipe(self) -> Recipe:
        """The recipe with what was asked for in place of its own; raises ConfigError."""
        recipe = Recipe.from_yaml(self.config)
        return Recipe(recipe.model.twin(self.kind), replace(recipe.training, steps=self.steps, seed=self.seed))

    def settled(self) -> "Order":
        """The same with paths that mean the same in any folder.

        Raises:
            InputError: nothing was named to train on.
            ConfigError: the recipe is wrong, or a setting is out of range.
        """
        if not self.data.strip():
            raise InputError("There is nothing to train on", "no text was named", "Give a file or a folder.")
        self.recipe()
        return replace(self, config=_whole(self.config), data=_whole(self.data), held_out=_whole(self.held_out))


def recipes() -> dict[str, str]:
    """Path of every recipe that comes with the code, by name, the smallest first; relative where that is shorter.

    Raises:
        ConfigError: there is none.
    """
    files = sorted(ROOT.glob("configs/*.yaml"), key=lambda file: (file.stem != "nano", file.stem))
    if not files:
        raise ConfigError("There is no recipe", str(ROOT / "configs"), "Start the dashboard from its repository.")
    return {file.stem: min(os.path.relpath(file), str(file), key=len) for file in files}


def check_name(name: str) -> str:
    """A name that is safe as a folder's; raises InputError."""
    if not NAME.fullmatch(name):
        remedy = "Use letters, digits, - _ and . only, a letter or digit first, 64 at most."
        raise InputError("This is no name for a run", repr(name)[:80], remedy)
    return name


def _whole(path: str) -> str:
    """What is not here is left as it was typed, for the error to name."""
    here = Path(path.strip()).expanduser()
    return str(here.resolve()) if path.strip() and here.exists() else path.strip()
