"""Batches of chunks through a recognizer: while one decodes, the last is recorded and the next is prepared."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from core import jobs
from core.errors import EngineError, OutOfMemory, ScriptoriumError
from core.states import RECOGNIZED
from worker.engines.protocols import Clip, EngineFailure, Hypothesis
from worker.recognition import Prepared, Recognition

log = logging.getLogger(__name__)

Answers = dict[UUID, Hypothesis | EngineFailure]
"""By step."""


class Hands(Protocol):
    """What holds the steps: the runner."""

    def claim(self, kinds: Sequence[Any], limit: int, *, beside: bool = False) -> list[jobs.Claimed]: ...
    def release(self, step: jobs.Claimed) -> None: ...

    def check(self, step: jobs.Claimed) -> None:
        """Raises where the step is to end."""
        ...

    def guarded(self, step: jobs.Claimed, do: Callable[[], Any]) -> None:
        """Does it; whatever it raises becomes the step's state."""
        ...

    def tried(self, do: Callable[[], list[Any]]) -> list[Any] | ScriptoriumError:
        """What it gives, or raised."""
        ...

    def record(self, write: Callable[[], bool]) -> None: ...


@dataclass
class Batches:
    """`size` chunks go to the recognizer at once; it halves when the device has no room. `ahead`: as the module says;
    else one batch after the other, since a chunk that waits here is one that an idle worker cannot take."""

    recognition: Recognition
    hands: Hands
    size: int = 1
    ahead: bool = False

    def next(self, *, beside: bool = False) -> list[jobs.Claimed]:
        return self.hands.claim(RECOGNIZED, self.size, beside=beside)

    def run(self, steps: list[jobs.Claimed]) -> None:
        """These; with `ahead` also what is due meanwhile."""
        if self.ahead:
            self._conveyed(steps)
        else:
            ready = self._prepared(steps)
            self._recorded(steps, ready, self._answers(ready))

    def _conveyed(self, steps: list[jobs.Claimed]) -> None:
        """A step that must be alone has the process to itself. Whatever the other thread raised is raised here."""
        ready = self._prepared(steps)
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="beside") as beside:
            while steps:
                following = None if any(step.alone for step in steps) else beside.submit(self._following)
                recorded = beside.submit(self._recorded, steps, ready, self._answers(ready))
                steps, ready = following.result() if following else ([], [])
            recorded.result()

    def _following(self) -> tuple[list[jobs.Claimed], list[Prepared]]:
        steps = self.next(beside=True)
        return steps, self._prepared(steps)

    def _prepared(self, steps: Sequence[jobs.Claimed]) -> list[Prepared]:
        found: list[Prepared] = []
        for step in steps:
            self.hands.guarded(step, lambda step=step: found.append(self._clip(step)))  # type: ignore[misc]
        ready = self.hands.tried(lambda: self.recognition.looked_up(found))
        return found if isinstance(ready, ScriptoriumError) else ready

    def _clip(self, step: jobs.Claimed) -> Prepared:
        self.hands.check(step)
        return self.recognition.clip(step)

    def _answers(self, ready: Sequence[Prepared]) -> Answers:
        """Of those that are still wanted and not known yet."""
        wanted: list[Prepared] = []
        for one in ready:
            if one.known is None:
                self.hands.guarded(one.step, lambda one=one: wanted.append(self._wanted(one)))  # type: ignore[misc]
        answers = self.hands.tried(lambda: self._decoded([one.clip for one in wanted]))
        if isinstance(answers, ScriptoriumError):
            answers = [EngineFailure(answers)] * len(wanted)
        return {one.step.id: answer for one, answer in zip(wanted, answers, strict=True)}

    def _wanted(self, one: Prepared) -> Prepared:
        self.hands.check(one.step)
        return one

    def _decoded(self, clips: list[Clip]) -> list[Hypothesis | EngineFailure]:
        """One answer a clip. In halves, when the device has no room for all; the smaller batch is remembered."""
        if not clips:
            return []
        try:
            answers = self.recognition.recognizer.transcribe(clips)
        except OutOfMemory as error:
            if len(clips) == 1:
                return [EngineFailure(error)]
            self.size = half = len(clips) // 2
            log.warning("the device has no room for %d chunks at once; going on with %d", len(clips), half)
            return self._decoded(clips[:half]) + self._decoded(clips[half:])
        if len(answers) != len(clips):
            raise EngineError(f"the recognizer gave {len(answers)} answers to {len(clips)} clips")
        return answers

    def _recorded(self, steps: Sequence[jobs.Claimed], ready: Sequence[Prepared], answers: Answers) -> None:
        try:
            for one in ready:
                answer = one.known or answers.get(one.step.id)
                if answer is not None:  # else it was settled
                    self.hands.guarded(one.step, lambda one=one, answer=answer: self._heard(one, answer))  # type: ignore[misc]
        finally:
            for step in steps:
                self.hands.release(step)

    def _heard(self, one: Prepared, answer: Hypothesis | EngineFailure) -> None:
        self.hands.record(self.recognition.heard(one, answer))
