"""What counts as the same word. The one place for it: WER, CER, cpWER and tcpWER all compare these."""

import re
import unicodedata

NORMALISATION = (
    "words are compared after NFKC, in lower case, without punctuation and symbols (apostrophes inside words stay); "
    "Chinese and Japanese by character"
)

_APOSTROPHES = "'’"
_HAN_AND_KANA = r"々-〇㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffffぁ-ゟァ-ヿ"
"""Written without spaces between words. Thai, Lao, Khmer and Burmese are too, but have no characters that stand alone:
for them CER says more than WER."""

_UNSPACED = re.compile(f"([{_HAN_AND_KANA}])")
_BLANK_BETWEEN = re.compile(f"(?<=[{_HAN_AND_KANA}]) (?=[{_HAN_AND_KANA}])")


class _Kept(dict[int, str | None]):
    """For `str.translate`; looks a character up in Unicode's tables only once."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        kind = unicodedata.category(character)
        if character in _APOSTROPHES:
            self[code] = "'"
        elif kind[0] in "PS":
            self[code] = " "
        else:
            # Characters that nobody sees, such as the zero-width joiner, part no words.
            self[code] = None if kind == "Cf" else character
        return self[code]


_KEPT = _Kept()


def plain_words(text: str) -> list[str]:
    """How a transcript writes is no error of hearing: `Twenty-one!` and `twenty one` are the same two words, and each
    character of Chinese and Japanese is a word."""
    kept = unicodedata.normalize("NFKC", text).lower().translate(_KEPT)
    kept = unicodedata.normalize("NFC", kept)  # what stood between a letter and its accent is gone
    return [bare for word in _UNSPACED.sub(r" \1 ", kept).split() if (bare := word.strip("'"))]


def plain_characters(text: str) -> str:
    """What CER compares: those words with a blank between, but none between characters of Chinese and Japanese."""
    return _BLANK_BETWEEN.sub("", " ".join(plain_words(text)))
