"""WER and CER. The only file of the command line that imports jiwer."""

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer


@dataclass(frozen=True)
class Errors:
    """Edits that make the hypothesis of the reference: a micro-average, all errors over all `length` words (or
    characters) that were said. The kinds are None where only their sum is known."""

    errors: int
    length: int
    substituted: int | None = None
    missing: int | None = None
    extra: int | None = None

    @property
    def rate(self) -> float:
        """More than 1 where more is extra than was said. Raises ZeroDivisionError where nothing was said."""
        return self.errors / self.length


def word_errors(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> Errors:
    """Of (said, heard) words, one pair a recording. Time grows with said x heard: 90,000 words take 2 s, 24 MB."""
    found = jiwer.process_words([" ".join(said) for said, _ in pairs], [" ".join(heard) for _, heard in pairs])
    return _counted(found, sum(len(said) for said, _ in pairs))


def character_errors(pairs: Sequence[tuple[str, str]]) -> Errors:
    """Of (said, heard) text, blanks between words included. 520,000 characters take 11 s, 52 MB."""
    found = jiwer.process_characters([said for said, _ in pairs], [heard for _, heard in pairs])
    return _counted(found, sum(len(said) for said, _ in pairs))


def _counted(found: jiwer.WordOutput | jiwer.CharacterOutput, length: int) -> Errors:
    wrong = (found.substitutions, found.deletions, found.insertions)
    return Errors(sum(wrong), length, *wrong)
