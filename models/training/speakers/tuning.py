"""Which clustering, with which thresholds: tried on conversations of voices kept for it.

Every conversation is heard once; only the joining of what was heard is done again for each choice.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.training import pipeline_folder
from models.training.speakers.measure import errors
from models.training.speakers.trials import Trial, trials
from worker.engines.blocks import BlockResult
from worker.engines.protocols import EngineInfo, SpeakerHints
from worker.engines.pyannote.diarizer import PyannoteDiarizer
from worker.engines.pyannote.hearing import Hearing
from worker.engines.pyannote.loading import grid, joiner

from pyannote.audio import Pipeline  # isort: skip - after ours, which lets it load

COUNT, SECONDS, SEED = 15, 60.0, 77
PARAMETERS = {"embedding_exclude_overlap": True, "embedding_batch_size": 8, "segmentation_batch_size": 8}
Values = dict[str, Any]
_INFO = EngineInfo("tuned", "pyannote", "0", "cpu", "float32", (10.0,))


def choices() -> Iterator[tuple[str, Values]]:
    """(clustering, its values)."""
    for threshold, size in itertools.product((0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05), (4, 8, 12)):
        yield "AgglomerativeClustering", {"method": "centroid", "threshold": threshold, "min_cluster_size": size}
    for threshold, fa, fb in itertools.product((0.6, 0.7, 0.8, 0.9), (0.05, 0.1, 0.3), (0.5, 2.0, 8.0)):
        yield "VBxClustering", {"threshold": threshold, "Fa": fa, "Fb": fb}


def best(folder: Path, variants: Sequence[str], count: int = COUNT) -> tuple[str, Values]:
    """The clustering with the lowest DER, of those the one that is right about most numbers of speakers."""
    made = trials(variants, count, SEED, SECONDS)
    heard = [_heard(folder, trial) for trial in made]
    tried = []
    pipelines = {name: _pipeline(folder, name, values) for name, values in reversed(list(choices()))}
    for clustering, values in choices():
        pipeline = pipelines[clustering].instantiate(_instantiated(values))
        found = [joiner(pipeline).joined(blocks, SpeakerHints()) for blocks in heard]
        rate = errors([(trial, one.turns) for trial, one in zip(made, found, strict=True)]).rate
        right = sum(len(one.embeddings) == t.speakers for t, one in zip(made, found, strict=True))
        tried.append((rate - 0.02 * right / count, rate, right, clustering, values))
    tried.sort(key=lambda one: one[0])
    for _, rate, right, clustering, values in tried[:5]:
        print(f"DER {rate:.1%}, {right} of {count} right: {clustering} {values}")
    _, _, _, clustering, values = tried[0]
    return clustering, _instantiated(values)


def _instantiated(values: Values) -> Values:
    return {"clustering": values, "segmentation": {"min_duration_off": 0.0}}


def _pipeline(folder: Path, clustering: str, values: Values) -> Any:
    given = {"clustering": clustering, **PARAMETERS}
    pipeline_folder.write_config(folder, "SpeakerDiarization", given, _instantiated(values))
    return Pipeline.from_pretrained(folder)


def _heard(folder: Path, trial: Trial) -> list[BlockResult]:
    pipeline = _pipeline(folder, "AgglomerativeClustering", next(choices())[1])
    own = PyannoteDiarizer(Hearing(pipeline), joiner(pipeline), _INFO, 8, grid(pipeline))
    return [own.windows(trial.samples[start:stop], start) for start, stop in own.spans(len(trial.samples))]
