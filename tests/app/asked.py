"""What tests of the pages that ask share: a bank of one's own with both halves, and a tiny model that can chat."""

from pathlib import Path

from probes.banks import CALIBRATION, TEST, Bank, Question
from probes.banks.bank import asked
from tests.conftest import MakeModel
from tilelli.checkpoint import save_checkpoint


def own_bank(count: int = 24, halves: bool = True) -> Bank:
    """Questions of two parts, a third of them with an answer; every other one to choose on."""
    splits = (CALIBRATION, TEST) if halves else (TEST, TEST)
    rows = tuple(
        Question(
            asked(f"Who is {'o' * (n // 6)}{n % 6}?"),
            n % 3 == 0,
            ("no one",) * (n % 3 == 0),
            f"part {n % 4 // 2}",
            split=splits[n % 2],
        )
        for n in range(count)
    )
    return Bank("own" if halves else "locked", rows, "")


def chat_model(folder: Path, tiny: MakeModel, seed: int = 0) -> str:
    """Its name; it has an abstain head."""
    return str(save_checkpoint(tiny(abstain=True, context=64, seed=seed), folder / f"chat{seed}"))
