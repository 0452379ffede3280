"""Text that says nothing anybody asks for, of a given length."""

from random import Random

from probes.banks.making.knowledge import written
from tilelli.data.dialogues.facts import normalise


def filler(length: int, rng: Random, answers: tuple[str, ...] = ()) -> str:
    """Sentences that are together `length` bytes long and hold no word of the `answers`.

    Raises:
        AssertionError: none were found; a few short lengths have none.
    """
    avoid, every = set(" ".join(answers).split()), written("wordings")["filler"]["sentences"]
    sentences: list[str] = [text for text in every if not set(normalise(text).split()) & avoid]
    for _ in range(20_000):
        text = rng.choice(sentences)
        while len(text) < length:
            text += f" {rng.choice(sentences)}"
        if len(text) == length:
            return text
    raise AssertionError(f"no sentences make {length} bytes")
