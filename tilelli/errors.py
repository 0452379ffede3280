"""Every error Tilelli raises on purpose, in one family.

    TilelliError
    |-- ConfigError       a setting is unknown, missing or out of range
    |-- CheckpointError   a file is not a checkpoint, or not one that can be trusted
    |-- DataError         training or evaluation text cannot be read or is too short
    |-- InputError        an argument of a call makes no sense
    |-- StoreError        results cannot be kept or read
    `-- TrainingError     a run cannot start, resume or go on

Each message has three short parts: what happened, what was seen, what to do. The command line prints it and exits
with code 2; the app shows it in place of the picture and goes on.
"""


class TilelliError(Exception):
    """Base of the family.

    Args:
        happened: what went wrong, without a full stop.
        seen: the value or file that caused it.
        remedy: what the user can do about it, as a full sentence.
    """

    def __init__(self, happened: str, seen: str, remedy: str) -> None:
        self.happened, self.seen, self.remedy = happened, seen, remedy
        super().__init__(f"{happened}: {seen}. {remedy}")

    def __reduce__(self) -> tuple[type["TilelliError"], tuple[str, str, str]]:
        return type(self), (self.happened, self.seen, self.remedy)


class ConfigError(TilelliError):
    """A setting is unknown, missing or out of range."""


class CheckpointError(TilelliError):
    """A file is not a checkpoint, or not one that can be trusted."""


class DataError(TilelliError):
    """Training or evaluation text cannot be read or is too short."""


class InputError(TilelliError):
    """An argument of a call makes no sense."""


class StoreError(TilelliError):
    """Results cannot be kept or read."""


class TrainingError(TilelliError):
    """A run cannot start, resume or go on."""
