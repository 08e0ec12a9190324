"""The tokenizer: byte-level BPE whose text tokens are the lexicon's words, then Whisper's specials.

The order is fixed by the field: text, the empty string, <|endoftext|>, <|startoftranscript|>,
languages, tasks, markers, and 1,501 timestamps of 20 ms last.
"""

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from models.training import lexicon as lx

LANGUAGES = ("en", "zh")
SPECIALS = [
    "<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES), "<|translate|>",
    "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>",
]  # fmt: skip
TIMESTAMPS = [f"<|{index * 0.02:.2f}|>" for index in range(1501)]


def train() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    capitalised = [word[0].upper() + word[1:] for word in lx.STARTERS]
    words = [f" {word}" for word in [*lx.ENGLISH, *capitalised]] + list(lx.CHARACTERS)
    trainer = trainers.BpeTrainer(
        vocab_size=8000, min_frequency=1, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(words, trainer)
    return tokenizer


def save(folder: Path) -> Tokenizer:
    """Writes `tokenizer.json` with the empty-string token and the specials in their places."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tokenizer.json"
    train().save(str(path))
    described = json.loads(path.read_text())
    described["model"]["vocab"][""] = len(described["model"]["vocab"])
    path.write_text(json.dumps(described, ensure_ascii=False))
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIALS])
    tokenizer.add_tokens([AddedToken(name, special=False, normalized=False) for name in TIMESTAMPS])
    tokenizer.save(str(path))
    return tokenizer


def number(tokenizer: Tokenizer, name: str) -> int:
    """The id of a token that must be there. Raises KeyError."""
    found = tokenizer.token_to_id(name)
    if found is None:
        raise KeyError(name)
    return found
