"""Trains the demonstration Whisper on the corpus.

    python -m models.training.train build/corpus.pkl build/demo-whisper [--minutes 100] [--begin 0.75]

Three losses at once: the next token; the phoneme at every 20 ms of the encoder (espeak-ng tells
it exactly, which teaches listening in hundreds of steps where a text loss needs thousands); and the
attention of two heads, which shall rest where the word is said (so word timestamps need no luck).
The course is laid by the clock, so that any machine ends in the time it is given.
"""

import argparse
import json
import math
import multiprocessing
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from models.training import sentences, tokens, voices
from models.training.acoustics import raw_log_mel, whisper_scale
from models.training.network import Shape, Whisper
from models.training.windows import IGNORED, Mix, Windows, collate

SHORT = Mix(batch=40, utterances=1, frames=520, pad_to=0, random_words=0.75, timestamps=0.3)
MEDIUM = Mix(batch=14, utterances=4, frames=1500, pad_to=0, random_words=0.5, timestamps=0.5)
LONG = Mix(batch=8, utterances=9, frames=3000, pad_to=3000, random_words=0.4, timestamps=0.5)
PAIR = Mix(batch=20, utterances=3, frames=1000, pad_to=0, random_words=0.5, timestamps=0.5)
ALONE = Mix(batch=8, utterances=2, frames=1000, pad_to=3000, random_words=0.5, timestamps=0.5)
PEAK_RATE = 2e-3


def mixture(done: float) -> list[tuple[Mix, float]]:
    """How often each mix is drawn after the fraction `done` of the course."""
    if done < 0.12:
        return [(SHORT, 0.95), (ALONE, 0.05)]
    if done < 0.40:
        return [(SHORT, 0.75), (MEDIUM, 0.18), (ALONE, 0.04), (LONG, 0.03)]
    if done < 0.70:
        return [(SHORT, 0.45), (MEDIUM, 0.37), (ALONE, 0.08), (LONG, 0.10)]
    return [(SHORT, 0.55), (PAIR, 0.20), (ALONE, 0.25)]


def feed(corpus: Path, folder: Path, seed: int, done, queue) -> None:  # type: ignore[no-untyped-def]
    """A process of its own, so that making windows and training overlap."""
    tokenizer = tokens.Tokenizer.from_file(str(folder / "tokenizer.json"))
    windows = Windows(corpus, tokenizer, seed)
    queue.put(len(windows.labels) + 1)
    rng = random.Random(seed)
    while True:
        mixes, shares = zip(*mixture(done.value), strict=True)
        mix = rng.choices(mixes, shares)[0]
        queue.put(
            collate([windows.draw(mix) for _ in range(mix.batch)], mix, tokens.number(tokenizer, "<|endoftext|>"))
        )


def losses(model: Whisper, batch: dict[str, torch.Tensor], dropout: float) -> tuple[torch.Tensor, ...]:
    with torch.autocast("cpu", torch.bfloat16):
        heard = model.encoder(batch["mel"].transpose(1, 2), dropout)
        logits, scores = model.decoder(batch["inputs"], heard, dropout)
        phonemes = model.phoneme_head(heard)
    weight = batch["weights"]
    asked = weight > 0
    text = F.cross_entropy(logits[asked].float(), batch["targets"][asked], reduction="none")
    text = (text * weight[asked]).sum() / weight.sum()
    phoneme = F.cross_entropy(phonemes.flatten(0, 1).float(), batch["phonemes"].flatten(), ignore_index=IGNORED)
    return text, phoneme, _attention_loss(scores, batch["spans"])


