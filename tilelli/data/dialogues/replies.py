"""What Tilelli says when it does not know, and how such words are recognised.

Each reason has replies of its own, beside those that fit every reason. `says_unknown` recognises them all, and no
answer. This module knows nothing of questions.
"""

import re
from random import Random

from tilelli.data.dialogues.facts import normalise

ANY = (
    "I don't know.",
    "Sorry, I don't know that.",
    "I do not know.",
    "I'm afraid I don't know.",
    "I don't know that one.",
    "I have no idea, sorry.",
    "That is something I don't know.",
    "I can't tell you that.",
)
BY_REASON = {
    "invented": ("I have never heard of {e}.", "I don't know anything about {e}.", "I don't know {e}."),
    "crossed": ("I don't think that makes sense.", "I don't understand the question."),
    "unlisted": ("I don't know that about {e}.", "I never learned that, so I don't know."),
    "untaught": ("I don't know that about {e}.", "I never learned that, so I don't know."),
    "private": ("You have not told me, so I don't know.", "I don't know much about you."),
    "missing": ("I don't know what you mean. Can you say more?", "I don't know, you have not told me enough."),
    "future": ("Nobody can know that yet.", "I can't see into the future.", "I don't know what will happen."),
    "realtime": ("I can't see what is happening now.", "I don't know, I have no clock and no news."),
    "unknowable": ("Nobody can know that.", "I don't think anyone knows."),
    "nonsense": ("I don't understand that.", "I don't understand. Can you say it differently?"),
}
DENIALS = ("No, I don't think so.", "No, I don't think that is right.")  # the first letter tells them from the next
AFFIRMATIONS = ("Yes, that is right.", "Yes.", "Yes, I think so.")
UNKNOWN = re.compile(
    r"\b(?:(?:do not|dont|cannot|cant|nobody can|never) (?:really )?(?:know|tell|understand|think|see|heard of)|no idea"
    r"|never learned that|not sure)\b"
)


def unknown(reason: str, rng: Random, entity: str = "") -> str:
    """A reply that admits not knowing, fit for the reason; half of them are of the general kind."""
    own = BY_REASON[reason]
    return rng.choice(own if rng.random() < 0.5 else ANY).replace("{e}", entity)


def says_unknown(reply: str) -> bool:
    """Whether the words of a reply decline to answer or deny a premise."""
    return bool(UNKNOWN.search(normalise(reply)))


def is_right(reply: str, answers: tuple[str, ...]) -> bool:
    """Whether a reply holds one of the accepted answers, as whole words, and does not decline."""
    said = f" {normalise(reply)} "
    return not says_unknown(reply) and any(f" {answer} " in said for answer in answers)
