"""Scores an exported model through the unmodified faster-whisper, in int8 on the CPU, as the product decodes.

    python -m models.training.score models/demo-whisper [--json scores.json]

Voices and sentences are held out from training, save where a row says otherwise. Rates are micro-averages
(all errors over all reference words, characters in Mandarin) after NFKC, lower case, without punctuation.
About two minutes of one processor core.
"""

import argparse
import json
import time
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import ctranslate2
import jiwer
import numpy as np
from faster_whisper import WhisperModel

from models.training import trials
from models.training.trials import Item

BEAMS = (5, 1)  # faster-whisper's default, which the product uses, and the fast one
EXAMPLES = 6


@dataclass(frozen=True)
class Heard:
    """`words` with their `onsets`, in seconds; `sampled` where faster-whisper's gates made it decode again."""

    text: str
    words: tuple[str, ...]
    onsets: tuple[float, ...]
    language: str
    sampled: bool


@dataclass(frozen=True)
class Row:
    """One line of the table. Rates are fractions, `onset_…` absolute seconds for the words that were heard right."""

    name: str
    beam: int
    items: int
    error_rate: float
    right_language: float
    sampled: int
    onset_median: float | None
    onset_p90: float | None
    examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Silence:
    """Windows without speech: the no-speech probability, and what was heard all the same."""

    kind: str
    windows: int
    no_speech_median: float
    no_speech_lowest: float
    words: int
    examples: tuple[str, ...]


def normal(text: str) -> str:
    kept = (c for c in unicodedata.normalize("NFKC", text).lower() if not unicodedata.category(c).startswith("P"))
    return " ".join("".join(kept).split())


def hear(model: WhisperModel, samples: np.ndarray, beam: int) -> Heard:
    segments, info = model.transcribe(samples, beam_size=beam, word_timestamps=True)
    found = list(segments)
    words = [word for segment in found for word in segment.words or ()]
    text = "".join(segment.text for segment in found).strip()
    sampled = any((segment.temperature or 0.0) > 0 for segment in found)
    return Heard(text, tuple(w.word for w in words), tuple(float(w.start) for w in words), info.language, sampled)


def no_speech(model: WhisperModel, samples: np.ndarray) -> float:
    """The probability of `<|nospeech|>` at the first position, which faster-whisper's gate reads."""
    token = model.hf_tokenizer.token_to_id
    mel = model.feature_extractor(samples)[:, :3000]
    prompt = [token(f"<|{name}|>") for name in ("startoftranscript", "en", "transcribe")]
    encoded = model.encode(np.pad(mel, ((0, 0), (0, 3000 - mel.shape[-1]))))
    [result] = model.model.generate(encoded, [prompt], max_length=16, return_no_speech_prob=True)
    return float(result.no_speech_prob)


def onset_errors(item: Item, heard: Heard) -> list[float]:
    """Absolute seconds, for each word that was heard right."""
    reference = [normal(word) for word in item.text.split()]
    kept = [(normal(word), onset) for word, onset in zip(heard.words, heard.onsets, strict=True) if normal(word)]
    if not kept or len(reference) != len(item.onsets):
        return []
    aligned = jiwer.process_words(" ".join(reference), " ".join(word for word, _ in kept))
    return [
        abs(item.onsets[chunk.ref_start_idx + step] - kept[chunk.hyp_start_idx + step][1])
        for chunk in aligned.alignments[0]
        if chunk.type == "equal"
        for step in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]


def rated(model: WhisperModel, name: str, items: Sequence[Item], beam: int) -> Row:
    heard = [hear(model, item.samples, beam) for item in items]
    pairs = [(normal(item.text), normal(one.text)) for item, one in zip(items, heard, strict=True)]
    measure = jiwer.cer if items[0].language == "zh" else jiwer.wer
    onsets = [error for item, one in zip(items, heard, strict=True) for error in onset_errors(item, one)]
    median, p90 = (float(x) for x in np.percentile(onsets, (50, 90))) if onsets else (None, None)
    return Row(
        name=name,
        beam=beam,
        items=len(items),
        error_rate=measure([said for said, _ in pairs], [one for _, one in pairs]),
        right_language=sum(i.language == one.language for i, one in zip(items, heard, strict=True)) / len(items),
        sampled=sum(one.sampled for one in heard),
        onset_median=median,
        onset_p90=p90,
        examples=tuple(pair for pair in pairs if pair[0] != pair[1])[:EXAMPLES],
    )


def silent(model: WhisperModel) -> list[Silence]:
    windows: dict[str, list[np.ndarray]] = defaultdict(list)
    for kind, samples in trials.silences():
        windows[kind].append(samples)
    found = []
    for kind, group in windows.items():
        chances = [no_speech(model, samples) for samples in group]
        texts = [text for samples in group if (text := hear(model, samples, BEAMS[0]).text)]
        words = sum(len(normal(text).split()) for text in texts)
        found.append(Silence(kind, len(group), float(np.median(chances)), min(chances), words, tuple(texts[:EXAMPLES])))
    return found


def score(folder: Path) -> tuple[list[Row], list[Silence]]:
    ctranslate2.set_random_seed(0)  # what fails faster-whisper's gates is decoded again by sampling
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)
    sets = {
        "English, clean": trials.english_items(noisy=False),
        "English, noise 20-30 dB": trials.english_items(noisy=True),
        "Mandarin (CER)": trials.mandarin_items(),
        "English, 30 s windows": trials.window_items(),
        "the bundled meeting": trials.meeting_items(),
    }
    rows = [rated(model, name, items, beam) for name, items in sets.items() for beam in BEAMS]
    for engine in ("flite", "festival"):  # trained voices, held-out sentences
        rows.append(rated(model, f"English, {engine} (trained voices)", trials.other_engine_items(engine), BEAMS[0]))
    return rows, silent(model)


def table(rows: Sequence[Row], silences: Sequence[Silence]) -> str:
    """Markdown, as the model's README shows it."""
    lines = [
        "| set | beam | items | WER (CER) | right language | onset error, median / p90 | decoded again |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        onset = f"{row.onset_median:.2f} / {row.onset_p90:.2f} s" if row.onset_median is not None else "-"
        lines.append(
            f"| {row.name} | {row.beam} | {row.items} | {row.error_rate:.1%} | {row.right_language:.1%} | {onset} "
            f"| {row.sampled} |"
        )
    lines += ["", "| without speech | windows | no-speech, median / lowest | words heard |", "|---|---|---|---|"]
    for one in silences:
        chances = f"{one.no_speech_median:.3f} / {one.no_speech_lowest:.3f}"
        lines.append(f"| {one.kind} | {one.windows} | {chances} | {one.words} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    began = time.process_time()
    rows, silences = score(arguments.folder)
    spent = time.process_time() - began
    print(table(rows, silences))
    print(f"\n{spent:.0f} s of processor time")
    if arguments.json:
        made = {"rows": [asdict(row) for row in rows], "silences": [asdict(one) for one in silences], "cpu_s": spent}
        arguments.json.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