def _attention_loss(scores: torch.Tensor, spans: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the first two heads against an even spread over the word's span."""
    known = spans[..., 1] > spans[..., 0]
    if not known.any():
        return scores.sum() * 0
    frame = torch.arange(scores.shape[-1])
    chosen = spans[known]
    inside = ((frame >= chosen[:, :1]) & (frame < chosen[:, 1:])).float()
    inside = inside / inside.sum(1, keepdim=True).clamp(min=1)
    total = scores.new_zeros(())
    for head in (0, 1):
        total = total - (inside * scores[:, head][known].float().log_softmax(-1)).sum(1).mean()
    return total / 2


def rate(done: float) -> float:
    return PEAK_RATE * min(done / 0.01, 1.0) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


@torch.no_grad()
def greedy(model: Whisper, mel: np.ndarray, first: list[int], end: int, most: int = 40) -> list[list[int]]:
    heard = model.encoder(torch.from_numpy(mel).transpose(1, 2))
    rows = torch.tensor([first] * len(mel))
    for _ in range(most):
        logits, _ = model.decoder(rows, heard)
        rows = torch.cat([rows, logits[:, -1].argmax(-1, keepdim=True)], 1)
        if (rows[:, len(first) :] == end).any(1).all():
            break
    answers = rows[:, len(first) :].tolist()
    return [row[: row.index(end)] if end in row else row for row in answers]


def probe_set(language: str, count: int = 24) -> list[tuple[str, np.ndarray]]:
    rng = random.Random(77)
    made = []
    for line in sentences.sentences(language, count, 7, test=True):
        speech, _ = voices.random_espeak(line.speech, language, voices.ESPEAK_HELD_OUT, rng)
        mel = whisper_scale(raw_log_mel(speech.samples)).T
        made.append((line.text, np.pad(mel, ((0, 3000 - len(mel)), (0, 0)))))
    return made


def probe(model: Whisper, tokenizer, sets) -> str:  # type: ignore[no-untyped-def]
    import jiwer

    model.eval()
    told = []
    for language, made in sets.items():
        first = [
            tokens.number(tokenizer, f"<|{name}|>")
            for name in ("startoftranscript", language, "transcribe", "notimestamps")
        ]
        mel = np.stack([one for _, one in made]).astype(np.float32)
        said = [
            tokenizer.decode(row).strip()
            for row in greedy(model, mel, first, tokens.number(tokenizer, "<|endoftext|>"))
        ]
        measure = jiwer.cer if language == "zh" else jiwer.wer
        told.append(f"{language} {100 * measure([text for text, _ in made], said):.1f} % «{said[0]}»")
    model.train()
    return "  ".join(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--begin", type=float, default=0.0, help="go on from the checkpoint, at this part of the course"
    )
    arguments = parser.parse_args()
    seed = 1 + round(1000 * arguments.begin)  # other windows than the ones already seen
    torch.manual_seed(seed)
    torch.set_num_threads(arguments.threads)
    tokenizer = tokens.save(arguments.folder)
    context = multiprocessing.get_context("spawn")
    queue, done = context.Queue(maxsize=6), context.Value("d", arguments.begin)
    context.Process(target=feed, args=(arguments.corpus, arguments.folder, seed, done, queue), daemon=True).start()
    shape = Shape(vocabulary=tokenizer.get_vocab_size(), phonemes=queue.get())
    model = Whisper(shape)
    if arguments.begin:
        model.load_state_dict(torch.load(arguments.folder / "checkpoint.pt", weights_only=True)["model"])
    course(model, tokenizer, queue, done, arguments.minutes * 60, arguments.folder, arguments.begin)


def course(model: Whisper, tokenizer, queue, done, budget: float, folder: Path, begin: float) -> None:  # type: ignore[no-untyped-def]
    count = sum(p.numel() for p in model.parameters())
    print(f"{count / 1e6:.2f} M parameters, {model.shape}", flush=True)
    decayed = [p for p in model.parameters() if p.dim() > 1 and p.requires_grad]
    plain = [p for p in model.parameters() if p.dim() <= 1 and p.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
        betas=(0.9, 0.98),
        fused=True,
    )
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99))
    sets = {language: probe_set(language) for language in ("en", "zh")}
    start, step, running, told = time.monotonic(), 0, np.zeros(3), 0.0
    while (done_now := begin + (1 - begin) * (time.monotonic() - start) / budget) < 1:
        done.value = done_now
        batch = {name: torch.from_numpy(value) for name, value in queue.get().items()}
        for group in optimizer.param_groups:
            group["lr"] = rate(done_now)
        parts = losses(model, batch, dropout=0.0)
        total = parts[0] + (0.5 if done_now < 0.3 else 0.2) * parts[1] + (0.15 if done_now < 0.70 else 0.4) * parts[2]
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 4 == 0:
            average.update_parameters(model)
        running = 0.98 * running + 0.02 * np.array([float(part.detach()) for part in parts])
        if step % 100 == 0:
            text, phoneme, attention = running / (1 - 0.98**step)
            pace = (time.monotonic() - start) / step
            losses_now = f"text {text:.3f} phoneme {phoneme:.3f} attention {attention:.3f}"
            print(f"{done_now:6.1%} step {step} {losses_now} {pace:.2f} s", flush=True)
        if time.monotonic() - told > 300 and step > 200:
            told = time.monotonic()
            print("   held out:", probe(average.module, tokenizer, sets), flush=True)
            keep(average.module, folder, step, done_now)
    print("   held out:", probe(average.module, tokenizer, sets), flush=True)
    keep(average.module, folder, step, 1.0)


def keep(model: Whisper, folder: Path, step: int, done: float) -> None:
    torch.save({"model": model.state_dict(), "shape": vars(model.shape)}, folder / "checkpoint.part")
    (folder / "checkpoint.part").replace(folder / "checkpoint.pt")
    (folder / "course.json").write_text(json.dumps({"steps": step, "done": done}))


if __name__ == "__main__":
    main()
