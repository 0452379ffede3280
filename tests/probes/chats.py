"""What tests of kept answers and of sweeps share: a bank of one's own, and tiny checkpoints that can chat."""

import json
from pathlib import Path

from probes.banks import Bank, Question
from tests.conftest import random_model
from tilelli.checkpoint import save_checkpoint

SETTINGS = {"threshold": None, "max_new": 4, "training": 5}
QUESTIONS = [f"Who is {'o' * (number // 3)}{number % 3}?" for number in range(12)]  # three of each length


def bank() -> Bank:
    """Twelve questions, every other one of another part."""
    rows = tuple(
        Question(f"USER: {text}\nTILELLI:", number % 3 == 0, ("no one",) if number % 3 == 0 else (), "ab"[number % 2])
        for number, text in enumerate(QUESTIONS)
    )
    return Bank("twelve", rows, "")


def bank_file(folder: Path) -> Path:
    """The same questions as a file."""
    lines = [
        {"question": text, "answerable": n % 3 == 0, "answers": ["no one"] * (n % 3 == 0)}
        for n, text in enumerate(QUESTIONS)
    ]
    (folder / "own.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "own.jsonl"


def checkpoints(folder: Path, count: int = 3) -> list[str]:
    """Folders of checkpoints with an abstain head."""
    return [
        str(save_checkpoint(random_model(seed=seed, abstain=True, context=64), folder / f"runs/c{seed}"))
        for seed in range(count)
    ]
