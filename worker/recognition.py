"""A chunk's way through a recognizer: from its step to a clip, and from what was heard to what the ledger keeps.

Deciding and reading here, in any thread; the runner decodes and settles what fails.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core import jobs
from core.calibration import Calibration
from core.context import Context
from core.jobs import library
from core.options import Options
from core.states import Kind
from core.transcript import Segment
from worker import fingerprint
from worker.engines.calibrations import applies, calibrated
from worker.engines.protocols import Clip, EngineFailure, Hypothesis, Recognizer
from worker.parts import pcm_key
from worker.steps import redecode, transcribe


@dataclass(frozen=True)
class Prepared:
    """`fingerprint` empty: neither looked up nor kept. `known`: what the same chunk gave before."""

    step: jobs.Claimed
    clip: Clip
    fingerprint: str = ""
    known: Hypothesis | None = None


@dataclass(frozen=True)
class Recognition:
    context: Context
    recognizer: Recognizer
    calibration: Calibration | None = None

    def clip(self, step: jobs.Claimed) -> Prepared:
        """Raises Unavailable or a StorageError where its sound cannot be read."""
        options = Options.model_validate(step.options)

        def read(part: int, start: int, length: int) -> bytes:
            key = pcm_key(step.sound, step.params["generation"], part)
            return self.context.blobs.read_range(key, start, length)

        clip = transcribe.clip(step.params, options, read)
        if step.kind is Kind.REDECODE:
            clip = redecode.clip(clip, step.params)
        if not library.in_use(self.context.settings, options):
            return Prepared(step, clip)
        made = fingerprint.of(clip, self.recognizer.info, self.calibration.id if self.calibration else "")
        return Prepared(step, clip, made)

    def looked_up(self, found: Sequence[Prepared]) -> list[Prepared]:
        """With what is known already, tenant by tenant, and the others' work done that needs no device. An owner who
        has a stage run again wants it done, not looked up."""
        known: dict[Any, dict[str, Any]] = {}
        asked = [one for one in found if one.fingerprint and one.step.run == 1]
        for tenant in {one.step.tenant_id for one in asked}:
            wanted = [one.fingerprint for one in asked if one.step.tenant_id == tenant]
            answers = library.known(self.context, tenant, wanted)
            known |= {(tenant, sha256): answer for sha256, answer in answers.items()}
        return [self._ready(one, known.get((one.step.tenant_id, one.fingerprint))) for one in found]

    def _ready(self, one: Prepared, answer: dict[str, Any] | None) -> Prepared:
        if answer is not None:
            return replace(one, known=fingerprint.hypothesis(answer))
        return replace(one, clip=self.recognizer.prepare(one.clip))

    def heard(self, one: Prepared, answer: Hypothesis | EngineFailure) -> Callable[[], bool]:
        """Records the answer, as often as it is called. Raises the error of a clip that failed."""
        if isinstance(answer, EngineFailure):
            raise answer.error
        hypothesis = one.known or calibrated(answer, self.calibration)
        step, segments = one.step, transcribe.segments(hypothesis, one.step.params)
        sure = applies(hypothesis, self.calibration)
        made = transcribe.result(hypothesis, segments, step.params, self.recognizer.info, calibrated=sure)
        result = {**made, "cached": one.known is not None}
        if "track" in step.params:
            result["levels"] = transcribe.levels(one.clip.samples)
        if step.kind is Kind.REDECODE:
            effects = [self._second(step, hypothesis, segments, result)]
        else:
            effects = [jobs.record_segments(step.index, [segment.to_json() for segment in segments])]
        if one.fingerprint and one.known is None and fingerprint.repeatable(hypothesis):
            effects.append(library.remember(one.fingerprint, fingerprint.stored(hypothesis), step.sound))
        return lambda: jobs.finish(self.context, step, result, jobs.all_of(*effects))

    def _second(
        self, step: jobs.Claimed, hypothesis: Hypothesis, segments: Sequence[Segment], result: dict[str, Any]
    ) -> jobs.Effect:
        """The better of the two texts becomes the chunk's; the step keeps both."""
        first = jobs.segments_of(self.context, step.job_id, step.index)
        against = redecode.objections(first, hypothesis, step.params)
        second = [redecode.marked(segment).to_json() for segment in segments]
        result |= {
            "kept": not against,
            "objections": list(against),
            "first": [segment.to_json() for segment in first],
            "second": second,
        }
        return jobs.all_of() if against else jobs.replace_segments(step.index, second)
