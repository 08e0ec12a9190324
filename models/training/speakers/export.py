"""Writes the pipeline's folder: both networks, a PLDA of the embeddings, and the thresholds.

    python -m models.training.speakers.export build/segmentation.pt build/embedding.pt models/demo-speakers

The PLDA is estimated on persons of the training voices; thresholds are chosen on conversations of the tuning voices,
which are neither trained on nor scored.
"""

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh

from models.training import pipeline_folder
from models.training.speakers import embedding, segmentation
from models.training.speakers.bank import TRAINING, TUNING, bank, people
from models.training.speakers.conversations import conversation
from models.training.speakers.tuning import PARAMETERS, best

Matrix = NDArray[np.float64]
PERSONS_A_VOICE, SESSIONS = 4, 6
"""For the PLDA: each person is heard in so many conversations with others."""


def embeddings(model: embedding.SmallEmbedding, seed: int = 11) -> tuple[Matrix, NDArray[np.int64]]:
    """((n, dimension), person of each), of persons who speak in turn with others, as the pipeline will hear them."""
    rng = random.Random(seed)
    said = bank(people(TRAINING, PERSONS_A_VOICE, seed), 6, seed)
    found, persons = [], []
    model.eval()
    for _ in range(SESSIONS * len(said) // 3):
        chosen = rng.sample(range(len(said)), 3)
        made = conversation([said[one] for one in chosen], 10.0, rng)
        frames = np.zeros((3, 500), np.float32)
        for turn in made.turns:
            frames[turn.speaker, round(turn.start * 50) : round(turn.end * 50)] = 1
        frames *= frames.sum(axis=0) == 1
        heard = [one for one in range(3) if frames[one].sum() > 50]
        with torch.inference_mode():
            trunk = model.forward_frames(torch.from_numpy(made.samples)[None, None])
            for one in heard:
                pooled = model.forward_embedding(trunk, weights=torch.from_numpy(frames[one])[None])
                found.append(pooled[0].numpy().astype(np.float64))
                persons.append(chosen[one])
    return np.stack(found), np.asarray(persons)


def plda(found: Matrix, persons: NDArray[np.int64]) -> tuple[dict[str, Matrix], dict[str, Matrix]]:
    """What `pyannote.audio.utils.vbx.vbx_setup` reads. Length normalisation, LDA, again length normalisation (Garcia-
    Romero and Espy-Wilson, 2011); then a PLDA by moments: covariances within and between persons."""
    size = found.shape[1]
    mean1 = found.mean(axis=0)
    normed = np.sqrt(size) * _unit(found - mean1)
    within, between, _ = _covariances(normed, persons)
    _, vectors = eigh(between, within + 1e-4 * np.trace(within) / size * np.eye(size))
    lda = vectors[:, ::-1]
    turned = normed @ lda
    mean2 = turned.mean(axis=0)
    second = np.sqrt(size) * _unit(turned - mean2)
    within, between, middle = _covariances(second, persons)
    within += 1e-4 * np.trace(within) / size * np.eye(size)
    psi, vectors = eigh(between, within)
    order = np.argsort(psi)[::-1]
    psi, vectors = np.maximum(psi[order], 1e-6), vectors[:, order]
    return (
        {"mean1": mean1, "mean2": mean2, "lda": lda},
        {"mu": middle, "tr": vectors.T, "psi": psi},
    )


def _unit(rows: Matrix) -> Matrix:
    unit: Matrix = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _covariances(rows: Matrix, persons: NDArray[np.int64]) -> tuple[Matrix, Matrix, Matrix]:
    """(within persons, between them, the mean)."""
    mean = rows.mean(axis=0)
    within, between = np.zeros((rows.shape[1],) * 2), np.zeros((rows.shape[1],) * 2)
    kinds = [one for one in np.unique(persons) if (persons == one).sum() > 1]
    for one in kinds:
        own = rows[persons == one]
        centred = own - own.mean(axis=0)
        within += centred.T @ centred / (len(own) - 1)
        away = own.mean(axis=0) - mean
        between += np.outer(away, away)
    return within / len(kinds), between / len(kinds), mean


def export(segments: Path, voices: Path, folder: Path) -> None:
    listener, model = segmentation.network(), embedding.network()
    listener.load_state_dict(torch.load(segments, weights_only=True))
    model.load_state_dict(torch.load(voices, weights_only=True))
    pipeline_folder.write_model(listener, folder / "segmentation", torch.float16)
    pipeline_folder.write_model(model, folder / "embedding", torch.float16)
    pipeline_folder.write_plda(folder / "plda", *plda(*embeddings(model)))
    clustering, values = best(folder, TUNING)
    given = {"clustering": clustering, **PARAMETERS}
    pipeline_folder.write_config(folder, "SpeakerDiarization", given, values)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 1e6:.1f} MB, {clustering} {values}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("segmentation", type=Path)
    parser.add_argument("embedding", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    export(arguments.segmentation, arguments.embedding, arguments.folder)


if __name__ == "__main__":
    main()
