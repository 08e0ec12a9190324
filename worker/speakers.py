"""A diarizer at work for the ledger: blocks, then their clustering. What it gives is written by the runner."""

from collections.abc import Callable
from dataclasses import dataclass

from core import jobs
from core.context import Context
from core.options import Options
from worker.engines.protocols import Diarizer
from worker.parts import pcm_key
from worker.steps import Place, cluster, diarize

Write = Callable[[], bool]
"""Records a result, as often as it is called."""


@dataclass(frozen=True)
class Speakers:
    context: Context
    diarizer: Diarizer

    def block(self, step: jobs.Claimed, check: Callable[[], None]) -> Write:
        """`check` raises when the step is to end; it is asked whenever the diarizer says how far it is."""

        def read(part: int, start: int, length: int) -> bytes:
            key = pcm_key(step.sound, step.params["generation"], part)
            return self.context.blobs.read_range(key, start, length)

        found = diarize.heard(step.params, step.index, self.diarizer, read, lambda _: check())
        first = Place.of(step.params).first
        effects = [jobs.record_block(first + number, body) for number, body in found.items()]
        result = {"bytes": sum(map(len, found.values())), "diarizer": self.diarizer.info.name}
        return lambda: jobs.finish(self.context, step, result, jobs.all_of(*effects))

    def clustered(self, step: jobs.Claimed) -> Write:
        options = Options.model_validate(step.options)
        track = step.params.get("track")
        blocks = jobs.blocks_of(self.context, step.job_id, track or 0)
        found = cluster.joined(blocks, self.diarizer, options, Place.of(step.params).offset)
        result = {"speakers": len({label for _, _, label in found["turns"]}), "diarizer": found["diarizer"]}
        return lambda: jobs.finish(self.context, step, result, jobs.record_speakers(found, track))
